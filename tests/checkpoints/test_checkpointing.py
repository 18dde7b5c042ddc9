from __future__ import annotations

import os
import random
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from support.processes import run_alone

from gans.checkpoints.writing import AtomicCheckpointIO

KILLS = 30


def save_until_killed(file: str, seconds: float) -> None:
    """Write ever newer checkpoints of 4 MB, and die after `seconds`, most likely amid a write."""

    def die() -> None:
        time.sleep(seconds)
        os.kill(os.getpid(), signal.SIGKILL)

    files = AtomicCheckpointIO()
    step = torch.load(file, weights_only=True)["step"] if Path(file).exists() else 0
    threading.Thread(target=die, daemon=True).start()
    while True:
        step += 1
        files.save_checkpoint({"step": step, "weights": torch.full((1_000_000,), float(step))}, file)


def test_thirty_kills_at_random_moments_leave_a_whole_checkpoint(tmp_path: Path) -> None:
    file = tmp_path / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint({"step": 0, "weights": torch.zeros(1_000_000)}, file)
    moments = random.Random(0)
    steps, amid_write = [0], 0
    for _ in range(KILLS):
        assert run_alone(save_until_killed, str(file), moments.uniform(0.01, 0.1)) == -signal.SIGKILL
        kept = torch.load(file, weights_only=True)
        assert torch.equal(kept["weights"], torch.full((1_000_000,), float(kept["step"])))
        steps.append(kept["step"])
        partial = [path for path in tmp_path.iterdir() if path != file]
        amid_write += len(partial)
        for path in partial:
            path.unlink()
    assert steps == sorted(steps)
    assert steps[-1] > 0
    assert amid_write > 0, "no kill hit a write: this test shows nothing"
    print(f"{KILLS} kills, {amid_write} amid a write, {steps[-1]} checkpoints written")  # noqa: T201


def test_a_failed_write_leaves_the_previous_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = AtomicCheckpointIO()
    files.save_checkpoint({"step": 1}, tmp_path / "last.ckpt")

    def full_disk(checkpoint: Any, file: Any) -> None:
        file.write(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full_disk)
    with pytest.raises(OSError, match=r"No space left on device.*still holds the previous checkpoint"):
        files.save_checkpoint({"step": 2}, tmp_path / "last.ckpt")
    monkeypatch.undo()
    assert torch.load(tmp_path / "last.ckpt", weights_only=True) == {"step": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["last.ckpt"]


def test_a_killed_writers_remains_are_cleared_away_by_the_next_write(tmp_path: Path) -> None:
    (tmp_path / ".last.ckpt.99999999.part").write_bytes(b"half of it")
    AtomicCheckpointIO().save_checkpoint({"step": 1}, tmp_path / "last.ckpt")
    assert [path.name for path in tmp_path.iterdir()] == ["last.ckpt"]
