"""Halving and doubling without aliasing: a low-pass filter goes along (Zhang 2019, arXiv:1904.11486)."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Downsampling = Literal["strided", "antialiased"]


class AntialiasedDownsample(nn.Module):
    """Halves height and width after a 3x3 binomial filter; an odd side n becomes (n + 1) / 2.

    Borders are mirrored. The filter is fixed, and no part of the state.

    Args:
        channels: of the feature map, each of which is filtered by itself.

    Shape:
        (N, channels, H, W), H and W at least 2, to (N, channels, ceil(H / 2), ceil(W / 2)).
    """

    kernel: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        row = torch.tensor([0.25, 0.5, 0.25])
        kernel = torch.outer(row, row).expand(channels, 1, 3, 3).contiguous()
        self.register_buffer("kernel", kernel, persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """Filter and halve."""
        padded = F.pad(features, (1, 1, 1, 1), mode="reflect")
        return F.conv2d(padded, self.kernel, stride=2, groups=len(self.kernel))


class AntialiasedUpsample(nn.Upsample):
    """Doubles height and width by the 4x4 binomial filter, outer product of 1 3 3 1, borders repeated.

    These are the weights of linear interpolation: 3/4 of the nearest row and column, 1/4 of the next.

    Shape:
        (N, C, H, W) to (N, C, 2H, 2W).
    """

    def __init__(self) -> None:
        super().__init__(scale_factor=2, mode="bilinear", align_corners=False)
