"""A clock by which several processes do something at the same step."""

from __future__ import annotations

import time

from lightning.pytorch import Trainer

MOST_STEPS_BETWEEN_LOOKS = 100


class SharedClock:
    """Tells all processes at the same step that an interval has passed since its last restart.

    Their own clocks would disagree by a step, and one that writes alone waits for the others for ever. Asking
    the first one at every step would cost an exchange each. So it is asked at a few steps that all know
    beforehand: at every look it says whether it is time, and after how many steps to look again, which is
    half of those that still fit in. Between looks nothing is exchanged and no clock is read.

    Every process calls `restart` and `is_due` at the same steps.

    Args:
        seconds: the interval.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.restart()

    def restart(self) -> None:
        """Begin the interval anew."""
        self._started = time.monotonic()
        self._steps = 0
        self._next_look = 1

    def is_due(self, trainer: Trainer) -> bool:
        """Count a step, and return whether the interval has passed."""
        self._steps += 1
        if self._steps < self._next_look:
            return False
        passed = time.monotonic() - self._started
        left = self._steps * (self._seconds - passed) / max(passed, 1e-9)
        due, wait = trainer.strategy.broadcast(
            (passed >= self._seconds, int(min(max(left / 2, 1), MOST_STEPS_BETWEEN_LOOKS)))
        )
        self._next_look = self._steps + wait
        return bool(due)
