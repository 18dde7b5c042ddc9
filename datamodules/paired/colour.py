"""Pictures as lightness and colour, CIE L*a*b*: what a colourisation is given and what it has to find.

The space is that of the paper's colourisation task, under D65: L from 0 (black) to 100 (white), a and b from
-108 to 98 in what a screen shows. Here L is divided by 50 and lowered by 1, a and b are divided by 110, as in
the official program, so that all of them lie in [-1, 1]. kornia converts whole batches on their device.
"""

from __future__ import annotations

import torch
from torch import Tensor

from datamodules.transforms import to_unit_range

_HALF_LIGHTNESS = 50.0
_COLOUR = 110.0


def split_lab(images: Tensor) -> tuple[Tensor, Tensor]:
    """Split colour pictures into lightness and colour.

    Args:
        images: (N, 3, H, W), sRGB in [-1, 1].

    Returns:
        L (N, 1, H, W) and ab (N, 2, H, W), both in [-1, 1].
    """
    from kornia.color import rgb_to_lab

    lab = rgb_to_lab((images + 1) / 2)
    return lab[:, :1] / _HALF_LIGHTNESS - 1, lab[:, 1:] / _COLOUR


def join_lab(lightness: Tensor, ab: Tensor) -> Tensor:
    """Join lightness and colour to pictures, the inverse of `split_lab`.

    Args:
        lightness: (N, 1, H, W) in [-1, 1].
        ab: (N, 2, H, W) in [-1, 1]; colours that no screen shows become the nearest ones it does, channel by
            channel.

    Returns:
        sRGB (N, 3, H, W) in [-1, 1].
    """
    from kornia.color import lab_to_rgb

    lab = torch.cat([(lightness + 1) * _HALF_LIGHTNESS, ab * _COLOUR], dim=1)
    rgb: Tensor = lab_to_rgb(lab, clip=True)
    return rgb * 2 - 1


def lightness(picture: Tensor) -> Tensor:
    """Return L (1, H, W) in [-1, 1] of one picture (3, H, W): uint8, or float32 in [-1, 1]."""
    return split_lab(to_unit_range(picture)[None])[0][0]
