"""Halving and doubling without aliasing: a low-pass filter goes along (Zhang 2019, arXiv:1904.11486)."""

from __future__ import annotations

from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.grad import conv2d_input

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
        if torch.is_grad_enabled() and features.requires_grad:
            filtered: Tensor = _Halving.apply(features, self.kernel)
            return filtered
        return _halved(features, self.kernel)


def _halved(features: Tensor, kernel: Tensor) -> Tensor:
    padded = F.pad(features, (1, 1, 1, 1), mode="reflect")
    return F.conv2d(padded, kernel.to(padded.dtype), stride=2, groups=len(kernel))


class _Halving(torch.autograd.Function):
    """Filters and halves, and keeps nothing: torch's convolution would keep the padded features.

    They are as large as anything in a network, and the filter, which does not learn, has no use for them.
    """

    @staticmethod
    def forward(ctx: Any, features: Tensor, kernel: Tensor) -> Tensor:
        ctx.save_for_backward(kernel)
        ctx.shape = features.shape
        return _halved(features, kernel)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (kernel,) = ctx.saved_tensors
        return _Spreading.apply(gradients[0], kernel, ctx.shape), None


class _Spreading(torch.autograd.Function):
    """The transpose of `_Halving`: what comes in from its outputs goes to the features they were made of."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, kernel: Tensor, shape: torch.Size) -> Tensor:
        ctx.save_for_backward(kernel)
        samples, channels, height, width = shape
        size = samples, channels, height + 2, width + 2
        spread: Tensor = conv2d_input(size, kernel.to(gradient.dtype), gradient, stride=2, groups=channels)
        for side in (spread.transpose(-1, -2), spread):  # views: what fell on a border goes where it mirrors
            side[..., 2] += side[..., 0]
            side[..., -3] += side[..., -1]
        return spread[..., 1:-1, 1:-1]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (kernel,) = ctx.saved_tensors
        return _Halving.apply(gradients[0], kernel), None, None


class AntialiasedUpsample(nn.Upsample):
    """Doubles height and width by the 4x4 binomial filter, outer product of 1 3 3 1, borders repeated.

    These are the weights of linear interpolation: 3/4 of the nearest row and column, 1/4 of the next.

    Shape:
        (N, C, H, W) to (N, C, 2H, 2W).
    """

    def __init__(self) -> None:
        super().__init__(scale_factor=2, mode="bilinear", align_corners=False)
