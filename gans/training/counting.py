"""One counted step per batch, however many players stepped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lightning.pytorch.core.optimizer import LightningOptimizer


def one_count_for_all(trainer: Any, optimizers: list[LightningOptimizer]) -> Callable[[], None]:
    """Keep Lightning from counting one step per optimiser; return the function that counts one for all.

    `global_step` counts optimiser steps, so two players would make `max_steps`, checkpoint intervals and
    logged pictures run at twice the batches. To be called in every training step, because Lightning installs
    its counters anew before each. What it touches is not part of Lightning's public interface:
    `tests/test_base.py` fails when an upgrade moves it.
    """
    progress = trainer.fit_loop.epoch_loop.manual_optimization.optim_step_progress
    profiler = trainer.profiler
    for optimizer in optimizers:
        optimizer._on_before_step = lambda: profiler.start("optimizer_step")
        optimizer._on_after_step = lambda: profiler.stop("optimizer_step")

    def count() -> None:
        progress.increment_ready()
        progress.increment_completed()

    return count
