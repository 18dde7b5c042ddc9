"""Adversarial objectives: what a discriminator and a generator minimise.

Every objective is a pair of pure functions of raw scores (logits, before any sigmoid) of any shape, averaged
over all scores. The discriminator's terms for real and fake are summed, not averaged: a variant halves the
sum where its paper does. Below, D is the raw score, s the sigmoid, E the mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

ObjectiveName = Literal[
    "minimax",
    "non_saturating",
    "least_squares",
    "hinge",
    "wasserstein",
    "relativistic",
    "relativistic_average",
]


def _over_zero(real_scores: Tensor, _: Tensor) -> Tensor:
    return real_scores


def _over_half(real_scores: Tensor, _: Tensor) -> Tensor:
    return real_scores - 0.5


def _over_pair(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    return real_scores - fake_scores


def _over_mean(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    return real_scores - fake_scores.mean()


@dataclass(frozen=True)
class Objective:
    """A pair of losses by which discriminator and generator play; made by `objective`.

    Attributes:
        discriminator_loss: function of real and fake scores.
        generator_loss: function of fake scores, and of real scores where `needs_real`.
        needs_real: whether the generator's loss looks at real scores too.
        has_target: whether the discriminator's loss takes a `real_target`.
        floor: the smallest value of the discriminator's loss, that of perfect scores; None if it has none.
        margins: function of real and fake scores that says how surely the real ones were recognised: above 0
            where they were, in any unit.
    """

    discriminator_loss: Callable[..., Tensor]
    generator_loss: Callable[..., Tensor]
    needs_real: bool = False
    has_target: bool = False
    floor: float | None = 0.0
    margins: Callable[[Tensor, Tensor], Tensor] = _over_zero

    @property
    def compares(self) -> bool:
        """Whether real images are recognised beside fakes alone, as only differences of scores count."""
        return self.margins in (_over_pair, _over_mean)

    def discriminator(self, real_scores: Tensor, fake_scores: Tensor) -> Tensor:
        """Return what the discriminator minimises, a scalar, from its scores of real and of fake images."""
        return self.discriminator_loss(_precise(real_scores), _precise(fake_scores))

    def generator(self, fake_scores: Tensor, real_scores: Tensor | None = None) -> Tensor:
        """Return what the generator minimises, a scalar.

        Args:
            fake_scores: the discriminator's scores of fake images.
            real_scores: its scores of real images, which only an objective that `needs_real` looks at.

        Raises:
            ValueError: if real scores are needed and not given.
        """
        if not self.needs_real:
            return self.generator_loss(_precise(fake_scores))
        if real_scores is None:
            raise ValueError("this objective compares fake with real: its generator needs real_scores too")
        return self.generator_loss(_precise(fake_scores), _precise(real_scores))


def objective(name: ObjectiveName, real_target: float = 1.0) -> Objective:
    """Return the objective of this name.

    Args:
        name: `minimax`, `non_saturating`, `least_squares`, `hinge`, `wasserstein`, `relativistic` or
            `relativistic_average`; the functions of this file give each formula and paper.
        real_target: what the discriminator should answer for real images, for the first three objectives;
            0.9 is one-sided label smoothing (Salimans et al. 2016, arXiv:1606.03498). The generator still
            aims at 1.

    Raises:
        ValueError: if the name is unknown, a target other than 1 is given to an objective without one, or the
            target of a cross-entropy is no probability.
    """
    if name not in _OBJECTIVES:
        raise ValueError(f"unknown objective {name!r}: choose from {', '.join(_OBJECTIVES)}")
    chosen = _OBJECTIVES[name]
    if real_target == 1:
        return chosen
    if not chosen.has_target:
        smooth = ", ".join(known for known, entry in _OBJECTIVES.items() if entry.has_target)
        raise ValueError(f"objective {name!r} has no target for real images to smooth: only {smooth} have")
    smoothed = partial(chosen.discriminator_loss, real_target=real_target)
    crossed = chosen.discriminator_loss is cross_entropy_discriminator
    return replace(chosen, discriminator_loss=smoothed, floor=_entropy(real_target) if crossed else 0.0)


def cross_entropy_discriminator(real_scores: Tensor, fake_scores: Tensor, real_target: float = 1.0) -> Tensor:
    """Return -E[t log s(D(x)) + (1 - t) log(1 - s(D(x)))] - E[log(1 - s(D(G(z))))], t the real target.

    Paper: Goodfellow et al. 2014, arXiv:1406.2661, for both forms of the generator's loss.
    """
    targets = torch.full_like(real_scores, real_target)
    real = F.binary_cross_entropy_with_logits(real_scores, targets)
    return real - F.logsigmoid(-fake_scores).mean()


def minimax_generator(fake_scores: Tensor) -> Tensor:
    """Return E[log(1 - s(D(G(z))))]: the value of the game; its gradient fades as the discriminator wins."""
    return F.logsigmoid(-fake_scores).mean()


def non_saturating_generator(fake_scores: Tensor) -> Tensor:
    """Return -E[log s(D(G(z)))]: the same fixed point with a strong gradient early on."""
    return -F.logsigmoid(fake_scores).mean()


def least_squares_discriminator(real_scores: Tensor, fake_scores: Tensor, real_target: float = 1.0) -> Tensor:
    """Return E[(D(x) - t)^2] + E[D(G(z))^2], t the real target. Paper: Mao et al. 2017, arXiv:1611.04076."""
    return (real_scores - real_target).square().mean() + fake_scores.square().mean()


def least_squares_generator(fake_scores: Tensor) -> Tensor:
    """Return E[(D(G(z)) - 1)^2]."""
    return (fake_scores - 1).square().mean()


def hinge_discriminator(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Return E[max(0, 1 - D(x))] + E[max(0, 1 + D(G(z)))].

    Papers: Lim & Ye 2017, arXiv:1705.02894; Miyato et al. 2018, arXiv:1802.05957.
    """
    return F.relu(1 - real_scores).mean() + F.relu(1 + fake_scores).mean()


def wasserstein_discriminator(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Return E[D(G(z))] - E[D(x)]; the critic must be kept Lipschitz, as by a gradient penalty.

    Papers: Arjovsky et al. 2017, arXiv:1701.07875; Gulrajani et al. 2017, arXiv:1704.00028.
    """
    return fake_scores.mean() - real_scores.mean()


def raise_scores(fake_scores: Tensor) -> Tensor:
    """Return -E[D(G(z))], the generator's loss of both `hinge` and `wasserstein`."""
    return -fake_scores.mean()


def relativistic_discriminator(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Return -E[log s(D(x) - D(G(z)))], each real image paired with the fake at its place in the batch.

    Papers: Jolicoeur-Martineau 2018, arXiv:1807.00734 (RpGAN); R3GAN (Huang et al. 2024, arXiv:2501.05441)
    adds the penalties R1 and R2 to make it converge.

    Raises:
        ValueError: if there are not as many real as fake scores.
    """
    if real_scores.shape != fake_scores.shape:
        raise ValueError(
            f"the relativistic objective pairs every real with a fake score, got shapes "
            f"{tuple(real_scores.shape)} and {tuple(fake_scores.shape)}"
        )
    return -F.logsigmoid(real_scores - fake_scores).mean()


def relativistic_generator(fake_scores: Tensor, real_scores: Tensor) -> Tensor:
    """Return -E[log s(D(G(z)) - D(x))]: the discriminator's loss with the parts exchanged."""
    return relativistic_discriminator(fake_scores, real_scores)


def relativistic_average_discriminator(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Return -(E[log s(D(x) - E D(G(z)))] + E[log(1 - s(D(G(z)) - E D(x)))]) / 2, no gradient to the means.

    Papers: Jolicoeur-Martineau 2018, arXiv:1807.00734 (RaGAN); ESRGAN (Wang et al. 2018, arXiv:1809.00219),
    whose program halves the sum and takes the means for constants here.
    """
    real = F.logsigmoid(real_scores - fake_scores.mean().detach()).mean()
    fake = F.logsigmoid(real_scores.mean().detach() - fake_scores).mean()
    return -(real + fake) / 2


def relativistic_average_generator(fake_scores: Tensor, real_scores: Tensor) -> Tensor:
    """Return -(E[log s(D(G(z)) - E D(x))] + E[log(1 - s(D(x) - E D(G(z))))]) / 2, both with gradient."""
    fake = F.logsigmoid(fake_scores - real_scores.mean()).mean()
    real = F.logsigmoid(fake_scores.mean() - real_scores).mean()
    return -(fake + real) / 2


_OBJECTIVES: dict[str, Objective] = {
    "minimax": Objective(cross_entropy_discriminator, minimax_generator, has_target=True),
    "non_saturating": Objective(cross_entropy_discriminator, non_saturating_generator, has_target=True),
    "least_squares": Objective(
        least_squares_discriminator, least_squares_generator, has_target=True, margins=_over_half
    ),
    "hinge": Objective(hinge_discriminator, raise_scores),
    # Where only differences of scores count, their zero says nothing.
    "wasserstein": Objective(wasserstein_discriminator, raise_scores, floor=None, margins=_over_mean),
    "relativistic": Objective(
        relativistic_discriminator, relativistic_generator, needs_real=True, margins=_over_pair
    ),
    "relativistic_average": Objective(
        relativistic_average_discriminator,
        relativistic_average_generator,
        needs_real=True,
        margins=_over_mean,
    ),
}


def _entropy(target: float) -> float:
    """Return the cross-entropy, in nats, of the best answer to a smoothed target in (0, 1)."""
    if not 0 < target < 1:
        raise ValueError(f"real_target is {target}: cross-entropy needs a probability, for example 0.9")
    return -target * math.log(target) - (1 - target) * math.log(1 - target)


def _precise(scores: Tensor) -> Tensor:
    """Return 16-bit scores in 32 bits, in which their mean keeps more than three digits."""
    return scores.float() if scores.dtype in (torch.float16, torch.bfloat16) else scores
