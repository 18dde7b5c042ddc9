"""Penalties on the gradient of a discriminator's score with respect to its input.

All are differentiable again, so that they train the discriminator. They are computed in 32 bits even under
autocast, where 16-bit gradients underflow, and without `torch.compile`, which cannot differentiate twice.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Discriminator = Callable[[Tensor], Tensor]  # images (N, ...) to scores, N of them or N maps of them

SMALLEST_NORM_SQUARED = 1e-12  # under the root, whose slope at 0 is infinite


def interpolate(real: Tensor, fake: Tensor) -> Tensor:
    """Return, for each real image, a point drawn uniformly between it and the fake at its place in the batch.

    Args:
        real: (N, ...).
        fake: of the same shape.

    Raises:
        ValueError: if the shapes differ.
    """
    if real.shape != fake.shape:
        raise ValueError(
            f"cannot interpolate between real {tuple(real.shape)} and fake {tuple(fake.shape)}: shapes differ"
        )
    share = torch.rand(len(real), *[1] * (real.ndim - 1), device=real.device, dtype=real.dtype)
    return share * real.detach() + (1 - share) * fake.detach()


def gradient_penalty(discriminator: Discriminator, x_hat: Tensor) -> Tensor:
    """Return E[(||grad D(x_hat)||_2 - 1)^2], a scalar, the norm taken over each image.

    Paper: WGAN-GP (Gulrajani et al. 2017, arXiv:1704.00028), weighted there by 10.

    Args:
        discriminator: maps images to raw scores; those of one image must not depend on the others (no batch
            norm). With several scores an image, such as a patch discriminator's, their sum counts.
        x_hat: images (N, ...) at which to take the gradient, in the paper those of `interpolate`.
    """
    norm = (_squared_gradient_norm(discriminator, x_hat) + SMALLEST_NORM_SQUARED).sqrt()
    return (norm - 1).square().mean()


def r1_penalty(discriminator: Discriminator, real: Tensor) -> Tensor:
    """Return E[||grad D(x)||^2] / 2 on real images (N, ...), a scalar, to be weighted by gamma.

    Paper: Mescheder et al. 2018, arXiv:1801.04406.
    """
    return _squared_gradient_norm(discriminator, real).mean() / 2


def r2_penalty(discriminator: Discriminator, fake: Tensor) -> Tensor:
    """Return E[||grad D(G(z))||^2] / 2 on fake images (N, ...), a scalar. Paper: as `r1_penalty`."""
    return _squared_gradient_norm(discriminator, fake).mean() / 2


def _squared_gradient_norm(discriminator: Discriminator, images: Tensor) -> Tensor:
    """Return ||grad D||^2 for each image, (N,)."""
    device = images.device.type
    points = images.detach()
    if torch.is_autocast_enabled(device):
        points = points.float()
    points = points.requires_grad_()
    with torch.autocast(device, enabled=False), torch.compiler.set_stance("force_eager"):
        scores = discriminator(points)
        (gradient,) = torch.autograd.grad(scores.sum(), points, create_graph=True)
    return gradient.flatten(1).square().sum(1)
