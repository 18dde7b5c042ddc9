"""How well a joint embedding finds the caption of an image."""

from __future__ import annotations

from torch import Tensor

AMONG = 100


def retrieval_ranks(images: Tensor, texts: Tensor, mismatched: Tensor, among: int = AMONG) -> Tensor:
    """Return, for each image, the rank of its caption among so many: 1 is the best.

    It is the mean over all choices of the other captions out of those that do not describe the image, so it
    depends neither on chance nor on how many there are. A caption with the same score counts as half before
    and half after. Guessing gives (among + 1) / 2.

    Args:
        images: (N, E) embeddings.
        texts: (N, E); row i is of the caption of image i.
        mismatched: (N, N) of bool: whether caption j does not describe image i.
        among: captions, the right one included.

    Returns:
        (M,) of float64, without the N - M images that every caption describes.
    """
    scores = images.double() @ texts.double().T
    right = scores.diagonal()[:, None]
    before = (scores > right).double() + 0.5 * (scores == right)
    others = mismatched.sum(1)
    share = (before * mismatched).sum(1)[others > 0] / others[others > 0]
    return 1 + (among - 1) * share
