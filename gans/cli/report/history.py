"""What RUN/metrics.csv tells, metric by metric: curves, their best values, and what they are read beside."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from gans.metrics.reading import COUNTS, HIGHER, LOWER, NEAR_ONE, better

DIGITS = 5  # of a value in the page
DEVIATION = "_deviation"  # of a metric, which is no value to compare it with


@dataclass(frozen=True)
class Curve:
    """The values of one metric over the steps of a training.

    Attributes:
        steps: after how many steps, not falling.
        values: one for each; NaN and infinities as they were logged.
    """

    steps: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def thinned(self, most: int) -> Curve:
        """Return at most so many points, each the mean of those that it stands for; the last is kept."""
        count = len(self.values)
        if count <= most:
            return self
        edges = [round(place * (count - 1) / (most - 1)) for place in range(most)]
        blocks = [range(start, end) for start, end in pairwise(edges)]
        means = [sum(self.values[i] for i in block) / len(block) for block in blocks]
        steps = [self.steps[block[-1]] for block in blocks]
        return Curve([*steps, self.steps[-1]], [*means, self.values[-1]])

    def written(self) -> dict[str, list[int] | list[float | None]]:
        """Return the points as JSON has them; what is no number is null."""
        values = [float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None for value in self.values]
        return {"x": self.steps, "y": values}


@dataclass
class History:
    """All curves of a run.

    Attributes:
        curves: by full name, such as `val/l1/A2B`.
        last_step: the newest step in the table.
        last_epoch: the epochs that it speaks of.
        step_of_epoch: number of an epoch, from 1 -> newest step in it.
    """

    curves: dict[str, Curve] = field(default_factory=dict)
    last_step: int = 0
    last_epoch: int = 0
    step_of_epoch: dict[int, int] = field(default_factory=dict)


def history_of(rows: Iterable[Mapping[str, str]]) -> History:
    """Return the curves in the rows of a metrics.csv."""
    history = History()
    for row in rows:
        step = int(row["step"])
        history.last_step = max(history.last_step, step)
        if row.get("epoch"):
            epoch = int(float(row["epoch"])) + 1
            history.last_epoch = max(history.last_epoch, epoch)
            history.step_of_epoch[epoch] = step
        for name, value in row.items():
            if name not in ("epoch", "step") and value:
                curve = history.curves.setdefault(name, Curve())
                curve.steps.append(step)
                curve.values.append(float(value))
    return history


def parts_of(name: str) -> tuple[str, str, str]:
    """Return stage, metric (or player) and what is compared (or the term) of `val/l1/A2B`."""
    stage, _, rest = name.partition("/")
    metric, _, what = rest.partition("/")
    return stage, metric, what


def best_of(name: str, curve: Curve) -> tuple[int, float] | None:
    """Return step and value of the best of a metric; None where nothing is better than anything else."""
    stage, metric, _ = parts_of(name)
    direction = better(metric) if stage == "val" else ""
    points = [(s, v) for s, v in zip(curve.steps, curve.values, strict=True) if math.isfinite(v)]
    badness = {LOWER: lambda v: v, HIGHER: lambda v: -v, NEAR_ONE: lambda v: abs(v - 1)}
    if direction not in badness or not points:
        return None
    return min(points, key=lambda point: badness[direction](point[1]))


def reference_to(name: str, names: Collection[str]) -> str | None:
    """Return the metric beside which another one is read: `val/l1/A2B` for `val/l1_doing_nothing/A2B`.

    Args:
        name: full name of what may be a floor, or what real images or no model at all would have.
        names: of all metrics of the run.
    """
    stage, metric, what = parts_of(name)
    if stage != "val" or better(metric) or metric in COUNTS or metric.endswith(DEVIATION):
        return None
    compared = [
        other
        for other in names
        if (other_parts := parts_of(other))[0] == stage
        and other_parts[2] == what
        and metric.startswith(f"{other_parts[1]}_")
    ]
    return max(compared, key=len, default=None)
