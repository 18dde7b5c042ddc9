from __future__ import annotations

import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import Callback
from support.processes import run_together
from support.tiny import TinyGAN, loader, trainer

from gans.checkpoints.writing import AtomicCheckpointIO, RunCheckpoint
from gans.training import clock
from gans.training.clock import SharedClock
from gans.training.strategy import GANDDPStrategy


class Asked:
    """Stands for a trainer on one process; counts the exchanges between processes."""

    def __init__(self) -> None:
        self.exchanges = 0
        self.strategy = SimpleNamespace(broadcast=self._broadcast)

    def _broadcast(self, value: Any) -> Any:
        self.exchanges += 1
        return value


@pytest.mark.parametrize(("step_seconds", "exchanges"), [(12.0, 10), (0.5, 30), (0.01, 610)])
def test_it_is_due_after_the_interval_and_seldom_asked(
    step_seconds: float, exchanges: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(clock, "time", SimpleNamespace(monotonic=lambda: now[0]))
    asked: Any = Asked()
    shared = SharedClock(600)
    for _ in range(2):
        shared.restart()
        began, asked.exchanges = now[0], 0
        while True:
            now[0] += step_seconds
            if shared.is_due(asked):
                break
        assert 600 <= now[0] - began <= 600 + step_seconds
        assert asked.exchanges <= exchanges


def test_a_step_between_looks_costs_next_to_nothing() -> None:
    shared, asked = SharedClock(600), Asked()
    began = time.perf_counter()
    for _ in range(100_000):
        shared.is_due(asked)  # type: ignore[arg-type]
    assert (time.perf_counter() - began) / 100_000 < 20e-6


class Saves(Callback):
    """Notes after which steps the first checkpoints were written."""

    def __init__(self) -> None:
        self.steps: list[int] = []

    def on_save_checkpoint(self, trainer: Any, *_: Any) -> None:
        self.steps.append(trainer.global_step)


def fit(folder: str) -> list[int]:
    """Fit on two processes whose clocks disagree: by one it is time at every step, by the other never."""
    rank = int(os.environ["LOCAL_RANK"])
    vars(clock)["time"] = SimpleNamespace(monotonic=lambda: 0.0 if rank else time.monotonic())
    saves = Saves()
    checkpoint = RunCheckpoint(every_minutes=1e-9)
    fitting = trainer(
        Path(folder),
        max_epochs=1,
        enable_checkpointing=True,
        plugins=[AtomicCheckpointIO()],
        callbacks=[saves, checkpoint],
        strategy=GANDDPStrategy(),
        devices=2,
        use_distributed_sampler=False,
    )
    torch.manual_seed(0)
    values = torch.linspace(-1, 1, 6, dtype=torch.float64).view(2, 3).repeat(4, 1)
    fitting.fit(TinyGAN(), loader(values, 2))
    return saves.steps


def test_two_processes_write_after_the_same_steps_whatever_their_clocks_say(tmp_path: Path) -> None:
    first, second = run_together(fit, str(tmp_path))
    assert first == second
    assert len(first) > 2, "only at the end of the epoch"
    assert (tmp_path / "checkpoints" / "last.ckpt").is_file()


def test_never_is_no_clock() -> None:
    assert RunCheckpoint(every_minutes=0)._clock is None
    assert RunCheckpoint(monitor="val/kid")._clock is None
    with pytest.raises(ValueError, match="every_minutes is -1: it is 0, for never, or more"):
        RunCheckpoint(every_minutes=-1)
