"""Penalties on the gradient of a discriminator's score with respect to its input.

All are differentiable again, so that they train the discriminator. They are computed in 32 bits even under
autocast, where 16-bit gradients underflow, and without `torch.compile`, which cannot differentiate twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

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


def path_lengths(synthesis: Callable[[Tensor], Tensor], w: Tensor, directions: Tensor) -> Tensor:
    """Return how far images move along a direction for a small step of their styles, (N,).

    It is the length of the gradient of (image * direction).sum() with respect to w, squared over a layer's
    numbers and averaged over layers. Where it is the same everywhere, equal steps in w change images equally.

    Paper: Karras et al. 2020, arXiv:1912.04958.

    Args:
        synthesis: maps w to images (N, C, H, W).
        w: (N, layers, size), with a gradient.
        directions: (N, C, H, W), of expected length 1: N(0, 1) / sqrt(H W) in the paper.
    """
    device = w.device.type
    if torch.is_autocast_enabled(device):
        w = w.float()
    with torch.autocast(device, enabled=False), torch.compiler.set_stance("force_eager"):
        with StraightPieces():
            images = synthesis(w)
        (slopes,) = torch.autograd.grad((images * directions).sum(), w, create_graph=True)
    return slopes.square().sum(2).mean(1).sqrt()


def counted_by_all(parameters: Iterable[Tensor]) -> Tensor:
    """Return a 0 whose gradient is 0, not none, at every parameter: so Adam counts a step for each.

    Penalties on gradients have none at parameters that only shift scores, such as biases.
    """
    return 0 * torch.stack([parameter.sum() for parameter in parameters if parameter.requires_grad]).sum()


def scores_and_slopes(
    discriminator: Callable[..., tuple[Tensor, ...]], *images: Tensor
) -> tuple[tuple[Tensor, ...], list[Tensor]]:
    """Return scores of images and the squared lengths of their gradients, all of one forward.

    So a discriminator that learns from both runs once for both; in 32 bits even under autocast.

    Args:
        discriminator: maps as many sets of images as are given to the scores of each.
        images: sets (N, ...) at which to take the gradient.

    Returns:
        The scores as the discriminator returns them; and for each set ||grad D||^2 of each image, (N,).
    """
    device = images[0].device.type
    points = [part.detach() for part in images]
    if torch.is_autocast_enabled(device):
        points = [part.float() for part in points]
    points = [part.requires_grad_() for part in points]
    with torch.autocast(device, enabled=False), torch.compiler.set_stance("force_eager"):
        with StraightPieces():
            scores = discriminator(*points)
        total = torch.stack([part.sum() for part in scores]).sum()
        gradients = torch.autograd.grad(total, points, create_graph=True)
    return scores, [gradient.flatten(1).square().sum(1) for gradient in gradients]


def _squared_gradient_norm(discriminator: Discriminator, images: Tensor) -> Tensor:
    """Return ||grad D||^2 for each image, (N,)."""
    _, (slopes,) = scores_and_slopes(lambda points: (discriminator(points),), images)
    return slopes


class StraightPieces(TorchFunctionMode):
    """Takes the second derivative of ReLU and LeakyReLU for nothing, which it is.

    To torch it is a tensor of zeros, which differentiating the penalty carries back through the whole
    discriminator, at the price of another backward pass.
    """

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if function is F.relu:
            return _LeakyReLU.apply(args[0], 0.0)
        if function is F.leaky_relu:
            return _LeakyReLU.apply(args[0], kwargs["negative_slope"])
        return function(*args, **kwargs)


class _LeakyReLU(torch.autograd.Function):
    """LeakyReLU, or ReLU at slope 0, whose derivative is a constant when it is differentiated.

    Like torch's own it keeps one tensor of which only the sign counts, so that the two can stand for each
    other where a part of the network is computed again.
    """

    @staticmethod
    def forward(context: Any, features: Tensor, slope: float) -> Tensor:
        context.save_for_backward(features)
        context.slope = slope
        context.set_materialize_grads(False)  # no gradient is none, not zeros
        return F.leaky_relu(features, slope)

    @staticmethod
    def backward(context: Any, gradient: Tensor | None) -> tuple[Tensor | None, None]:
        if gradient is None:
            return None, None
        (features,) = context.saved_tensors
        passed = torch.ops.aten.leaky_relu_backward(gradient, features.detach(), context.slope, False)
        return passed, None
