"""Halving and doubling by a low-pass filter with zeros outside the image, as StyleGAN and R3GAN do it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

TAPS = (1.0, 3.0, 3.0, 1.0)  # linear interpolation: 3/4 of the nearest pixel, 1/4 of the next


class FilteredHalving(nn.Module):
    """Halves height and width after a separable filter of sum 1.

    Args:
        channels: of the feature map, each of which is filtered by itself.
        taps: the filter along a side, an even number of weights; they are divided by their sum.

    Shape:
        (N, channels, H, W), H and W even, to (N, channels, H / 2, W / 2).

    Raises:
        ValueError: if the number of taps is odd.
    """

    kernel: Tensor

    def __init__(self, channels: int, taps: Sequence[float] = TAPS) -> None:
        super().__init__()
        self.padding = _padding(taps)
        self.register_buffer("kernel", _kernel(channels, taps), persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """Filter and halve."""
        kernel = self.kernel.to(features.dtype)
        return F.conv2d(features, kernel, stride=2, padding=self.padding, groups=len(kernel))


class FilteredDoubling(nn.Module):
    """Doubles height and width: zeros between the pixels, then a separable filter of sum 4.

    Args:
        channels: of the feature map, each of which is filtered by itself.
        taps: the filter along a side, an even number of weights; they are divided by half of their sum.

    Shape:
        (N, channels, H, W) to (N, channels, 2H, 2W).

    Raises:
        ValueError: if the number of taps is odd.
    """

    kernel: Tensor

    def __init__(self, channels: int, taps: Sequence[float] = TAPS) -> None:
        super().__init__()
        self.padding = _padding(taps)
        self.register_buffer("kernel", 4 * _kernel(channels, taps), persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """Double and filter."""
        kernel = self.kernel.to(features.dtype)
        return F.conv_transpose2d(features, kernel, stride=2, padding=self.padding, groups=len(kernel))


def _padding(taps: Sequence[float]) -> int:
    if len(taps) % 2:
        raise ValueError(f"the filter has {len(taps)} taps: only an even number lies between two pixels")
    return len(taps) // 2 - 1


def _kernel(channels: int, taps: Sequence[float]) -> Tensor:
    row = torch.tensor(taps)
    square = torch.outer(row, row)
    return (square / square.sum()).expand(channels, 1, -1, -1).contiguous()
