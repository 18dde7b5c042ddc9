"""How the learning rate moves over a training."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

from lightning.pytorch import Trainer

Schedule = Literal["constant", "linear", "cosine", "step"]


def learning_rate_factor(
    schedule: Schedule, total: int | None, decay_share: float, halve_every: int = 100_000
) -> Callable[[int], float]:
    """Return the factor on the learning rate as a function of the finished epochs (or steps).

    With `step` it halves every so often, as in MUNIT, and does not look at the training's end. Else the rate
    is constant first and falls over the last `decay_share` of the training. With `linear`, a total
    of 200 and a share of 0.5 this is the schedule of CycleGAN and pix2pix: 100 epochs constant, then
    1 - (e - 99) / 101 in the epoch after e finished ones, so that the last epoch still learns.

    Args:
        schedule: `constant`, `linear`, `cosine` (half a cosine over the falling part), or `step`.
        total: epochs or steps of the whole training, at least 1; None if it has no end.
        decay_share: share of the training over which the rate falls, in [0, 1].
        halve_every: epochs or steps after which `step` halves the rate, at least 1.

    Returns:
        A function from the count of finished epochs or steps to a factor in [0, 1].

    Raises:
        ValueError: if `decay_share` is outside [0, 1], or the rate is to fall at an end that is not there.
    """
    if not 0 <= decay_share <= 1:
        raise ValueError(f"decay_share is {decay_share}: it is a share of the training, from 0 to 1.")
    if schedule == "constant":
        return lambda _: 1.0
    if schedule == "step":
        return lambda finished: 0.5 ** (finished // halve_every)
    if total is None:
        raise ValueError(
            "The learning rate falls towards the end of training, but this training has no end: set "
            "--trainer.max_epochs or --trainer.max_steps, or --model.schedule constant."
        )
    falling = round(total * decay_share)
    constant = total - falling

    def factor(finished: int) -> float:
        progress = max(0, finished + 1 - constant) / (falling + 1)
        if schedule == "linear":
            return max(0.0, 1 - progress)
        return (1 + math.cos(math.pi * min(1.0, progress))) / 2

    return factor


def half_cosine(begin: float, end: float, progress: float) -> float:
    """Return a value on its way from `begin` to `end` along half a cosine: level at both ends.

    Args:
        begin: the value at progress 0.
        end: the value at progress 1 and after.
        progress: share of the way that is done, 0 or more.
    """
    return begin + (end - begin) * (1 - math.cos(math.pi * min(1.0, progress))) / 2


def training_length(trainer: Trainer, unit: str, accumulate: int) -> int | None:
    """Return how many epochs (`unit` is `epoch`) or counted steps (`step`) a training has that has begun.

    Args:
        trainer: whose `max_epochs` and `max_steps` end the training.
        unit: `epoch` or `step`.
        accumulate: batches per counted step.

    Returns:
        The length, or None if nothing ends the training.
    """
    steps_per_epoch = math.ceil(trainer.num_training_batches / accumulate)
    epochs = trainer.max_epochs if trainer.max_epochs and trainer.max_epochs > 0 else math.inf
    steps = min(epochs * steps_per_epoch, trainer.max_steps if trainer.max_steps > 0 else math.inf)
    if math.isinf(steps):
        return None
    return int(steps) if unit == "step" else math.ceil(steps / steps_per_epoch)
