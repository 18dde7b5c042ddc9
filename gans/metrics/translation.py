"""How far translated images are from the ground truth, image by image."""

from __future__ import annotations

import torch
from torch import Tensor

EXACT_COPY_PSNR = 100.0  # decibels; stands for the infinite PSNR of an exact copy, so that means stay finite
LEVELS = 256  # of a channel in 8 bits
SSIM_WINDOW = 11  # pixels: the window of Wang et al. 2004; smaller images have no SSIM


def l1_255(images: Tensor, truth: Tensor) -> Tensor:
    """Return the mean absolute difference (N,) in 0..255 of images (N, C, H, W) in [-1, 1]."""
    return (images.float() - truth.float()).abs().mean(dim=(1, 2, 3)) * 127.5


def untouched_l1_255(fake: Tensor, source: Tensor, truth: Tensor) -> Tensor:
    """Return how far translations are from what should have stayed: where truth and source are equal.

    Args:
        fake: (N, C, H, W) in [-1, 1].
        source: of the same shape; row i is what was translated to row i of `fake`.
        truth: of the same shape; row i is what row i of `fake` should be.

    Returns:
        The mean absolute difference in 0..255 of each image that has such pixels, (M,) with M <= N.
    """
    stays = (source == truth).all(dim=1)
    counts = stays.sum(dim=(1, 2))
    differences = (fake.float() - truth.float()).abs().mean(dim=1) * 127.5
    sums = (differences * stays).sum(dim=(1, 2))
    return sums[counts > 0] / counts[counts > 0]


def translation_errors(fake: Tensor, truth: Tensor) -> dict[str, Tensor]:
    """Return the errors of every image, so that their mean is exact whatever the batches.

    Args:
        fake: (N, C, H, W) in [-1, 1].
        truth: (N, C, H, W) in [-1, 1]; row i is what row i of `fake` should be.

    Returns:
        `l1` (0..255), `psnr` (decibels, at most 100) and, for images of 11 pixels and more, `ssim` (at most
        1), each of shape (N,).
    """
    from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

    fake, truth = (images.float().clamp(-1, 1) for images in (fake, truth))
    unit_fake, unit_truth = (fake + 1) / 2, (truth + 1) / 2
    psnr = peak_signal_noise_ratio(unit_fake, unit_truth, data_range=1.0, reduction="none", dim=(1, 2, 3))
    errors = {"l1": l1_255(fake, truth), "psnr": psnr.clamp(max=EXACT_COPY_PSNR)}
    if min(fake.shape[-2:]) >= SSIM_WINDOW:
        ssim = structural_similarity_index_measure(unit_fake, unit_truth, data_range=1.0, reduction="none")
        assert isinstance(ssim, Tensor)
        errors["ssim"] = ssim
    return errors


def level_counts(images: Tensor) -> Tensor:
    """Return how often each channel of images (N, C, H, W) in [-1, 1] has each 8-bit level: (C, 256)."""
    channels = images.shape[1]
    levels = ((images.float() + 1) * 127.5).round().clamp(0, LEVELS - 1).long()
    levels += LEVELS * torch.arange(channels, device=images.device).view(channels, 1, 1)
    return torch.bincount(levels.flatten(), minlength=LEVELS * channels).view(channels, LEVELS)


def best_constant_l1(counts: Tensor) -> float:
    """Return the mean absolute difference in 0..255 between images and the one colour that is nearest to all.

    That colour is the median of each channel: the best answer in L1 of a network that ignores its input.

    Args:
        counts: (C, 256), what `level_counts` makes of the images, summed over batches.
    """
    level = torch.arange(LEVELS, dtype=torch.float64)
    errors_of_levels = counts.cpu().double() @ (level[:, None] - level).abs()  # (C, 256)
    return float(errors_of_levels.amin(dim=1).sum() / counts.sum())
