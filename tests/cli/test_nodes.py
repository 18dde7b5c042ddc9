from __future__ import annotations

import os
import re
import shlex
import socket
from pathlib import Path

import torch
from support.commands import write_toy_config
from support.processes import run_together
from torch.distributed.run import main as torchrun

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "several_processes.md"


def documented(node: int, port: int, config: Path) -> list[str]:
    """Return what the page gives torchrun on one of two machines, which are this one, with one CPU each."""
    (text,) = re.findall(r"^    torchrun (.*\\\n.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    arguments = shlex.split(text.replace("\\\n", " "))
    launcher, program = arguments[: arguments.index("--")], arguments[arguments.index("--") :]
    launcher = _with(launcher, node_rank=node, nproc_per_node=1, master_addr="127.0.0.1", master_port=port)
    program[program.index("--config") + 1] = str(config)
    program[program.index("--trainer.devices") + 1] = "1"
    program[program.index("train.py")] = str(ROOT / "train.py")
    return [*launcher, *program]


def _with(arguments: list[str], **values: object) -> list[str]:
    for name, value in values.items():
        arguments[arguments.index(f"--{name.replace('_', '-')}") + 1] = str(value)
    return arguments


def launch(folder: str, port: int, config: str) -> None:
    """Be torchrun on one of the machines: it knows nothing of the other but what its arguments say."""
    node = int(os.environ.pop("LOCAL_RANK"))
    for name in ("MASTER_ADDR", "MASTER_PORT", "WORLD_SIZE", "NODE_RANK"):
        del os.environ[name]
    os.chdir(folder)
    torchrun(documented(node, port, Path(config)))


def test_torchrun_on_two_nodes_trains_one_run(tmp_path: Path) -> None:
    """Two launchers on this machine, each of which starts one process, as two machines would have."""
    config = write_toy_config(tmp_path / "toy.yaml")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    run_together(launch, str(tmp_path), port, str(config))  # torchrun raises an error where a process fails
    kept = torch.load(tmp_path / "runs/cyclegan/shared/checkpoints/last.ckpt", weights_only=True)
    assert kept["global_step"] == 2, "8 faces make 2 steps of 2 processes with 2 images each"
    assert len(kept["gans_histories"]) == 2
