"""Filtering of batches: a kernel for each image, and the sharpening of Real-ESRGAN's targets."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

SHARPENING_TAPS = 51
SHARPENING_SIGMA = 8.0  # pixels: what OpenCV takes for so many taps


def blur(images: Tensor, kernels: Tensor) -> Tensor:
    """Correlate every channel of each image with the kernel of that image.

    Edges are mirrored without the outermost pixel, again and again where an image is smaller than a kernel.

    Args:
        images: (N, C, H, W) of any range.
        kernels: (N, K, K), K odd; or (1, K, K), one for all.

    Returns:
        (N, C, H, W).
    """
    padded = mirrored(mirrored(images, kernels.shape[1] // 2, -2), kernels.shape[2] // 2, -1)
    kernels = kernels.to(images).expand(len(images), -1, -1)
    return F.conv2d(padded.transpose(0, 1), kernels[:, None], groups=len(images)).transpose(0, 1)


def mirrored(images: Tensor, padding: int, dim: int) -> Tensor:
    """Pad images on both sides of a dimension as mirrors would that stand on their outermost pixels."""
    side = images.shape[dim]
    places = torch.arange(-padding, side + padding, device=images.device)
    period = max(2 * (side - 1), 1)
    places = places % period
    return images.index_select(dim, torch.minimum(places, period - places) if side > 1 else 0 * places)


def sharpen(images: Tensor, weight: float = 0.5, threshold: float = 10.0) -> Tensor:
    """Sharpen images by unsharp masking where they have edges, as Real-ESRGAN does its targets.

    Added is `weight` times what a wide Gaussian takes away. Where that is less than the threshold nothing
    changes, so that noise is not sharpened; the same Gaussian softens the limit between the two.

    Args:
        images: (N, C, H, W) in [0, 1].
        weight: strength.
        threshold: least difference in 0..255 that is an edge.

    Returns:
        (N, C, H, W), in [0, 1] where it was.
    """
    residual = images - _softened(images)
    edges = _softened((residual.abs() * 255 > threshold).to(images.dtype))
    sharp = (images + weight * residual).clamp(0, 1)
    return edges * sharp + (1 - edges) * images


def _softened(images: Tensor) -> Tensor:
    """Blur with the wide Gaussian, rows and columns one after the other."""
    row = gaussian(SHARPENING_TAPS, SHARPENING_SIGMA)
    return blur(blur(images, row.view(1, -1, 1)), row.view(1, 1, -1))


def gaussian(taps: int, sigma: float) -> Tensor:
    """Return a Gaussian (taps,) of float64 that sums to 1, of sigma pixels."""
    places = torch.arange(taps, dtype=torch.float64) - taps // 2
    values = torch.exp(-0.5 * (places / sigma) ** 2)
    return values / values.sum()
