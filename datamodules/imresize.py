"""MATLAB's bicubic resizing: what all published numbers of super-resolution make their small images with.

torch's own bicubic filter has another slope (-0.75 where MATLAB's is -0.5) unless it is antialiased, and then
other sizes and other edges.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

SLOPE = -0.5  # of Keys' cubic (1981) where it crosses zero
REACH = 4  # pixels under the cubic


def imresize(images: Tensor, scale: float, antialiasing: bool = True) -> Tensor:
    """Resize images as MATLAB's `imresize` does by default.

    Rows are resized before columns, and edges are mirrored with the outermost pixel repeated, so that images
    may be of any size.

    Args:
        images: (..., H, W) of any floating type, with values of any range.
        scale: above 0.
        antialiasing: widen the filter where images become smaller.

    Returns:
        (..., ceil(scale * H), ceil(scale * W)), neither clamped nor rounded: cubics overshoot.

    Raises:
        ValueError: images of whole numbers, or a scale that is not above 0.
    """
    if not images.is_floating_point():
        raise ValueError(f"images of {images.dtype} cannot hold what lies between pixels: convert them.")
    if not scale > 0:
        raise ValueError(f"scale: {scale} must be above 0.")
    rows, columns = (weights(side, scale, antialiasing).to(images) for side in images.shape[-2:])
    return rows @ images @ columns.T


def weights(length: int, scale: float, antialiasing: bool = True) -> Tensor:
    """Return what each of `length` pixels in a row adds to each resized one.

    Returns:
        (ceil(scale * length), length) of float64; every row adds up to 1.
    """
    shrinks = scale if antialiasing and scale < 1 else 1.0
    resized = torch.arange(math.ceil(scale * length), dtype=torch.float64)
    centres = (resized + 0.5) / scale - 0.5
    reach = REACH / shrinks
    first = (centres - reach / 2).floor().long()
    pixels = first[:, None] + torch.arange(math.ceil(reach) + 2)
    values = cubic(shrinks * (centres[:, None] - pixels))
    values = values / values.sum(dim=1, keepdim=True)
    mirrored = pixels % (2 * length)
    mirrored = torch.minimum(mirrored, 2 * length - 1 - mirrored)
    return values.new_zeros(len(resized), length).scatter_add_(1, mirrored, values)


def cubic(distances: Tensor) -> Tensor:
    """Return Keys' cubic at distances in pixels: 1 at 0, and 0 at other whole numbers and from 2 on."""
    x = distances.abs()
    near = (SLOPE + 2) * x**3 - (SLOPE + 3) * x**2 + 1
    far = SLOPE * (x**3 - 5 * x**2 + 8 * x - 4)
    return torch.where(x <= 1, near, torch.where(x <= 2, far, 0.0))
