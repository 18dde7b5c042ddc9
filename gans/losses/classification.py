"""Losses of a classifier of attributes, as the auxiliary ones of StarGAN (arXiv:1711.09020).

Both are summed over attributes and divided by the number of images, also of those that do not count: images
of a batch whose labels come from another data set. They are computed in 32 bits even under autocast.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor


def classification(
    groups: Iterable[tuple[slice, bool]], logits: Tensor, labels: Tensor, mask: Tensor
) -> Tensor:
    """Return the loss of naming attributes, each data set's for the images whose labels know them, a scalar.

    Args:
        groups: by data set, the columns of its attributes, and whether these are domains, of which an image
            has exactly one; these are classified together, other attributes by themselves.
        logits: (N, K), before the sigmoid or softmax.
        labels: (N, K) of 0 and 1.
        mask: (N, D) of 1 for the data set whose labels an image has, and 0 for others.
    """
    losses = []
    for number, (columns, exclusive) in enumerate(groups):
        loss = domain_loss if exclusive else attribute_loss
        losses.append(loss(logits[:, columns], labels[:, columns], mask[:, number]))
    return torch.stack(losses).sum()


def attribute_loss(logits: Tensor, labels: Tensor, counts: Tensor | None = None) -> Tensor:
    """Return the binary cross-entropy of attributes that an image may have or not, a scalar.

    Args:
        logits: (N, K), before the sigmoid.
        labels: (N, K) of 0 and 1.
        counts: (N,) of 1 for images whose labels count and 0 for others; None counts all.
    """
    loss = F.binary_cross_entropy_with_logits(logits.to(labels.dtype), labels, reduction="none").sum(1)
    return _mean(loss, counts)


def domain_loss(logits: Tensor, labels: Tensor, counts: Tensor | None = None) -> Tensor:
    """Return the cross-entropy of domains of which an image has exactly one, a scalar.

    Args:
        logits: (N, K), before the softmax.
        labels: (N, K), one-hot; a row of zeros counts for nothing.
        counts: as for `attribute_loss`.
    """
    loss = -(labels * F.log_softmax(logits.to(labels.dtype), dim=1)).sum(1)
    return _mean(loss, counts)


def _mean(losses: Tensor, counts: Tensor | None) -> Tensor:
    return losses.mean() if counts is None else (losses * counts).mean()
