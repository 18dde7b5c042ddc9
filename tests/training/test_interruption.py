from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.utilities.exceptions import SIGTERMException
from support.processes import run_alone, run_together
from support.tiny import TinyGAN, loader, trainer

from gans.checkpoints.writing import AtomicCheckpointIO
from gans.training.interruption import SaveOnInterrupt
from gans.training.strategy import GANDDPStrategy


class Signal(Callback):
    """Sends this process a signal within the step that follows `after` steps."""

    def __init__(self, number: signal.Signals, after: int, rank: int = 0, times: int = 1) -> None:
        self.number, self.after, self.rank, self.times = number, after, rank, times

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if trainer.global_step == self.after and trainer.global_rank == self.rank:
            for _ in range(self.times):
                os.kill(os.getpid(), self.number)


def fit(
    folder: str, number: signal.Signals | None, resume: bool = False, rank: int = 0, times: int = 1
) -> str:
    """Fit a tiny variant for 8 steps, signalled within the sixth; return how it ended."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    torch.manual_seed(0)
    saver = SaveOnInterrupt()
    sender = [Signal(number, 5, rank, times)] if number is not None else []
    several = {"strategy": GANDDPStrategy(), "devices": world, "use_distributed_sampler": False}
    fitting = trainer(
        Path(folder),
        max_epochs=2,
        plugins=[AtomicCheckpointIO()],
        callbacks=[*sender, saver],
        **(several if world > 1 else {}),
    )
    # The same batch every time, as this plain loader starts an interrupted epoch anew; tests/test_sweep.py
    # resumes the order of real data.
    values = torch.linspace(-1, 1, 6, dtype=torch.float64).view(2, 3).repeat(4, 1)
    last = f"{folder}/checkpoints/last.ckpt" if resume else None
    try:
        fitting.fit(TinyGAN(), loader(values, 2), ckpt_path=last)
    except SIGTERMException:
        assert saver.stopped_by is not None
        return f"{saver.stopped_by.name} after {fitting.global_step}"
    except SystemExit as stopped:
        return f"exit {stopped.code} after {fitting.global_step}"
    fitting.save_checkpoint(f"{folder}/final.ckpt")
    return "finished"


def weights(folder: Path, file: str = "final.ckpt") -> torch.Tensor:
    state = torch.load(folder / file, weights_only=True)["state_dict"]
    return torch.cat([value.flatten() for value in state.values() if isinstance(value, torch.Tensor)])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_after_the_batch_and_the_run_goes_on_exactly(
    tmp_path: Path, number: signal.Signals
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert run_alone(fit, str(whole), None) == "finished"
    assert run_alone(fit, str(broken), number) == f"{number.name} after 6"
    assert run_alone(fit, str(broken), None, True) == "finished"
    assert torch.equal(weights(whole), weights(broken))


def test_a_second_interrupt_stops_at_once_without_saving(tmp_path: Path) -> None:
    assert run_alone(fit, str(tmp_path), signal.SIGINT, False, 0, 2) == "exit 1 after 5"
    assert not (tmp_path / "checkpoints").exists()


def test_two_processes_stop_after_the_same_batch_whichever_got_the_signal(tmp_path: Path) -> None:
    ends = run_together(fit, str(tmp_path), signal.SIGTERM, False, 1)
    assert ends == ["SIGTERM after 6", "SIGTERM after 6"]
    assert torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)["global_step"] == 6


@pytest.mark.parametrize("status", [0, 1])
def test_slurm_queues_the_job_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    scontrol = tmp_path / "scontrol"
    scontrol.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/calls\nexit {status}\n')
    scontrol.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("SLURM_JOB_ID", "77")
    assert run_alone(fit, str(tmp_path), signal.SIGUSR1) == "SIGUSR1 after 6"
    assert (tmp_path / "calls").read_text().split() == ["requeue", "77"]
    assert (tmp_path / "checkpoints" / "last.ckpt").is_file(), "saved whether or not queueing succeeds"
