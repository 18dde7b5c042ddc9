"""Images of twice and of half the sides, by a wavelet's low-pass filter.

Of ADA (Karras et al. 2020, arXiv:2006.06676, appendix B). A convolution of one channel is slow on a CPU, and
its derivative slower: here rows are cut into tiles and multiplied by one small matrix, there and back.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

SYM6 = (
    0.015404109327027373,
    0.0034907120842174702,
    -0.11799011114819057,
    -0.048311742585633,
    0.4910559419267466,
    0.787641141030194,
    0.3379294217276218,
    -0.07263752278646252,
    -0.021060292512300564,
    0.04472490177066578,
    0.0017677118642428036,
    -0.007800708325034148,
)
"""Low-pass filter of Daubechies' sixth symlet, nearly symmetric."""
REACH = len(SYM6) // 4  # of the filter at doubled size, in pixels of the image

TILE = 16  # pixels that are halved to or doubled from by one product
BORDER = len(SYM6) - 2  # what the filter adds to twice a length


def doubled(images: Tensor) -> Tensor:
    """Return images (N, C, H, W) of twice the sides; zeros lie around them."""
    for _ in range(2):  # rows, then columns
        spread: Tensor = _Spreading.apply(images)
        images = 2 * spread[..., BORDER // 2 : -BORDER // 2].transpose(-1, -2)
    return images


def halved(images: Tensor) -> Tensor:
    """Return images (N, C, H, W) of half the sides, less `REACH` pixels at each border."""
    for _ in range(2):
        gathered: Tensor = _Gathering.apply(images[..., 1:-1])
        images = gathered.transpose(-1, -2)
    return images


class _Spreading(torch.autograd.Function):
    """Lays the filter over every number of rows (..., L), two places apart: (..., 2 L + 10)."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        return _spread(rows)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        gathered: Tensor = _Gathering.apply(gradients[0])
        return gathered


class _Gathering(torch.autograd.Function):
    """Weighs what lies under the filter, at every second place of rows (..., 2 L + 10): (..., L).

    It is the transpose of `_Spreading`.
    """

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        return _gather(rows)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        spread: Tensor = _Spreading.apply(gradients[0])
        return spread


def _spread(rows: Tensor) -> Tensor:
    length = rows.shape[-1]
    before = BORDER // 2  # numbers of the tile before that reach into a tile
    tiles = -(-(length + before) // TILE)
    windows = F.pad(rows, (before, tiles * TILE - length)).unfold(-1, before + TILE, TILE)
    within = slice(BORDER, BORDER + 2 * TILE)
    # As one matrix: of a view of many dimensions torch would multiply each row by itself.
    spread = windows.contiguous() @ _laid(before + TILE, rows)[:, within]
    return spread.flatten(-2)[..., : 2 * length + BORDER]


def _gather(rows: Tensor) -> Tensor:
    length = (rows.shape[-1] - BORDER) // 2
    tiles = -(-length // TILE)
    padded = F.pad(rows, (0, 2 * tiles * TILE + BORDER - rows.shape[-1]))
    windows = padded.unfold(-1, 2 * TILE + BORDER, 2 * TILE)
    return (windows.contiguous() @ _laid(TILE, rows).t()).flatten(-2)[..., :length]


def _laid(count: int, like: Tensor) -> Tensor:
    """Return a matrix (count, 2 count + 10), in each row of which the filter lies two places further on."""
    taps = torch.tensor(SYM6, dtype=torch.float32)
    taps = (taps / taps.sum()).to(like)
    numbers = torch.arange(2 * count + BORDER, device=like.device)
    places = numbers - 2 * numbers[:count, None]
    inside = (places >= 0) & (places < len(SYM6))
    return torch.where(inside, taps[places.clamp(0, len(SYM6) - 1)], 0)
