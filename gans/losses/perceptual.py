"""Losses between features of images."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def content_distance(features: Tensor, targets: Tensor) -> Tensor:
    """Return the mean squared difference of features whose style is taken out by instance norm, a scalar.

    It is the domain-invariant perceptual loss of MUNIT (Huang et al. 2018, arXiv:1804.04732): colours and
    contrast may change, what is where may not.

    Args:
        features: (N, C, H, W) of more than one pixel, such as VGG's.
        targets: of the same shape.
    """
    channels = features.shape[
        1
    ]  # as many groups: torch's instance norm has a wrong gradient on a CPU at times
    return F.mse_loss(F.group_norm(features, channels), F.group_norm(targets, channels))
