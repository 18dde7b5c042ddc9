"""Details of pictures, enlarged: where they differ most is where there is most to see."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

SHARE = 4  # sides of a picture are so many times those of its detail


def details(columns: Mapping[str, Tensor], guide: str) -> dict[str, Tensor]:
    """Return a detail of every picture, the same place in all columns, enlarged to about the picture's size.

    It is the square with the largest variance in the guide, a quarter as high as the shorter side, of which
    each pixel becomes a square of pixels.

    Args:
        columns: label -> pictures (N, C, H, W), of one size and number.
        guide: label of the column in which the places are looked for.

    Returns:
        Label and `, detail` -> details (N, C, h, h).
    """
    guides = columns[guide].float()
    side = max(1, min(guides.shape[-2:]) // SHARE)
    squares = F.avg_pool2d(guides.square(), side, stride=1) - F.avg_pool2d(guides, side, stride=1).square()
    contrast = squares.sum(1)  # of the square whose upper left corner is here
    places = contrast.flatten(1).argmax(1)
    corners = [divmod(int(place), contrast.shape[-1]) for place in places]
    return {
        f"{label}, detail": torch.stack(
            [
                picture[:, top : top + side, left : left + side]
                .repeat_interleave(SHARE, 1)
                .repeat_interleave(SHARE, 2)
                for picture, (top, left) in zip(pictures, corners, strict=True)
            ]
        )
        for label, pictures in columns.items()
    }
