"""How a training goes, at the terminal: a bar with losses and speed, or one line per epoch in a log file."""

from __future__ import annotations

import sys
import time
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ProgressBar, RichProgressBar
from rich.progress import ProgressColumn
from torch import Tensor

from gans.callbacks.terminal import notice

SECONDS_BETWEEN_LOOKS = 0.5
"""Reading a loss waits for the device, so the bar reads them twice a second and not at every batch."""


class Speed:
    """Measures images per second of training, without the pauses for validation.

    An image is one row of a batch's first tensor: a pair of unpaired images counts as one.
    """

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Start anew, at the beginning of an epoch."""
        self._images = 0
        self._started = time.monotonic()
        self._paused: float | None = None

    def count(self, batch: Any, processes: int) -> None:
        """Count the images of one batch on each of the processes."""
        self._images += rows(batch) * processes

    def pause(self) -> None:
        """Stop the clock."""
        self._paused = time.monotonic()

    def go_on(self) -> None:
        """Let the clock run again."""
        if self._paused is not None:
            self._started += time.monotonic() - self._paused
            self._paused = None

    @property
    def images_per_second(self) -> float:
        """Return the mean since the start of the epoch."""
        now = time.monotonic() if self._paused is None else self._paused
        return self._images / max(now - self._started, 1e-9)


def rows(batch: Any) -> int:
    """Return the length of the first tensor in a batch of any nesting; 0 if there is none."""
    if isinstance(batch, Tensor):
        return len(batch)
    parts = batch.values() if isinstance(batch, dict) else batch if isinstance(batch, (tuple, list)) else ()
    return next((count for part in parts if (count := rows(part))), 0)


class _Measured(ProgressBar):
    """A progress bar that measures the speed of training; the two kinds below show it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.speed = Speed()

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self.speed.restart()
        super().on_train_epoch_start(trainer, pl_module)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count the batch."""
        self.speed.count(batch, trainer.world_size)
        super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop the clock."""
        self.speed.pause()
        super().on_validation_start(trainer, pl_module)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Let the clock run again."""
        self.speed.go_on()
        super().on_validation_end(trainer, pl_module)


class TrainingBar(_Measured, RichProgressBar):
    """A Rich progress bar with every player's loss and the images per second.

    Args:
        refresh_rate: redraws per second.
    """

    def __init__(self, refresh_rate: int = 10) -> None:
        super().__init__(refresh_rate=refresh_rate)
        self._shown: dict[str, Any] = {}
        self._looked = -SECONDS_BETWEEN_LOOKS

    def get_metrics(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:
        """Return what stands behind the bar."""
        if time.monotonic() - self._looked >= SECONDS_BETWEEN_LOOKS:
            losses = _losses(super().get_metrics(trainer, pl_module))
            self._shown = losses | {"images/s": f"{self.speed.images_per_second:.3g}"}
            self._looked = time.monotonic()
        return self._shown

    def configure_columns(self, trainer: Trainer) -> list[ProgressColumn]:
        """Return description, bar, batches and time; images per second stand beside the losses."""
        return super().configure_columns(trainer)[:-1]


class EpochLines(_Measured):
    """One line per epoch instead of a bar, for log files, which keep every redrawn bar."""

    def disable(self) -> None:
        """Be asked by Lightning, in all processes but the first, to be quiet; `notice` is."""

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print the epoch's losses, its metrics, and the speed."""
        total = f"/{trainer.max_epochs}" if trainer.max_epochs and trainer.max_epochs > 0 else ""
        measured = trainer.callback_metrics.items()
        losses = _losses({name: value for name, value in measured if name.startswith("train/")})
        means = {
            name: float(value) for name, value in measured if name.startswith("val/") and name.count("/") == 1
        }
        parts = [f"epoch {trainer.current_epoch + 1}{total}", f"step {trainer.global_step}"]
        parts += [f"{name} {value:.4g}" for name, value in {**losses, **means}.items()]
        notice("  ".join([*parts, f"{self.speed.images_per_second:.3g} images/s"]))


def _losses(metrics: dict[str, Any]) -> dict[str, float]:
    """Return every player's total loss, by its name without `train/` and `/total`."""
    return {
        name.removeprefix("train/").removesuffix("/total"): float(value)
        for name, value in metrics.items()
        if name.startswith("train/") and name.endswith("/total")
    }


def progress(refresh_rate: int = 10) -> ProgressBar:
    """Return a bar at a terminal, and one line per epoch elsewhere.

    Args:
        refresh_rate: redraws of the bar per second.
    """
    return TrainingBar(refresh_rate) if sys.stdout.isatty() else EpochLines()
