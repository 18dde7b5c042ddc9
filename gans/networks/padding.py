"""Images of any size through networks that halve them several times."""

from __future__ import annotations

import torch
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
    if multiple == smallest == 1:
        return images
    if torch.compiler.is_exporting():
        return _padded_in_any_size(images, multiple)
    height, width = images.shape[-2:]
    vertical = _missing(height, multiple, smallest)
    horizontal = _missing(width, multiple, smallest)
    if not vertical and not horizontal:
        return images
    top, left = vertical // 2, horizontal // 2
    bottom, right = vertical - top, horizontal - left
    mirrored = bottom < height and right < width
    return F.pad(images, (left, right, top, bottom), mode="reflect" if mirrored else "replicate")


def crop_to(images: Tensor, like: Tensor, scale: int = 1) -> Tensor:
    """Cut the middle of `images` (N, C, H', W') to `scale` times the sides of `like`: undoes padding.

    What `pad_to_multiple` made of `like` may have been enlarged `scale` times since: the cut stands where
    the padding was, enlarged.
    """
    height, width = (scale * side for side in like.shape[-2:])
    top = (images.shape[-2] // scale - like.shape[-2]) // 2 * scale
    left = (images.shape[-1] // scale - like.shape[-1]) // 2 * scale
    if torch.compiler.is_exporting():  # slices of unknown ends would be compared with the sides
        rows = torch.arange(height, device=images.device) + top
        return _taken(images, rows, torch.arange(width, device=images.device) + left)
    return images[..., top : top + height, left : left + width]


def _missing(side: int, multiple: int, smallest: int) -> int:
    """Return how many pixels a side lacks to the next size that fits."""
    wanted = max(side, smallest)
    return wanted + (-wanted) % multiple - side


def _padded_in_any_size(images: Tensor, multiple: int) -> Tensor:
    """Do as `pad_to_multiple` in a program that is exported for images of any size.

    Such a program has no branches and no numbers to branch on: so each pixel is taken from where it comes
    from, and tensors decide. Images must be as large as `smallest`, which the export demands of its inputs.
    """
    places = [_places(side, multiple, images.device) for side in images.shape[-2:]]
    can_mirror = torch.stack([mirrored.min() for mirrored, _ in places]).min() >= 0
    return _taken(images, *(torch.where(can_mirror, mirrored, border) for mirrored, border in places))


def _places(side: int, multiple: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return where the pixels of a padded side come from: by mirroring, negative if too small, and not."""
    padded = (side + multiple - 1) // multiple * multiple
    places = torch.arange(padded, device=device) - (padded - side) // 2
    mirrored = (side - 1) - ((side - 1) - places.abs()).abs()
    return mirrored, places.clamp(0, side - 1)


def _taken(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    return images.index_select(-2, rows).index_select(-1, columns)
