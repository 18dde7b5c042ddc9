"""The resizing of Real-ESRGAN (arXiv:2107.10833): without antialiasing, as careless programs do."""

from __future__ import annotations

from typing import Literal

from torch import Tensor
from torch.nn import functional as F

ResizeMode = Literal["area", "bilinear", "bicubic"]


def resize_by(images: Tensor, factor: float, mode: ResizeMode) -> Tensor:
    """Resize (N, C, H, W) to (N, C, floor(factor * H), floor(factor * W)).

    Except for area, pixels are just as far apart as the factor says, whatever the sizes were rounded to.
    """
    if mode == "area":
        return F.interpolate(images, scale_factor=factor, mode=mode)
    return F.interpolate(images, scale_factor=factor, mode=mode, align_corners=False)


def resize_to(images: Tensor, height: int, width: int, mode: ResizeMode) -> Tensor:
    """Resize (N, C, H, W) to (N, C, height, width)."""
    if mode == "area":
        return F.interpolate(images, (height, width), mode=mode)
    return F.interpolate(images, (height, width), mode=mode, align_corners=False)
