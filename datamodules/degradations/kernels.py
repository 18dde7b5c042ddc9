"""The blur kernels of Real-ESRGAN (Wang et al. 2021, arXiv:2107.10833), many at a time.

Kernels of several sizes share a square of the largest, with zeros around the smaller ones. All sum to 1.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

LARGEST = 21  # pixels
ANGLES = 96  # enough for Bessel's function in double precision up to where kernels end, at 45


def generalised_gaussian(
    sizes: Tensor, sigma_x: Tensor, sigma_y: Tensor, theta: Tensor, shape: Tensor, largest: int = LARGEST
) -> Tensor:
    """Return exp(-q^shape / 2), where q is the squared distance from the centre in standard deviations.

    With a shape of 1 these are Gaussians. Equal deviations make them isotropic, whatever theta is.

    Args:
        sizes: sides of the kernels in pixels, odd, (N,).
        sigma_x: standard deviation along the kernel's own first axis in pixels, above 0, (N,).
        sigma_y: along its second axis, (N,).
        theta: angle from the columns' axis to that first one in radians, (N,).
        shape: exponent, above 0, (N,): below 1 with a sharper top and longer tails.
        largest: side of the square that all kernels share, odd and at least the largest size.

    Returns:
        (N, largest, largest) of the sigmas' type.
    """
    q = _squared_distances(sigma_x, sigma_y, theta, largest)
    return _normalised(torch.exp(-0.5 * q ** shape.view(-1, 1, 1)), sizes)


def plateau(
    sizes: Tensor, sigma_x: Tensor, sigma_y: Tensor, theta: Tensor, shape: Tensor, largest: int = LARGEST
) -> Tensor:
    """Return 1 / (q^shape + 1), which is flat at the centre; arguments as of `generalised_gaussian`."""
    q = _squared_distances(sigma_x, sigma_y, theta, largest)
    return _normalised(1 / (q ** shape.view(-1, 1, 1) + 1), sizes)


def sinc(sizes: Tensor, cutoff: Tensor, largest: int = LARGEST) -> Tensor:
    """Return low-pass filters with a sharp circular limit, which ring around edges as old files do.

    Args:
        sizes: sides of the kernels in pixels, odd, (N,).
        cutoff: limit in radians per pixel, above 0 and at most pi, (N,).
        largest: side of the square that all kernels share.

    Returns:
        (N, largest, largest) of the cutoffs' type.
    """
    x, y = _places(largest, cutoff)
    radius = torch.hypot(x, y)
    limit = cutoff.view(-1, 1, 1)
    around = limit * bessel_j1(limit * radius) / (2 * math.pi * radius)
    return _normalised(torch.where(radius == 0, limit**2 / (4 * math.pi), around), sizes)


def bessel_j1(x: Tensor) -> Tensor:
    """Return Bessel's function of the first kind and order 1, as the mean that his integral is.

    torch's own is off by up to 4e-7 between 5 and 10.

    Args:
        x: of any shape, from 0 to 45.
    """
    angles = 2 * math.pi / ANGLES * torch.arange(ANGLES, dtype=x.dtype, device=x.device)
    return torch.cos(angles - x[..., None] * angles.sin()).mean(dim=-1)


def pulse(count: int, largest: int = LARGEST) -> Tensor:
    """Return kernels (count, largest, largest) that leave images as they are."""
    kernels = torch.zeros(count, largest, largest)
    kernels[:, largest // 2, largest // 2] = 1
    return kernels


def _places(largest: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Return the columns (1, largest) and rows (largest, 1) as counted from the centre."""
    places = torch.arange(largest, dtype=like.dtype, device=like.device) - largest // 2
    return places[None], places[:, None]


def _squared_distances(sigma_x: Tensor, sigma_y: Tensor, theta: Tensor, largest: int) -> Tensor:
    x, y = _places(largest, sigma_x)
    cosine, sine = theta.cos().view(-1, 1, 1), theta.sin().view(-1, 1, 1)
    along, across = cosine * x + sine * y, cosine * y - sine * x
    return (along / sigma_x.view(-1, 1, 1)) ** 2 + (across / sigma_y.view(-1, 1, 1)) ** 2


def _normalised(kernels: Tensor, sizes: Tensor) -> Tensor:
    """Cut kernels to their sizes, and let them sum to 1."""
    x, y = _places(kernels.shape[-1], kernels)
    inside = torch.maximum(x.abs(), y.abs()) <= (sizes // 2).view(-1, 1, 1)
    kernels = torch.where(inside, kernels, 0.0)
    return kernels / kernels.sum(dim=(1, 2), keepdim=True)
