"""PSNR and SSIM as papers on super-resolution report them: of 8-bit pictures, without their borders.

They are not those of `gans.metrics.translation`, which knows neither 8 bits nor borders, and lets the window
of SSIM (Wang et al. 2004) reach beyond the picture, into its mirror image.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from datamodules.imresize import imresize
from gans.metrics.translation import EXACT_COPY_PSNR, SSIM_WINDOW

SSIM_SIGMA = 1.5  # pixels
WHITE = 255.0
LUMA = (65.481, 128.553, 24.966)  # of red, green and blue: BT.601 from 16 to 235, as MATLAB's rgb2ycbcr
BLACK = 16.0


def enlargement_errors(fake: Tensor, truth: Tensor, border: int) -> dict[str, Tensor]:
    """Return the errors of every picture, so that their mean is exact whatever the batches.

    Args:
        fake: (N, C, H, W) in [-1, 1].
        truth: (N, C, H, W) in [-1, 1]; row i is what row i of `fake` should be.
        border: pixels to leave out at each side; papers take the scale.

    Returns:
        `psnr_y` (decibels, at most 100) and `ssim_y` (at most 1) of brightness, and of pictures of three
        channels `psnr_rgb` and `ssim_rgb` of all three together, each (N,). Without SSIM where fewer than 11
        pixels are left; nothing where none are, or for another number of channels than 1 and 3.
    """
    channels, *sides = fake.shape[1:]
    if channels not in (1, 3) or min(sides) <= 2 * border:
        return {}
    levels = to_levels(fake, border), to_levels(truth, border)
    if channels == 1:
        return _errors("y", *levels)
    brightness = luma(levels[0]), luma(levels[1])
    return _errors("y", *brightness) | _errors("rgb", *levels)


def bicubic_errors(source: Tensor, truth: Tensor, scale: int) -> dict[str, Tensor]:
    """Return the errors of enlarging images by MATLAB's bicubic, with which a network has to compare.

    Args:
        source: (N, C, H, W) in [-1, 1].
        truth: (N, C, scale * H, scale * W) in [-1, 1].
        scale: an integer above 1, and the border to leave out.

    Returns:
        `psnr_y_bicubic` (N,); nothing where it cannot be measured, or the numbers of channels differ.
    """
    if source.shape[1] != truth.shape[1]:
        return {}
    errors = enlargement_errors(imresize(source.float(), scale), truth, scale)
    return {"psnr_y_bicubic": errors["psnr_y"]} if errors else {}


def to_levels(images: Tensor, border: int) -> Tensor:
    """Return images (N, C, H, W) in [-1, 1] as 8-bit levels, whole numbers in float64, without borders."""
    inner = images[..., border : images.shape[-2] - border, border : images.shape[-1] - border]
    return ((inner.double() + 1) * (WHITE / 2)).round().clamp(0, WHITE)


def luma(levels: Tensor) -> Tensor:
    """Return the brightness (N, 1, H, W), from 16 to 235 and not rounded, of RGB (N, 3, H, W) in 0..255."""
    weights = levels.new_tensor(LUMA).view(1, 3, 1, 1) / WHITE
    return (weights * levels).sum(dim=1, keepdim=True) + BLACK


def psnr(levels: Tensor, truth: Tensor) -> Tensor:
    """Return the decibels (N,) of pictures (N, C, H, W) in 0..255, all channels together; inf for a copy."""
    squared = (levels - truth).square().mean(dim=(1, 2, 3))
    return 10 * torch.log10(WHITE**2 / squared)


def ssim(levels: Tensor, truth: Tensor) -> Tensor:
    """Return the structural similarity (N,) of pictures (N, C, H, W) in 0..255 of 11 pixels and more.

    It is the mean over channels, and over the places where the window lies within the picture.
    """
    mean, true_mean = _windowed(levels), _windowed(truth)
    variance = _windowed(levels * levels) - mean * mean
    true_variance = _windowed(truth * truth) - true_mean * true_mean
    covariance = _windowed(levels * truth) - mean * true_mean
    stable_mean, stable_variance = (0.01 * WHITE) ** 2, (0.03 * WHITE) ** 2
    brightness = (2 * mean * true_mean + stable_mean) / (mean**2 + true_mean**2 + stable_mean)
    structure = (2 * covariance + stable_variance) / (variance + true_variance + stable_variance)
    return (brightness * structure).mean(dim=(1, 2, 3))


def _windowed(images: Tensor) -> Tensor:
    """Return the Gaussian mean (N, C, H - 10, W - 10) around every place of images (N, C, H, W)."""
    places = torch.arange(SSIM_WINDOW, dtype=images.dtype, device=images.device) - SSIM_WINDOW // 2
    row = torch.softmax(-0.5 * (places / SSIM_SIGMA) ** 2, dim=0)
    channels = images.flatten(0, 1)[:, None]
    means = F.conv2d(F.conv2d(channels, row.view(1, 1, -1, 1)), row.view(1, 1, 1, -1))
    return means.view(*images.shape[:2], *means.shape[2:])


def _errors(of: str, levels: Tensor, truth: Tensor) -> dict[str, Tensor]:
    errors = {f"psnr_{of}": psnr(levels, truth).clamp(max=EXACT_COPY_PSNR)}
    if min(levels.shape[-2:]) >= SSIM_WINDOW:
        errors[f"ssim_{of}"] = ssim(levels, truth)
    return errors
