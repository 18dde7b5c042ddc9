"""What the networks of StarGAN v2 are made of: residual blocks, norm by a style, the high-pass filter."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gans.networks.norms import InstanceNorm2d

SLOPE = 0.2  # of all LeakyReLUs
WIDEST = 512
WIDTH_TIMES_SIZE = 1 << 14


def width_for(image_size: int) -> int:
    """Return the published number of channels at the image: the larger, the fewer, at most 512."""
    return min(WIDTH_TIMES_SIZE // image_size, WIDEST)


def widths_of(width: int, halvings: int, widest: int) -> list[int]:
    """Return the channels at the image and after each halving."""
    return [width, *(min(width << level, widest) for level in range(1, halvings + 1))]


class DownBlock(nn.Module):
    """Twice LeakyReLU and a 3x3 convolution, added to the input; the sum is divided by the root of 2.

    Args:
        channels_in: channels of the input; of its convolution, too.
        channels_out: channels of the output.
        normed: whether instance norm with scale and shift comes before either LeakyReLU.
        halves: whether means over 2x2 pixels are taken.

    Shape:
        (N, channels_in, H, W) to (N, channels_out, H, W), or half as high and wide.
    """

    def __init__(self, channels_in: int, channels_out: int, *, normed: bool, halves: bool) -> None:
        super().__init__()
        norm: Callable[[int], nn.Module] = (
            (lambda channels: InstanceNorm2d(channels, affine=True)) if normed else (lambda _: nn.Identity())
        )
        self.halves = halves
        self.conv_1 = nn.Conv2d(channels_in, channels_in, 3, padding=1)
        self.conv_2 = nn.Conv2d(channels_in, channels_out, 3, padding=1)
        self.norm_1, self.norm_2 = norm(channels_in), norm(channels_in)
        self.shortcut = _shortcut(channels_in, channels_out)

    def forward(self, features: Tensor) -> Tensor:
        """Return the features and what the block makes of them."""
        residual = self.conv_1(_activated(self.norm_1(features)))
        past = self.shortcut(features)
        if self.halves:
            residual, past = F.avg_pool2d(residual, 2), F.avg_pool2d(past, 2)
        residual = self.conv_2(_activated(self.norm_2(residual)))
        both: Tensor = past + residual
        return both / 2**0.5


class StyledUpBlock(nn.Module):
    """Twice norm by style, LeakyReLU and a 3x3 convolution, added to the input as in `DownBlock`.

    Args:
        channels_in: channels of the input.
        channels_out: channels of the output.
        style_size: numbers in a style.
        doubles: whether each pixel becomes 2x2.
        shortcut: whether the input passes by the block; its weights are there in any case.

    Shape:
        features (N, channels_in, H, W) and styles (N, style_size) to (N, channels_out, H, W), or twice as
        high and wide.
    """

    def __init__(
        self, channels_in: int, channels_out: int, style_size: int, *, doubles: bool, shortcut: bool
    ) -> None:
        super().__init__()
        self.doubles, self.passes = doubles, shortcut
        self.conv_1 = nn.Conv2d(channels_in, channels_out, 3, padding=1)
        self.conv_2 = nn.Conv2d(channels_out, channels_out, 3, padding=1)
        self.norm_1 = StyleNorm(style_size, channels_in)
        self.norm_2 = StyleNorm(style_size, channels_out)
        self.shortcut = _shortcut(channels_in, channels_out)

    def forward(self, features: Tensor, styles: Tensor) -> Tensor:
        """Return what the block makes of the features in these styles."""
        residual = _activated(self.norm_1(features, styles))
        residual = self.conv_1(_doubled(residual) if self.doubles else residual)
        made: Tensor = self.conv_2(_activated(self.norm_2(residual, styles)))
        if not self.passes:
            return made
        past: Tensor = self.shortcut(_doubled(features) if self.doubles else features)
        return (past + made) / 2**0.5


class StyleNorm(nn.Module):
    """Instance norm by a style: adaptive instance norm, whose scale starts from 1.

    Paper: Huang & Belongie 2017, arXiv:1703.06868.

    Args:
        style_size: numbers in a style.
        channels: channels of the features.

    Shape:
        features (N, channels, H, W) and styles (N, style_size) to (N, channels, H, W).
    """

    def __init__(self, style_size: int, channels: int) -> None:
        super().__init__()
        self.norm = InstanceNorm2d(channels)
        self.linear = nn.Linear(style_size, 2 * channels)

    def forward(self, features: Tensor, styles: Tensor) -> Tensor:
        """Normalise every channel of every image, then scale and shift it as its style says."""
        scale, shift = self.linear(styles)[..., None, None].chunk(2, dim=1)
        normed: Tensor = (1 + scale) * self.norm(features) + shift
        return normed


class HighPass(nn.Module):
    """Keeps what a pixel differs by from those around it: 8 of itself less its eight neighbours.

    Args:
        weight: what the filter is divided by.

    Shape:
        (N, C, H, W) to the same, zeros around it.
    """

    kernel: Tensor

    def __init__(self, weight: float) -> None:
        super().__init__()
        kernel = torch.full((3, 3), -1.0)
        kernel[1, 1] = 8.0
        self.register_buffer("kernel", kernel / weight, persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """Filter every channel by itself."""
        channels = features.shape[1]
        kernel = self.kernel.to(features.dtype).expand(channels, 1, 3, 3)
        return F.conv2d(features, kernel, padding=1, groups=channels)


def _shortcut(channels_in: int, channels_out: int) -> nn.Module:
    if channels_in == channels_out:
        return nn.Identity()
    return nn.Conv2d(channels_in, channels_out, 1, bias=False)


def _activated(features: Tensor) -> Tensor:
    return F.leaky_relu(features, negative_slope=SLOPE)


def _doubled(features: Tensor) -> Tensor:
    return F.interpolate(features, scale_factor=2, mode="nearest")
