"""Losses between two images that should be the same, and what a code costs."""

from __future__ import annotations

from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

ReconstructionName = Literal["l1", "l2", "bce"]


def l1(images: Tensor, targets: Tensor) -> Tensor:
    """Return the mean absolute difference, a scalar.

    It is the L1 term of pix2pix between translation and truth (arXiv:1611.07004), and in CycleGAN
    (arXiv:1703.10593) both the cycle loss, between an image and its return from the other domain, and the
    identity loss, between an image and what the generator into its own domain makes of it.

    Args:
        images: any shape, usually (N, C, H, W) in [-1, 1].
        targets: of the same shape.

    Raises:
        ValueError: if the shapes differ; torch would stretch one over the other.
    """
    _refuse_other_shape("l1", images, targets)
    return F.l1_loss(images, targets)


def negative_log_likelihood(name: ReconstructionName, images: Tensor, targets: Tensor) -> Tensor:
    """Return how unlikely targets are, given reconstructions: summed over an image, averaged over N.

    The sum is the scale of the VAE's bound (Kingma & Welling 2014, arXiv:1312.6114), in nats, up to a
    constant. It grows with the number of pixels, which a weight of another term has to allow for.

    Args:
        name: the density of a pixel around its reconstruction. `l1`: Laplace of scale 1, the absolute
            difference; `l2`: Gaussian of deviation 1, half the square; `bce`: Bernoulli, the binary
            cross-entropy of [-1, 1] taken as probabilities.
        images: the reconstructions, (N, C, H, W) in [-1, 1].
        targets: of the same shape and range.

    Returns:
        A scalar.

    Raises:
        ValueError: if the name is unknown or the shapes differ.
    """
    _refuse_other_shape(name, images, targets)
    images, targets = _in_single(images), _in_single(targets)
    if name == "l1":
        total = F.l1_loss(images, targets, reduction="sum")
    elif name == "l2":
        total = F.mse_loss(images, targets, reduction="sum") / 2
    elif name == "bce":
        with torch.autocast(images.device.type, enabled=False):  # which refuses it, for its logarithms
            total = F.binary_cross_entropy((images + 1) / 2, (targets + 1) / 2, reduction="sum")
    else:
        raise ValueError(
            f"{name!r} is no reconstruction loss: choose from {', '.join(get_args(ReconstructionName))}"
        )
    return total / len(images)


def kl_from_standard_normal(mean: Tensor, log_deviation: Tensor) -> Tensor:
    """Return the Kullback-Leibler divergence of N(m, exp(2s)) from N(0, 1), averaged over N.

    For one code it is sum(exp(2s) - 2s - 1 + m^2) / 2, in nats (Kingma & Welling 2014, arXiv:1312.6114,
    appendix B).

    Args:
        mean: m, (N, L).
        log_deviation: s, (N, L).
    """
    mean, log_deviation = _in_single(mean), _in_single(log_deviation)
    terms = torch.expm1(2 * log_deviation) - 2 * log_deviation + mean.square()
    return terms.sum() / (2 * len(mean))


def _in_single(values: Tensor) -> Tensor:
    """Return values in at least 32 bits: sums over an image and exponentials leave the range of 16."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def _refuse_other_shape(loss: str, images: Tensor, targets: Tensor) -> None:
    if images.shape != targets.shape:
        raise ValueError(
            f"{loss} compares images of one shape, got {tuple(images.shape)} and {tuple(targets.shape)}"
        )
