"""Mode collapse, counted where the modes are known: in the plane."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

DEVIATIONS = 3  # from its mode, within which a sample is of high quality


@dataclass(frozen=True)
class ModeCounts:
    """How many samples fall to each of K modes; those of several batches are added.

    Attributes:
        samples: all of them.
        nearest: (K,), samples to which this mode is the nearest.
        good: (K,), those of them that are of high quality.
    """

    samples: int
    nearest: Tensor
    good: Tensor

    def __add__(self, other: ModeCounts) -> ModeCounts:
        return ModeCounts(self.samples + other.samples, self.nearest + other.nearest, self.good + other.good)


class ModeScores(NamedTuple):
    """What the counts say.

    Attributes:
        modes: covered ones, 0..K.
        high_quality: share of the samples, 0..1.
        kl: divergence in nats of the samples' histogram over modes from the uniform one, 0..log K.
    """

    modes: int
    high_quality: float
    kl: float


def count_modes(points: Tensor, modes: Tensor, std: float) -> ModeCounts:
    """Assign points to their nearest modes; those within three standard deviations are of high quality.

    So count VEEGAN (Srivastava et al. 2017, arXiv:1705.07761) and those who compare with it. Of a Gaussian's
    own points 1 - exp(-9 / 2) = 98.9 % are of high quality. Points that are not finite fall to no mode.

    Args:
        points: (N, 2).
        modes: (K, 2), centres of Gaussians.
        std: standard deviation of each, in either coordinate.
    """
    finite = points[points.isfinite().all(dim=1)].double()
    distances, nearest = torch.cdist(finite, modes.to(finite)).min(dim=1)
    good = nearest[distances <= DEVIATIONS * std]
    return ModeCounts(
        len(points), nearest.bincount(minlength=len(modes)), good.bincount(minlength=len(modes))
    )


def mode_scores(counts: ModeCounts, at_least: int = 1) -> ModeScores:
    """Return the scores of counted samples.

    The divergence is that of PacGAN (Lin et al. 2018, arXiv:1712.04086), over all samples whatever their
    quality; where none fell to any mode it is log K.

    Args:
        counts: of at least one sample.
        at_least: samples of high quality that make a mode covered; 1 in the papers.
    """
    shares = counts.nearest.double() / counts.nearest.sum().clamp(min=1)
    entropy = float(torch.special.entr(shares).sum())
    return ModeScores(
        modes=int((counts.good >= at_least).sum()),
        high_quality=int(counts.good.sum()) / counts.samples,
        kl=math.log(len(shares)) - entropy,
    )
