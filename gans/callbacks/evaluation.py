"""What callbacks that evaluate share: when they are due, what they are given, how they log."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Literal

from lightning.pytorch import Callback, LightningModule, Trainer

from gans.protocol import Comparison

Stage = Literal["val", "test"]


def is_due(trainer: Trainer, every_n_epochs: int) -> bool:
    """Return whether the running epoch is one of every n, counted from 1, or the last one."""
    return (trainer.current_epoch + 1) % every_n_epochs == 0 or is_last(trainer)


def is_last(trainer: Trainer) -> bool:
    """Return whether the training ends with the running epoch."""
    by_epochs = trainer.max_epochs is not None and 0 < trainer.max_epochs <= trainer.current_epoch + 1
    return by_epochs or 0 < trainer.max_steps <= trainer.global_step


def check_interval(every_n_epochs: int) -> int:
    """Return `every_n_epochs`.

    Raises:
        ValueError: if it is below 1.
    """
    if every_n_epochs < 1:
        raise ValueError(f"every_n_epochs is {every_n_epochs}: it is 1 or more.")
    return every_n_epochs


def log_synchronised(pl_module: LightningModule, values: Mapping[str, float]) -> None:
    """Log values that every process has computed from the images of all processes.

    The maximum over processes leaves equal values as they are, bit for bit, keeps Lightning from advising to
    synchronise, and makes sure that all processes choose the same best checkpoint.
    """
    for name, value in values.items():
        pl_module.log(name, float(value), reduce_fx="max", sync_dist=True, batch_size=1)


class EvaluationCallback(Callback):
    """Base of callbacks that measure something in validation and test, epoch by epoch.

    The sanity check before a fit is left out.
    """

    _active = False

    @property
    def measuring(self) -> bool:
        """Whether it measures in the running validation or test, or did in the last one."""
        return self._active

    def wanted(self, trainer: Trainer) -> bool:
        """Return whether to measure in this validation of a fit; `validate` and `test` always measure."""
        return True

    @abstractmethod
    def begin(self, pl_module: LightningModule, stage: Stage) -> None:
        """Forget what the last epoch has left."""

    @abstractmethod
    def observe(self, stage: Stage, pl_module: LightningModule, outputs: Any, batch: Any) -> None:
        """Take what the module made of one batch, and the batch."""

    @abstractmethod
    def finish(self, pl_module: LightningModule, stage: Stage) -> None:
        """Measure and log; called on every process, also on those that had no batch."""

    def _begin(self, trainer: Trainer, pl_module: LightningModule, stage: Stage) -> None:
        fitting = trainer.state.fn == "fit"
        self._active = not trainer.sanity_checking and (not fitting or self.wanted(trainer))
        if self._active:
            self.begin(pl_module, stage)

    def _observe(self, stage: Stage, pl_module: LightningModule, outputs: Any, batch: Any) -> None:
        if self._active:
            self.observe(stage, pl_module, outputs, batch)

    def _finish(self, pl_module: LightningModule, stage: Stage) -> None:
        if self._active:
            self.finish(pl_module, stage)

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin, if it is due."""
        self._begin(trainer, pl_module, "val")

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Observe."""
        self._observe("val", pl_module, outputs, batch)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Measure and log under `val/`."""
        self._finish(pl_module, "val")

    def on_test_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin."""
        self._begin(trainer, pl_module, "test")

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Observe."""
        self._observe("test", pl_module, outputs, batch)

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Measure and log under `test/`."""
        self._finish(pl_module, "test")


class ComparisonCallback(EvaluationCallback):
    """Base of callbacks that measure the comparisons which `validation_step` and `test_step` return."""

    @abstractmethod
    def collect(self, stage: Stage, name: str, comparison: Comparison) -> None:
        """Take the images of one batch under one name, such as `A2B`."""

    def observe(self, stage: Stage, pl_module: LightningModule, outputs: Any, batch: Any) -> None:
        """Collect the batch's comparisons, name by name."""
        for name, comparison in (outputs or {}).items():
            self.collect(stage, name, comparison)
