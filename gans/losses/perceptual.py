"""Losses between features of images."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
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


def normalised_distance(
    features: Sequence[Tensor], targets: Sequence[Tensor], weights: Iterable[float]
) -> Tensor:
    """Return the squared difference of features that have length 1 at every position, a scalar.

    It is averaged over positions and added up over layers by their weights: LPIPS (Zhang et al. 2018,
    arXiv:1801.03924) without the weights that it learnt for each channel.

    Args:
        features: of each layer, (N, C, H, W) in its own size.
        targets: of the same shapes; no gradient goes through them.
        weights: one for each layer.

    Raises:
        ValueError: if there are not as many of each.
    """
    distances = [
        weight * (F.normalize(feature) - F.normalize(target.detach())).square().sum(1).mean()
        for feature, target, weight in zip(features, targets, weights, strict=True)
    ]
    return torch.stack(distances).sum()


def feature_distance(
    features: Sequence[Tensor], targets: Sequence[Tensor], weights: Iterable[float]
) -> Tensor:
    """Return the mean absolute difference of features, added up over layers by their weights, a scalar.

    It is the perceptual loss of ESRGAN (Wang et al. 2018, arXiv:1809.00219), which takes features before
    their activation, in the norm of the authors' program.

    Args:
        features: of each layer, (N, C, H, W) in its own size.
        targets: of the same shapes; no gradient goes through them.
        weights: one for each layer.

    Raises:
        ValueError: if there are not as many of each.
    """
    distances = [
        weight * F.l1_loss(feature, target.detach())
        for feature, target, weight in zip(features, targets, weights, strict=True)
    ]
    return torch.stack(distances).sum()
