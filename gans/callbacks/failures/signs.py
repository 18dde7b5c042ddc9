"""The signs of a training that fails, recognised from plain numbers.

Each detector is told what was measured and answers, when the sign is there, with a sentence that says what it
saw; else with None. What is measured, and when, is the business of `gans.callbacks.failures.monitor`.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

BLOCKS = 32  # values that a window of losses is reduced to before a rhythm is looked for
LIKENESS = 0.6  # correlation of a series with itself one and two periods later that counts as a rhythm
OPPOSITION = -0.3  # the same half a period later


class DiscriminatorWon:
    """Recognises a discriminator whose loss has come to rest at its floor: nothing is left to learn from it.

    Args:
        floor: the smallest value its loss can have.
        margin: how far above the floor the loss still counts as resting on it.
        patience: number of losses over which the mean is taken, so that single batches do not count.
    """

    def __init__(self, floor: float, margin: float, patience: int) -> None:
        self._floor = floor
        self._margin = margin
        self._losses: deque[float] = deque(maxlen=patience)

    def see(self, losses: Sequence[float]) -> str | None:
        """Take the total losses since the last call, in order."""
        self._losses.extend(losses)
        if len(self._losses) < (self._losses.maxlen or 0):
            return None
        mean = math.fsum(self._losses) / len(self._losses)
        if not mean < self._floor + self._margin:
            return None
        return (
            f"its mean loss over the last {len(self._losses)} steps is {mean:.3g}, as good as the "
            f"smallest possible, {self._floor:.3g}"
        )


class Oscillation:
    """Recognises a loss that swings to and fro in a steady rhythm: players that chase each other in a circle.

    The window is reduced to 32 means. They swing when, after subtraction of their linear trend, they spread
    by more than `swing` of their mean size, resemble themselves one and two periods later, and oppose
    themselves half a period later. Periods from 2/32 to 8/32 of the window are seen. Of 20 000 windows of
    noise (white or log-normal, whose means spread more than those of healthy losses) at most 2 are taken for
    a rhythm.

    Args:
        window: number of losses that are looked at, at least 32.
        swing: least standard deviation of the means, as a share of their mean absolute value.
    """

    def __init__(self, window: int, swing: float) -> None:
        self._block = window // BLOCKS
        self._swing = swing
        self._begun: list[float] = []
        self._means: deque[float] = deque(maxlen=BLOCKS)

    def see(self, losses: Sequence[float]) -> str | None:
        """Take the total losses since the last call, in order."""
        seen = None
        for loss in losses:
            self._begun.append(loss)
            if len(self._begun) == self._block:
                self._means.append(math.fsum(self._begun) / self._block)
                self._begun = []
                seen = self._swings() or seen
        return seen

    def _swings(self) -> str | None:
        if len(self._means) < BLOCKS or not all(map(math.isfinite, self._means)):
            return None
        period = rhythm(self._means, self._swing)
        if period is None:
            return None
        return (
            f"its loss swings between {min(self._means):.3g} and {max(self._means):.3g} in a rhythm of about "
            f"{period * self._block} steps"
        )


def rhythm(values: Sequence[float], swing: float) -> int | None:
    """Return the period of a series that swings steadily, in values, or None; see `Oscillation`."""
    count = len(values)
    around = _without_trend(values)
    power = math.fsum(value * value for value in around)
    size = math.fsum(map(abs, values)) / count
    if power == 0 or math.sqrt(power / count) < swing * size:
        return None

    def likeness(lag: int) -> float:
        shared = math.fsum(a * b for a, b in zip(around, around[lag:], strict=False)) / (count - lag)
        return shared / (power / count)

    for lag in range(2, count // 4 + 1):
        alike = min(likeness(lag), likeness(2 * lag)) > LIKENESS
        if alike and min(likeness(lag // 2), likeness((lag + 1) // 2)) < OPPOSITION:
            return lag
    return None


def _without_trend(values: Sequence[float]) -> list[float]:
    count = len(values)
    mean = math.fsum(values) / count
    places = [place - (count - 1) / 2 for place in range(count)]
    slope = math.fsum(p * v for p, v in zip(places, values, strict=True)) / math.fsum(p * p for p in places)
    return [value - mean - slope * place for place, value in zip(places, values, strict=True)]


class DeadGradients:
    """Recognises a network whose gradients stay at zero: it does not learn.

    Args:
        limit: L2 norm under which all gradients of a network together count as zero.
        looks: how many times in a row they have to.
    """

    def __init__(self, limit: float, looks: int) -> None:
        self._limit = limit
        self._looks = looks
        self._in_a_row = 0

    def see(self, norm: float) -> str | None:
        """Take the norm of the gradients at one step."""
        self._in_a_row = self._in_a_row + 1 if norm < self._limit else 0
        if self._in_a_row < self._looks:
            return None
        return (
            f"the norm of its gradients is {norm:.3g}, and was under {self._limit:.3g} at the last "
            f"{self._looks} looks"
        )


class NonFiniteGradients:
    """Recognises gradients with NaN or infinity in them.

    Args:
        looks: how many times in a row; 1, or more under a loss scaler, for which single overflows are normal.
    """

    def __init__(self, looks: int) -> None:
        self._looks = looks
        self._in_a_row = 0

    def see(self, norm: float) -> str | None:
        """Take the norm of the gradients at one step."""
        self._in_a_row = 0 if math.isfinite(norm) else self._in_a_row + 1
        if self._in_a_row < self._looks:
            return None
        again = f" as at the last {self._looks} looks, too often for a loss scaler" if self._looks > 1 else ""
        return f"the norm of its gradients is {norm}{again}"


class GeneratorCollapsed:
    """Recognises a generator whose pictures are all alike while the real ones are not.

    Args:
        ratio: share of the real images' diversity under which the fakes' counts as collapsed.
        evaluations: how many evaluations in a row it has to be under it.
    """

    def __init__(self, ratio: float, evaluations: int) -> None:
        self._ratio = ratio
        self._evaluations = evaluations
        self._in_a_row = 0

    def see(self, fake: float, real: float) -> str | None:
        """Take the diversity of the fakes and of the real images of one evaluation."""
        self._in_a_row = self._in_a_row + 1 if fake < self._ratio * real else 0
        if self._in_a_row < self._evaluations:
            return None
        return (
            f"the fakes differ from each other by {fake:.3g}, the real images by {real:.3g} (standard "
            f"deviation in [-1, 1]); the last {self._evaluations} evaluations were alike"
        )


class SlowLoader:
    """Recognises that training waits for its data for most of the time.

    Times are in seconds of any clock that runs evenly.

    Args:
        share: share of the time, in (0, 1), spent waiting for batches, above which the loader is slow.
        patience: number of steps over which it is measured.
    """

    def __init__(self, share: float, patience: int) -> None:
        self._share = share
        self._waits: deque[float] = deque(maxlen=patience)
        self._steps: deque[float] = deque(maxlen=patience)
        self._done_at: float | None = None
        self._arrived_at: float | None = None

    def pause(self) -> None:
        """Leave the next wait out: workers start, or something else than training runs."""
        self._done_at = self._arrived_at = None

    def arrives(self, now: float) -> None:
        """Note that a batch is there."""
        self._arrived_at = now

    def done(self, now: float) -> None:
        """Note that the step on this batch is over."""
        if self._done_at is not None and self._arrived_at is not None:
            self._waits.append(self._arrived_at - self._done_at)
            self._steps.append(now - self._arrived_at)
        self._done_at = now

    def see(self) -> str | None:
        """Judge the last steps."""
        count = len(self._waits)
        if count < (self._waits.maxlen or 0):
            return None
        waited, stepped = math.fsum(self._waits), math.fsum(self._steps)
        if waited <= self._share * (waited + stepped):
            return None
        return (
            f"over the last {count} steps the mean wait for a batch is {1000 * waited / count:.3g} ms, the "
            f"mean step {1000 * stepped / count:.3g} ms"
        )
