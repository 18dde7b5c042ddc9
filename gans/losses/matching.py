"""How well texts and images match: the loss that text encoders are trained with."""

from __future__ import annotations

from torch import Tensor

MARGIN = 1.0
"""By how much a matching pair is to win over every other: the 0-1 loss between classes in the paper."""


def joint_embedding_loss(images: Tensor, texts: Tensor, mismatched: Tensor) -> Tensor:
    """Return the symmetric structured joint embedding loss (Reed et al. 2016, arXiv:1605.05395).

    The score of an image and a text is the inner product of their embeddings. Each image costs, for every
    text that does not describe it, what that text's score lacks of being `MARGIN` below that of its own text;
    and each text the same for every image that it does not describe. As in the official program, all of them
    count and not the worst alone, and the sum is divided by N * N.

    Args:
        images: (N, E).
        texts: (N, E); row i describes image i.
        mismatched: (N, N) of bool: whether text j does not describe image i. Its diagonal is False.
    """
    scores = images @ texts.T
    right = scores.diagonal()
    by_image = (MARGIN + scores - right[:, None]).relu()
    by_text = (MARGIN + scores - right[None]).relu()
    return ((by_image + by_text) * mismatched).sum() / len(images) ** 2
