"""The noise of Real-ESRGAN (Wang et al. 2021, arXiv:2107.10833), given what was drawn for it.

Grey noise is the same in all channels.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as VF

LEVELS = 256  # of a channel in 8 bits

Poisson = Callable[[Tensor], Tensor]
"""Draws counts from a Poisson distribution with the rates (N, C, H, W) that it is given."""


def gaussian_noise(sigma: Tensor, grey: Tensor, colour_noise: Tensor, grey_noise: Tensor) -> Tensor:
    """Return what Gaussian noise adds to images in [0, 1].

    Args:
        sigma: standard deviation in 0..255, (N,).
        grey: whose noise is grey, bool (N,).
        colour_noise: standard normal, (N, C, H, W).
        grey_noise: standard normal, (N, 1, H, W), or (1, 1, H, W) where all share one pattern.

    Returns:
        (N, C, H, W).
    """
    noise = torch.where(_of_each(grey), grey_noise, colour_noise)
    return noise * _of_each(sigma) / 255


def poisson_noise(images: Tensor, scale: Tensor, grey: Tensor, poisson: Poisson) -> Tensor:
    """Return what photon noise adds to images: the stronger, the fewer levels an image has.

    Each image is counted with as many photons at full brightness as it has distinct 8-bit values, made the
    next power of two.

    Args:
        images: RGB (N, 3, H, W) in [0, 1].
        scale: strength, (N,).
        grey: whose noise is that of the grey image, bool (N,).
        poisson: draws the counts.

    Returns:
        (N, 3, H, W).
    """
    of_grey = _counted(VF.rgb_to_grayscale(images), poisson)
    of_colour = _counted(images, poisson)
    return torch.where(_of_each(grey), of_grey, of_colour) * _of_each(scale)


def _counted(images: Tensor, poisson: Poisson) -> Tensor:
    """Return how far images that were counted are from these images in 8 bits."""
    levels = (images * 255).round().clamp(0, 255)
    photons = _of_each(_levels_as_power(levels)).to(images)
    return poisson(levels / 255 * photons) / photons - levels / 255


def _levels_as_power(levels: Tensor) -> Tensor:
    """Return the number of distinct levels of each image (N, C, H, W), made the next power of two: (N,)."""
    present = levels.new_zeros(len(levels), LEVELS)
    present.scatter_(1, levels.flatten(1).long(), 1.0)
    return 2 ** present.sum(dim=1).log2().ceil()


def _of_each(values: Tensor) -> Tensor:
    """Return (N,) as (N, 1, 1, 1), to stand beside images."""
    return values.view(-1, 1, 1, 1)
