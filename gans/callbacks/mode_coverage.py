"""Modes covered and share of good samples, where the data knows its modes."""

from __future__ import annotations

from functools import reduce
from operator import add

from lightning.pytorch import LightningModule, Trainer
from torch import Tensor

from gans.callbacks.evaluation import ComparisonCallback, Stage, log_synchronised
from gans.metrics.modes import ModeCounts, count_modes, mode_scores
from gans.metrics.processes import gather
from gans.protocol import Comparison


class ModeCoverage(ComparisonCallback):
    """Counts the modes that generated points cover, as VEEGAN does (arXiv:1705.07761).

    It measures where the data module has `modes`, a tensor (K, 2), and their `mode_std`; elsewhere it rests.
    Logged are `val/modes`, how many modes have a sample within three standard deviations;
    `val/high_quality`, the share of samples, in 0..1, that lie so near to a mode; and `val/modes_kl`, the
    divergence of their distribution over modes from the uniform one, in nats. In test `test/` stands in place
    of `val/`. All are over all points of all processes.

    Args:
        at_least: samples of high quality that make a mode covered.

    Raises:
        ValueError: if `at_least` is below 1.
    """

    def __init__(self, at_least: int = 1) -> None:
        if at_least < 1:
            raise ValueError(f"at_least is {at_least}: a covered mode has 1 sample or more.")
        self._at_least = at_least
        self._modes: Tensor | None = None
        self._std = 0.0
        self._counts: list[ModeCounts] = []

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Ask the data module for its modes."""
        data = getattr(trainer, "datamodule", None)
        self._modes = getattr(data, "modes", None)
        self._std = getattr(data, "mode_std", 0.0)

    def begin(self, pl_module: LightningModule, stage: Stage) -> None:
        """Forget the last epoch's counts."""
        self._counts = []

    def collect(self, stage: Stage, name: str, comparison: Comparison) -> None:
        """Count the points (N, 2, 1, 1) of one batch."""
        if self._modes is not None:
            points = comparison.fake.flatten(1).cpu()
            self._counts.append(count_modes(points, self._modes, self._std))

    def finish(self, pl_module: LightningModule, stage: Stage) -> None:
        """Add the counts of all processes and log what they say."""
        counts = [count for of_process in gather(self._counts) for count in of_process]
        if sum(count.samples for count in counts) == 0:
            return
        scores = mode_scores(reduce(add, counts), self._at_least)
        values = {"modes": scores.modes, "high_quality": scores.high_quality, "modes_kl": scores.kl}
        log_synchronised(pl_module, {f"{stage}/{name}": value for name, value in values.items()})
