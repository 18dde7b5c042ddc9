"""How steps, epochs and groups of batches are counted."""

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


def resume_by_epochs(trainer: Any) -> None:
    """Let a resumed training with `max_steps` begin the next epoch where the last one was finished.

    With `max_steps` Lightning 2.6 would go on in the finished epoch: with a batch too many, or leaving out
    the data of the next epoch. To be called before the checkpoint's loops are restored. What it touches is
    not part of Lightning's public interface: `tests/test_sweep.py` fails when an upgrade moves it.
    """
    vars(trainer.fit_loop)["_iteration_based_training"] = lambda: False


class Groups:
    """Groups of batches whose gradients are accumulated: they end at multiples of a size and with the epoch.

    A group begins with the batch after the last one's end; in a run that goes on amid a group, with its first
    batch, because the gradients of those before are lost.
    """

    def __init__(self) -> None:
        self._begin: int | None = None

    def place(self, batch: int, size: int, batches: int | float) -> tuple[int, int]:
        """Return a batch's position in its group, and how many batches the group has.

        Args:
            batch: number of the batch in its epoch, from 0.
            size: of a whole group.
            batches: number of batches in the epoch; infinite if it has no end.
        """
        if self._begin is None:
            self._begin = batch
        end = int(min(batch - batch % size + size, batches))
        return batch - self._begin, end - self._begin

    def close(self) -> None:
        """Note that the optimisers have stepped, or that what was accumulated is gone."""
        self._begin = None
