"""How much several outcomes of one input differ, while training and in test."""

from __future__ import annotations

from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor

from gans.callbacks.evaluation import EvaluationCallback, Stage, check_interval, is_due, log_synchronised
from gans.metrics.diversity import DistanceName, Diversity, load_diversity
from gans.metrics.processes import gather
from gans.protocol import ManyOutcomes


class OutcomeDiversity(EvaluationCallback):
    """Logs the mean distance between several outcomes of the same input, for variants with many outcomes.

    For the name A2B `val/diversity_lpips/A2B`, or `val/diversity_lite0/A2B` where the weights of LPIPS are
    not present: the mean over all pairs of outcomes and all inputs of all processes. 0 says that every input
    has one outcome. In test `test/` stands in place of `val/`.

    A large number is not yet a good one, noise is diverse too: read it beside the distance to real images.

    Args:
        count: outcomes of every input, at least 2; their pairs are compared.
        distance: `lpips`, `lite0`, or `auto`: the first where its weights are in torch's hub cache.
        every_n_epochs: in a fit, measure in every n-th epoch and in the last; `validate` and `test` always
            measure.

    Raises:
        ValueError: if an argument is out of range.
        FileNotFoundError: at the start of a run, if LPIPS is asked for and its weights are absent.
    """

    def __init__(self, count: int = 4, distance: DistanceName = "auto", every_n_epochs: int = 1) -> None:
        if count < 2:
            raise ValueError(f"count is {count}: outcomes are compared in pairs, so it is 2 or more.")
        self._count = count
        self._distance = distance
        self._every_n_epochs = check_interval(every_n_epochs)
        self._diversity: Diversity | None = None
        self._seen: dict[str, list[Tensor]] = {}
        self._warned: set[str] = set()

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Load the network, so that a missing file is known before hours of training."""
        if stage != "predict" and self._diversity is None and isinstance(pl_module, ManyOutcomes):
            self._diversity = load_diversity(self._distance)

    def wanted(self, trainer: Trainer) -> bool:
        """Return whether the running epoch is due."""
        return is_due(trainer, self._every_n_epochs)

    def begin(self, pl_module: LightningModule, stage: Stage) -> None:
        """Forget the last epoch's distances."""
        self._seen = {}
        if self._diversity is not None:
            self._diversity.to(pl_module.device)

    def observe(self, stage: Stage, pl_module: LightningModule, outputs: Any, batch: Any) -> None:
        """Ask for several outcomes of one batch and keep the distances between them."""
        if self._diversity is None or not isinstance(pl_module, ManyOutcomes):
            return
        for name, outcomes in pl_module.outcomes(batch, self._count).items():
            channels, height, width = outcomes.shape[2:]
            if channels not in (1, 3) or min(height, width) < self._diversity.smallest:
                self._warn_once(name, f"{channels} channels, {height} x {width} pixels", self._diversity)
            elif len(outcomes):
                self._seen.setdefault(name, []).append(self._diversity(outcomes).cpu())

    def finish(self, pl_module: LightningModule, stage: Stage) -> None:
        """Bring the distances of all processes together and log their means."""
        everyone = gather({name: torch.cat(parts) for name, parts in self._seen.items()})
        for name in sorted({name for seen in everyone for name in seen}):
            assert self._diversity is not None
            distances = torch.cat([seen[name] for seen in everyone if name in seen])
            metric = f"{stage}/diversity_{self._diversity.name}/{name}"
            log_synchronised(pl_module, {metric: float(distances.double().mean())})

    def _warn_once(self, name: str, images: str, diversity: Diversity) -> None:
        if name not in self._warned:
            self._warned.add(name)
            rank_zero_warn(
                f"No diversity of outcomes for {name}: {diversity.name} is defined for grey and RGB images "
                f"of {diversity.smallest} pixels or more, and these have {images}."
            )
