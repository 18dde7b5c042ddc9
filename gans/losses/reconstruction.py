"""Losses between two images that should be the same."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def l1(images: Tensor, targets: Tensor) -> Tensor:
    """Return the mean absolute difference, a scalar.

    It is the L1 term of pix2pix between translation and truth (arXiv:1611.07004), and in CycleGAN
    (arXiv:1703.10593) both the cycle loss, between an image and its return from the other domain, and the
    identity loss, between an image and what the generator into its own domain makes of it.

    Args:
        images: any shape, usually (N, C, H, W) in [-1, 1].
        targets: of the same shape.

    Raises:
        ValueError: if the shapes differ; torch would stretch one over the other.
    """
    if images.shape != targets.shape:
        raise ValueError(
            f"l1 compares images of one shape, got {tuple(images.shape)} and {tuple(targets.shape)}"
        )
    return F.l1_loss(images, targets)
