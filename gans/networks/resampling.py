"""Halving and doubling by a low-pass filter with zeros outside the image, as StyleGAN and R3GAN do it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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
        self.register_buffer("kernel", _kernel(channels, taps), persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """Filter and halve."""
        return _convolved(features, self.kernel, 2, self.kernel.shape[-1] // 2 - 1)


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
        self.register_buffer("kernel", 4 * _kernel(channels, taps), persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """Double and filter."""
        return _spread(features, self.kernel, 2, self.kernel.shape[-1] // 2 - 1)


def _kernel(channels: int, taps: Sequence[float]) -> Tensor:
    if len(taps) % 2:
        raise ValueError(f"the filter has {len(taps)} taps: only an even number lies between two pixels")
    return filter_of(taps).expand(channels, 1, -1, -1).contiguous()


def filter_of(taps: Sequence[float] = TAPS) -> Tensor:
    """Return the filter (K, K) of sum 1 that is the outer product of K taps with themselves."""
    row = torch.tensor(taps)
    square = torch.outer(row, row)
    return square / square.sum()


def upsampled(images: Tensor, kernel: Tensor) -> Tensor:
    """Double height and width: a zero after every pixel, then the filter, times 4 to keep the brightness.

    Paper: Karras et al. 2020, arXiv:1912.04958.

    Args:
        images: (N, C, H, W).
        kernel: (K, K) with K of 3 or more, see `filter_of`.

    Returns:
        (N, C, 2H, 2W).
    """
    height, width = images.shape[-2:]
    spread = _spread(images, _for_each_channel(4 * kernel, images), 2, 0)
    first = len(kernel) - 1 - (len(kernel) + 1) // 2
    return spread[..., first : first + 2 * height, first : first + 2 * width]


def downsampled(images: Tensor, kernel: Tensor) -> Tensor:
    """Apply the filter, and keep every second pixel: (N, C, H, W) with even sides to (N, C, H/2, W/2)."""
    taps = len(kernel)
    return _padded_and_convolved(images, kernel, ((taps - 1) // 2, (taps - 2) // 2), 2)


def filtered(images: Tensor, kernel: Tensor) -> Tensor:
    """Apply the filter to images (N, C, H, W), whose size stays."""
    return padded_and_filtered(images, kernel, (len(kernel) // 2, (len(kernel) - 1) // 2))


def padded_and_filtered(images: Tensor, kernel: Tensor, padding: tuple[int, int]) -> Tensor:
    """Put zeros before and after rows and columns, and apply the filter where it fits in whole."""
    return _padded_and_convolved(images, kernel, padding, 1)


def _padded_and_convolved(images: Tensor, kernel: Tensor, padding: tuple[int, int], stride: int) -> Tensor:
    weight = _for_each_channel(kernel.flip(0, 1), images)  # torch's convolution is a correlation
    before, after = padding
    if before != after:
        images, before = F.pad(images, (before, after, before, after)), 0
    return _convolved(images, weight, stride, before)


def _for_each_channel(kernel: Tensor, images: Tensor) -> Tensor:
    return kernel.expand(images.shape[1], 1, *kernel.shape)


def _convolved(features: Tensor, kernel: Tensor, stride: int, padding: int) -> Tensor:
    """Filter each channel by itself, (channels, 1, K, K), keeping nothing for gradients."""
    convolved: Tensor = _Convolution.apply(features, kernel.to(features.dtype), stride, padding)
    return convolved


def _spread(features: Tensor, kernel: Tensor, stride: int, padding: int) -> Tensor:
    """Spread each pixel by the filter of its channel, which is the transpose of `_convolved`."""
    spread: Tensor = _Transpose.apply(features, kernel.to(features.dtype), stride, padding, 0)
    return spread


class _Convolution(torch.autograd.Function):
    """Filters channel by channel, and keeps nothing; its transpose, with the same kernel, is `_Transpose`.

    Torch's convolution would keep the features for the gradient of a filter that does not learn, and compute
    that gradient one channel after the other where it is differentiated twice.
    """

    @staticmethod
    def forward(ctx: Any, features: Tensor, kernel: Tensor, stride: int, padding: int) -> Tensor:
        ctx.save_for_backward(kernel)
        ctx.stride, ctx.padding = stride, padding
        ctx.left_over = (features.shape[-1] + 2 * padding - kernel.shape[-1]) % stride
        return F.conv2d(features, kernel, stride=stride, padding=padding, groups=len(kernel))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        spread = _Transpose.apply(gradients[0], *ctx.saved_tensors, ctx.stride, ctx.padding, ctx.left_over)
        return spread, None, None, None


class _Transpose(torch.autograd.Function):
    """Spreads channel by channel, and keeps nothing; its transpose, with that kernel, is `_Convolution`."""

    @staticmethod
    def forward(
        ctx: Any, features: Tensor, kernel: Tensor, stride: int, padding: int, left_over: int
    ) -> Tensor:
        ctx.save_for_backward(kernel)
        ctx.stride, ctx.padding = stride, padding
        channels = len(kernel)
        return F.conv_transpose2d(
            features, kernel, None, stride, padding, output_padding=left_over, groups=channels
        )

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None, None]:
        convolved = _Convolution.apply(gradients[0], *ctx.saved_tensors, ctx.stride, ctx.padding)
        return convolved, None, None, None, None
