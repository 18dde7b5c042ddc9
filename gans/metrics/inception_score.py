"""The Inception score: whether each image shows one thing, and all together many (arXiv:1606.03498)."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor


class InceptionScore(NamedTuple):
    """Mean of the scores of several splits, and their standard deviation (n), as the papers give it."""

    mean: float
    deviation: float


def inception_score(logits: Tensor, splits: int) -> InceptionScore:
    """Return exp(E KL(p(y|x) || p(y))) of Salimans et al. 2016, split by split.

    It runs from 1, all images classified alike, to the number of classes C, each image of one class for sure
    and all classes as many. It looks at no real image: only scores of as many images, in as many splits, can
    be compared. A split of n images cannot score more than n.

    Args:
        logits: (N, C), before the softmax; for the score of the papers those of the 2015 Inception network.
        splits: into this many parts, equal up to one row, the rows are cut in their order; 10 in the paper,
            of 50 000 images.

    Raises:
        ValueError: if there are fewer rows than splits.
    """
    if len(logits) < splits:
        raise ValueError(f"{len(logits)} images cannot be cut into {splits} splits.")
    scores = torch.stack([_score(rows) for rows in logits.double().tensor_split(splits)])
    return InceptionScore(float(scores.mean()), float(scores.std(correction=0)))


def _score(logits: Tensor) -> Tensor:
    of_each = logits.log_softmax(dim=1)
    of_all = of_each.logsumexp(dim=0) - math.log(len(logits))
    return (of_each.exp() * (of_each - of_all)).sum(dim=1).mean().exp()
