"""How a training goes, at the terminal: a bar with losses and speed, or one line per epoch in a log file."""

from __future__ import annotations

import sys
import time
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ProgressBar
from torch import Tensor

from gans.callbacks.bars import Bars, whole
from gans.callbacks.duration import RunClock, as_clock, in_words, seconds_left
from gans.callbacks.terminal import notice
from gans.training.lightning_internals import batches_done

SECONDS_BETWEEN_LOOKS = 0.5
"""Reading a loss waits for the device, so the bar reads them twice a second and not at every batch."""


class Speed:
    """Measures images per second of training, without the pauses for validation.

    An image is one row of a batch's first tensor: a pair of unpaired images counts as one. The first batch
    of a start is left out as soon as there is another: it builds what the others use.
    """

    def __init__(self) -> None:
        self.restart(warm=True)

    def restart(self, warm: bool = True) -> None:
        """Start anew, at the beginning of an epoch.

        Args:
            warm: whether batches have gone before; not at a start, also one from a checkpoint.
        """
        self._images = 0
        self._started = time.monotonic()
        self._first_ended = self._started
        self._paused: float | None = None
        self._warm = warm

    def count(self, batch: Any, processes: int) -> None:
        """Count the images of one batch on each of the processes."""
        images = rows(batch) * processes
        if not self._warm and self._images:  # the first is known to be the first when there is a second
            self._images, self._started, self._warm = 0, self._first_ended, True
        self._images += images
        if not self._warm:
            self._first_ended = time.monotonic()

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

    def __init__(self) -> None:
        super().__init__()
        self.speed = Speed()
        self.clock = RunClock()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clocks: a run that goes on amid an epoch has no start of that epoch."""
        self.speed.restart(warm=False)
        self.clock.restart()

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the epoch's clock."""
        self.speed.restart(warm=self.clock.batches > 0)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count the batch."""
        self.speed.count(batch, trainer.world_size)
        self.clock.count()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop the clocks."""
        self.speed.pause()
        self.clock.pause()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Let the clocks run again."""
        self.speed.go_on()
        self.clock.go_on()


class TrainingBar(_Measured):
    """A bar for the running epoch with what is left of the whole run, the speed and every player's loss.

    Args:
        refresh_rate: redraws per second.
    """

    def __init__(self, refresh_rate: int = 10) -> None:
        super().__init__()
        self._bars = Bars(refresh_rate)
        self._looked = -SECONDS_BETWEEN_LOOKS

    def disable(self) -> None:
        """Show nothing; Lightning asks for it in all processes but the first."""
        self._bars.hidden = True

    def enable(self) -> None:
        """Show the bars again."""
        self._bars.hidden = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show the bar."""
        super().on_train_start(trainer, pl_module)
        batches = batches_done(trainer)
        self._bars.show("train", epoch_of(trainer), whole(trainer.num_training_batches), completed=batches)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin the bar anew."""
        super().on_train_epoch_start(trainer, pl_module)
        self._bars.show("train", epoch_of(trainer), whole(trainer.num_training_batches))

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Move the bar on, and now and then look at losses and speed."""
        super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)
        self._bars.move("train", batch_idx + 1)
        now = time.monotonic()
        if now - self._looked >= SECONDS_BETWEEN_LOOKS or trainer.is_last_batch:
            self._looked = now
            self._bars.tell("train", *self.texts(trainer, pl_module))

    def texts(self, trainer: Trainer, pl_module: LightningModule) -> tuple[str, str]:
        """Return what stands behind the bar: the time that is left, and speed and losses."""
        left = seconds_left(trainer, self.clock)
        losses = _losses(self.get_metrics(trainer, pl_module))
        shown = [f"{self.speed.images_per_second:.3g} images/s"]
        shown += [f"{name} {value:.3g}" for name, value in losses.items()]
        return "" if left is None else f"{as_clock(left)} left", "  ".join(shown)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show a bar below that of training."""
        super().on_validation_start(trainer, pl_module)
        if not trainer.sanity_checking:
            self._bars.show("evaluation", "Validation", whole(trainer.num_val_batches))

    def on_validation_batch_end(self, *_: Any, **__: Any) -> None:
        """Move on."""
        self._bars.move("evaluation")

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the bar away; in a fit training goes on."""
        super().on_validation_end(trainer, pl_module)
        if trainer.state.fn == "fit":
            self._bars.hide("evaluation")

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show a bar."""
        self._bars.show("evaluation", "Test", whole(trainer.num_test_batches))

    def on_test_batch_end(self, *_: Any, **__: Any) -> None:
        """Move on."""
        self._bars.move("evaluation")

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show a bar."""
        self._bars.show("evaluation", "Predicting", whole(trainer.num_predict_batches))

    def on_predict_batch_end(self, *_: Any, **__: Any) -> None:
        """Move on."""
        self._bars.move("evaluation")

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Leave the bars as they are and print below them from now on."""
        self._bars.close()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Leave the bars as they are."""
        self._bars.close()


class EpochLines(_Measured):
    """One line per epoch instead of a bar, for log files, which keep every redrawn bar."""

    def disable(self) -> None:
        """Be asked by Lightning, in all processes but the first, to be quiet; `notice` is."""

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print the epoch's losses, its metrics, the speed, and what is left."""
        measured = trainer.callback_metrics.items()
        losses = _losses({name: value for name, value in measured if name.startswith("train/")})
        means = {
            name: float(value) for name, value in measured if name.startswith("val/") and name.count("/") == 1
        }
        parts = [epoch_of(trainer).lower(), f"step {trainer.global_step}"]
        parts += [f"{name} {value:.4g}" for name, value in {**losses, **means}.items()]
        parts += [f"{self.speed.images_per_second:.3g} images/s"]
        left = seconds_left(trainer, self.clock)
        parts += [f"{in_words(left)} left"] if left is not None and left >= 1 else []
        notice("  ".join(parts))


def epoch_of(trainer: Trainer) -> str:
    """Return the running epoch, counted from 1, as `Epoch 2/3`."""
    total = f"/{trainer.max_epochs}" if trainer.max_epochs and trainer.max_epochs > 0 else ""
    return f"Epoch {trainer.current_epoch + 1}{total}"


def _losses(metrics: dict[str, Any]) -> dict[str, float]:
    """Return every player's total loss, by its name without `train/` and `/total`."""
    return {
        name.removeprefix("train/").removesuffix("/total"): float(value)
        for name, value in metrics.items()
        if name.startswith("train/") and name.endswith("/total")
    }


def progress(refresh_rate: int = 10) -> ProgressBar:
    """Show a bar at a terminal, and one line per epoch elsewhere.

    Args:
        refresh_rate: redraws of the bar per second.
    """
    return TrainingBar(refresh_rate) if sys.stdout.isatty() else EpochLines()
