"""Images of any size through networks that halve them several times."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def pad_to_multiple(images: Tensor, multiple: int, smallest: int = 1) -> Tensor:
    """Pad images on all sides so that both sides become multiples of `multiple`.

    The picture stays in the middle; its own mirror image surrounds it, or its border pixels where it is too
    small to be mirrored. Images that fit are returned as they are.

    Args:
        images: (N, C, H, W).
        multiple: what height and width must divide by.
        smallest: the least height and width.

    Returns:
        (N, C, H', W') with H' >= H and W' >= W; `crop_to` undoes it.
    """
    height, width = images.shape[-2:]
    vertical = _missing(height, multiple, smallest)
    horizontal = _missing(width, multiple, smallest)
    if not vertical and not horizontal:
        return images
    top, left = vertical // 2, horizontal // 2
    bottom, right = vertical - top, horizontal - left
    mirrored = bottom < height and right < width
    return F.pad(images, (left, right, top, bottom), mode="reflect" if mirrored else "replicate")


def crop_to(images: Tensor, like: Tensor) -> Tensor:
    """Cut the middle of `images` (N, C, H', W') to height and width of `like`: undoes `pad_to_multiple`."""
    height, width = like.shape[-2:]
    top = (images.shape[-2] - height) // 2
    left = (images.shape[-1] - width) // 2
    return images[..., top : top + height, left : left + width]


def _missing(side: int, multiple: int, smallest: int) -> int:
    """Return how many pixels a side lacks to the next size that fits."""
    wanted = max(side, smallest)
    return wanted + (-wanted) % multiple - side
