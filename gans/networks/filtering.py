"""Doubling and halving with a low-pass filter, zeros around the image, as in StyleGAN2."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

TAPS = (1.0, 3.0, 3.0, 1.0)  # of StyleGAN2's filter


def filter_of(taps: Sequence[float] = TAPS) -> Tensor:
    """Return the filter (K, K) of sum 1 that is the outer product of K taps with themselves."""
    row = torch.tensor(taps)
    return torch.outer(row, row) / row.sum().square()


def upsampled(images: Tensor, kernel: Tensor) -> Tensor:
    """Double height and width: a zero after every pixel, then the filter, times 4 to keep the brightness.

    Paper: Karras et al. 2020, arXiv:1912.04958; the filter as a depthwise transposed convolution.

    Args:
        images: (N, C, H, W).
        kernel: (K, K) with K of 3 or more, see `filter_of`.

    Returns:
        (N, C, 2H, 2W).
    """
    height, width = images.shape[-2:]
    spread = F.conv_transpose2d(
        images, _for_each_channel(4 * kernel, images), stride=2, groups=images.shape[1]
    )
    first = len(kernel) - 1 - (len(kernel) + 1) // 2
    return spread[..., first : first + 2 * height, first : first + 2 * width]


def downsampled(images: Tensor, kernel: Tensor) -> Tensor:
    """Apply the filter, and keep every second pixel: (N, C, H, W) with even sides to (N, C, H/2, W/2)."""
    taps = len(kernel)
    return _convolved(images, kernel, ((taps - 1) // 2, (taps - 2) // 2), stride=2)


def filtered(images: Tensor, kernel: Tensor) -> Tensor:
    """Apply the filter to images (N, C, H, W), whose size stays."""
    return padded_and_filtered(images, kernel, (len(kernel) // 2, (len(kernel) - 1) // 2))


def padded_and_filtered(images: Tensor, kernel: Tensor, padding: tuple[int, int]) -> Tensor:
    """Put zeros before and after rows and columns, and apply the filter where it fits in whole."""
    return _convolved(images, kernel, padding, stride=1)


def _convolved(images: Tensor, kernel: Tensor, padding: tuple[int, int], stride: int) -> Tensor:
    weight = _for_each_channel(kernel.flip(0, 1), images)  # torch's convolution is a correlation
    before, after = padding
    if before != after:
        images, before = F.pad(images, (before, after, before, after)), 0
    return F.conv2d(images, weight, stride=stride, padding=before, groups=images.shape[1])


def _for_each_channel(kernel: Tensor, images: Tensor) -> Tensor:
    return kernel.to(images.dtype).expand(images.shape[1], 1, *kernel.shape)
