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
        if torch.is_grad_enabled() and features.requires_grad:
            halved: Tensor = _Halving.apply(features, self.kernel)
            return halved
        return _halved(features, self.kernel)


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
        if torch.is_grad_enabled() and features.requires_grad:
            doubled: Tensor = _Doubling.apply(features, self.kernel)
            return doubled
        return _doubled(features, self.kernel)


def _kernel(channels: int, taps: Sequence[float]) -> Tensor:
    if len(taps) % 2:
        raise ValueError(f"the filter has {len(taps)} taps: only an even number lies between two pixels")
    row = torch.tensor(taps)
    square = torch.outer(row, row)
    return (square / square.sum()).expand(channels, 1, -1, -1).contiguous()


def _halved(features: Tensor, kernel: Tensor) -> Tensor:
    kernel = kernel.to(features.dtype)
    return F.conv2d(features, kernel, stride=2, padding=_padding(kernel), groups=len(kernel))


def _doubled(features: Tensor, kernel: Tensor) -> Tensor:
    kernel = kernel.to(features.dtype)
    return F.conv_transpose2d(features, kernel, stride=2, padding=_padding(kernel), groups=len(kernel))


def _padding(kernel: Tensor) -> int:
    return kernel.shape[-1] // 2 - 1


class _Halving(torch.autograd.Function):
    """Filters and halves, and keeps nothing; its transpose, with the same kernel, is `_Doubling`.

    Torch's convolution would keep the features for the gradient of a filter that does not learn, and compute
    that gradient one channel after the other where it is differentiated twice.
    """

    @staticmethod
    def forward(ctx: Any, features: Tensor, kernel: Tensor) -> Tensor:
        ctx.save_for_backward(kernel)
        return _halved(features, kernel)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return _Doubling.apply(gradients[0], *ctx.saved_tensors), None


class _Doubling(torch.autograd.Function):
    """Doubles and filters, and keeps nothing; its transpose, with the same kernel, is `_Halving`."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, kernel: Tensor) -> Tensor:
        ctx.save_for_backward(kernel)
        return _doubled(features, kernel)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return _Halving.apply(gradients[0], *ctx.saved_tensors), None
