"""ESRGAN: enhanced super-resolution (Wang et al. 2018, arXiv:1809.00219)."""

from __future__ import annotations

from typing import Any

from gans.families.adversarial_super_resolution import AdversarialSuperResolution
from gans.families.super_resolution import GeneratorName
from gans.losses.adversarial import ObjectiveName


class ESRGAN(AdversarialSuperResolution):
    """Learns as SRGAN, by a deeper generator and a discriminator that tells which of two is more real.

    A generator of residual-in-residual dense blocks, and the relativistic average objective. All else is
    SRGAN's, of which the authors' program has the same schedule.

    The authors' program judges the outputs three times a step and the targets twice, here each is judged
    twice: where the discriminator learns, one forward tells of the outputs both their mean and their loss.
    Losses, gradients and weights are the same. The running statistics of the discriminator's batch norm,
    which no training reads, move once less.

    Images are (N, channels, H, W) in [-1, 1].

    Args:
        generator: see `SuperResolution`.
        objective: see `AdversarialSuperResolution`.
        **shared: the other arguments of `AdversarialSuperResolution`.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        generator: GeneratorName = "rrdbnet",
        objective: ObjectiveName = "relativistic_average",
        **shared: Any,
    ) -> None:
        super().__init__(generator=generator, objective=objective, **shared)
