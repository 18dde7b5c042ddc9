from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import torch
from support.commands import write_toy_config

TRAIN = Path(__file__).parents[2] / "train.py"


def test_torchrun_on_two_nodes_trains_one_run(tmp_path: Path) -> None:
    """Two launchers on this machine, one process each, as two machines would have."""
    config = write_toy_config(tmp_path / "toy.yaml")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    launch = [sys.executable, "-m", "torch.distributed.run", "--nnodes=2", "--nproc-per-node=1"]
    address = ["--master-addr=127.0.0.1", f"--master-port={port}"]
    train = [str(TRAIN), "fit", "--config", str(config), "--trainer.num_nodes=2", "--trainer.devices=1"]
    nodes = [
        subprocess.Popen(
            [*launch, f"--node-rank={rank}", *address, *train],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(2)
    ]
    outputs = [node.communicate(timeout=120)[0] for node in nodes]
    assert [node.returncode for node in nodes] == [0, 0], outputs
    (run,) = (tmp_path / "runs" / "toy").iterdir()
    kept = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    assert kept["global_step"] == 2, "8 faces make 2 steps of 2 processes with 2 images each"
    assert len(kept["gans_histories"]) == 2
