"""Small images of sharp ones: what super-resolution is given, and has to enlarge again."""

from __future__ import annotations

from typing import Literal

from torch import Tensor
from torch.nn import functional as F

from datamodules.imresize import imresize

Shrinking = Literal["bicubic", "area"]
"""MATLAB's bicubic, as in published numbers; or the mean of the pixels that become one."""


def shrink(picture: Tensor, scale: int, shrinking: Shrinking) -> Tensor:
    """Make a picture smaller, in its own type: rounded to 8 bits where it has 8, and in its range.

    Args:
        picture: (C, scale * H, scale * W): uint8, or float32 in [-1, 1].
        scale: 1 or more.
        shrinking: how.

    Returns:
        (C, H, W).
    """
    sharp = picture.double()
    small = imresize(sharp, 1 / scale) if shrinking == "bicubic" else F.avg_pool2d(sharp, scale)
    if picture.is_floating_point():
        return small.clamp(-1, 1).to(picture.dtype)
    return small.round().clamp(0, 255).to(picture.dtype)


def cropped_to_multiples(picture: Tensor, scale: int) -> Tensor:
    """Return (C, H, W) without the rows below and the columns at the right that no scale divides.

    Raises:
        ValueError: the picture is smaller than the scale.
    """
    height, width = (side - side % scale for side in picture.shape[1:])
    if not height or not width:
        raise ValueError(
            f"{picture.shape[2]}x{picture.shape[1]} pixels are too few to be made {scale} times smaller"
        )
    return picture[:, :height, :width]
