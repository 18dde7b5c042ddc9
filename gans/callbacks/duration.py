"""How long the rest of a training takes."""

from __future__ import annotations

import math
import time

from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import Timer

from gans.training.lightning_internals import batches_done

STEADY_BATCHES = 10
"""Batches after the first from which the rest is estimated."""


class RunClock:
    """Measures what a batch takes, and the pauses between batches for validation.

    The first batch after a start is left out: it builds what the others use, compiled networks for example.
    """

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Start anew, at the start of a training, whether or not it goes on from a checkpoint."""
        self.batches = 0
        self._first_ended: float | None = None
        self._paused_at: float | None = None
        self._pauses = 0.0
        self._batches_before_pause = 0

    def count(self) -> None:
        """Count a batch that has just ended."""
        if self._first_ended is None:
            self._first_ended = time.monotonic()
        else:
            self.batches += 1

    def pause(self) -> None:
        """Stop the clock of batches."""
        self._paused_at = time.monotonic()

    def go_on(self) -> None:
        """Let the clock of batches run again."""
        if self._paused_at is not None and self._first_ended is not None:
            self._pauses += time.monotonic() - self._paused_at
            self._batches_before_pause = self.batches
        self._paused_at = None

    @property
    def is_steady(self) -> bool:
        """Whether enough batches were counted for an estimate."""
        return self.batches >= STEADY_BATCHES

    @property
    def has_paused(self) -> bool:
        """Whether the estimate knows what validations take."""
        return self._batches_before_pause > 0

    def seconds_of(self, batches: int) -> float:
        """Return what so many batches take, with their share of the pauses as far as one is known.

        Raises:
            ValueError: if only the first batch, or none, was counted.
        """
        if self._first_ended is None or self.batches == 0:
            raise ValueError("No batch but the first was counted.")
        now = time.monotonic() if self._paused_at is None else self._paused_at
        each = (now - self._first_ended - self._pauses) / self.batches
        pauses = self._pauses / self._batches_before_pause if self._batches_before_pause else 0.0
        return batches * (each + pauses)


def batches_left(trainer: Trainer) -> int | None:
    """Return how many batches a training still has after those that ended; None where it has no end."""
    per_epoch = trainer.num_training_batches
    limits: list[int] = []
    if trainer.max_epochs is not None and trainer.max_epochs > 0 and math.isfinite(per_epoch):
        limits.append((trainer.max_epochs - trainer.current_epoch) * int(per_epoch) - batches_done(trainer))
    if trainer.max_steps > 0:
        limits.append((trainer.max_steps - trainer.global_step) * accumulated(trainer))
    return max(0, min(limits)) if limits else None


def callbacks_of(trainer: Trainer) -> list[Callback]:
    """Return the callbacks of a trainer, which Lightning sets without declaring them."""
    callbacks: list[Callback] = vars(trainer)["callbacks"]
    return callbacks


def accumulated(trainer: Trainer) -> int:
    """Return how many batches make a step."""
    return int(trainer.lightning_module.hparams.get("accumulate", 1))


def seconds_left(trainer: Trainer, clock: RunClock) -> float | None:
    """Return how long the rest of a training takes; None while nothing can be said."""
    left = batches_left(trainer)
    limits = [clock.seconds_of(left)] if left is not None and clock.is_steady else []
    for timer in (callback for callback in callbacks_of(trainer) if isinstance(callback, Timer)):
        remaining = timer.time_remaining()
        limits += [] if remaining is None else [remaining]
    return min(limits, default=None)


def in_words(seconds: float) -> str:
    """Return a duration as one says it, such as `40 seconds`, `12 minutes` or `3 hours 20 minutes`."""
    if seconds < 90:
        return _count(max(1, round(seconds)), "second")
    minutes = round(seconds / 60)
    if minutes < 90:
        return _count(minutes, "minute")
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return _count(hours, "hour") + (f" {_count(minutes, 'minute')}" if minutes else "")
    days, hours = divmod(hours, 24)
    return _count(days, "day") + (f" {_count(hours, 'hour')}" if hours else "")


def as_clock(seconds: float) -> str:
    """Return a duration in little room: `0:40`, `12:00` or `3:20:00`."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
