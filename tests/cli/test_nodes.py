from __future__ import annotations

import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path

import torch
from support.commands import write_toy_config

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "several_processes.md"


def documented(node: int, port: int, config: Path) -> list[str]:
    """Return the page's torchrun command for one of two machines, which are this one, with one CPU each."""
    (text,) = re.findall(r"^    torchrun (.*\\\n.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    arguments = shlex.split(text.replace("\\\n", " "))
    launcher, program = arguments[: arguments.index("--")], arguments[arguments.index("--") :]
    launcher = _with(launcher, node_rank=node, nproc_per_node=1, master_addr="127.0.0.1", master_port=port)
    program[program.index("--config") + 1] = str(config)
    program[program.index("--trainer.devices") + 1] = "1"
    program[program.index("train.py")] = str(ROOT / "train.py")
    return [sys.executable, "-m", "torch.distributed.run", *launcher, *program]


def _with(arguments: list[str], **values: object) -> list[str]:
    for name, value in values.items():
        arguments[arguments.index(f"--{name.replace('_', '-')}") + 1] = str(value)
    return arguments


def test_torchrun_on_two_nodes_trains_one_run(tmp_path: Path) -> None:
    """Two launchers on this machine, one process each, as two machines would have."""
    config = write_toy_config(tmp_path / "toy.yaml")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    nodes = [
        subprocess.Popen(
            documented(rank, port, config),
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(2)
    ]
    outputs = [node.communicate(timeout=120)[0] for node in nodes]
    assert [node.returncode for node in nodes] == [0, 0], outputs
    kept = torch.load(tmp_path / "runs/cyclegan/shared/checkpoints/last.ckpt", weights_only=True)
    assert kept["global_step"] == 2, "8 faces make 2 steps of 2 processes with 2 images each"
    assert len(kept["gans_histories"]) == 2
