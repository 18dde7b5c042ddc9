"""What is not part of Lightning's public interface, in one place: for each function a test that guards it.

`gans.checkpoints.writing.RunCheckpoint` overrides methods of Lightning's own kind; these do not stand here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.core.optimizer import LightningOptimizer
from lightning.pytorch.overrides.distributed import _sync_module_states
from torch import nn


def one_count_for_all(trainer: Any, optimizers: list[LightningOptimizer]) -> Callable[[], None]:
    """Keep Lightning from counting one step per optimiser; return the function that counts one for all.

    `global_step` counts optimiser steps, so two players would make `max_steps`, checkpoint intervals and
    logged pictures run at twice the batches. To be called in every training step, because Lightning installs
    its counters anew before each. Guarded by `tests/test_base.py`.
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


def log_at_steps_done(trainer: Trainer) -> None:
    """Let what is logged stand on the number of steps that are done, as pictures and checkpoints do.

    Lightning counts batches instead, and not the one that has just ended: the losses of the tenth step stood
    on 9, and with accumulated batches on the number of these. To be called at the start of each fit. Guarded
    by `tests/test_base.py`.
    """
    connector = trainer._logger_connector
    log = type(connector).log_metrics

    def log_metrics(metrics: dict[str, Any], step: int | None = None) -> None:
        if metrics and step is None and "step" not in metrics:
            metrics, step = {"epoch": trainer.current_epoch, **metrics}, trainer.global_step
        log(connector, metrics, step)

    vars(connector)["log_metrics"] = log_metrics


def batches_begun(trainer: Trainer) -> int:
    """Return how many batches have begun in the whole training. Guarded by `tests/test_sweep.py`."""
    begun: int = trainer.fit_loop.epoch_loop.batch_progress.total.ready
    return begun


def batches_done(trainer: Trainer) -> int:
    """Return how many batches of the epoch have ended. Guarded by `tests/callbacks/test_progress.py`."""
    done: int = vars(trainer.fit_loop.epoch_loop.batch_progress.current)["processed"]  # no public type has it
    return done


def resume_by_epochs(trainer: Trainer) -> None:
    """Let a resumed training with `max_steps` begin the next epoch where the last one was finished.

    With `max_steps` Lightning 2.6 would go on in the finished epoch: with a batch too many, or leaving out
    the data of the next epoch. To be called before the checkpoint's loops are restored. Guarded by
    `tests/test_sweep.py`.
    """
    vars(trainer.fit_loop)["_iteration_based_training"] = lambda: False


def stops_amid_epoch(trainer: Trainer) -> bool:
    """Tell whether a training that is to stop does so after this batch. Guarded by `tests/test_base.py`."""
    return trainer.should_stop and trainer.fit_loop._can_stop_early


def stop_after_batch(trainer: Trainer) -> None:
    """Let Lightning raise a `SIGTERMException` after this batch.

    Guarded by `tests/training/test_interruption.py`.
    """
    trainer._signal_connector.received_sigterm = True


def logs_now(module: LightningModule) -> bool:
    """Tell whether what a module logs in this step is kept, never without a trainer.

    Guarded by `tests/test_base.py`.
    """
    return has_trainer(module) and module.trainer._logger_connector.should_update_logs


def has_trainer(module: LightningModule) -> bool:
    """Tell whether a module is attached to a trainer. Guarded by `tests/test_inference.py`."""
    return module._trainer is not None


def give_one_start(module: nn.Module) -> None:
    """Copy weights and buffers of the first process to all. Guarded by `tests/training/test_strategy.py`."""
    _sync_module_states(module)
