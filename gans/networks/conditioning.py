"""How a class reaches a network that makes or scores images."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def join_labels(latents: Tensor, labels: Tensor | None, classes: int) -> Tensor:
    """Append the class, one-hot, to each latent: what a conditional generator takes.

    Paper: Mirza & Osindero 2014, arXiv:1411.1784.

    Args:
        latents: (N, latent_size); further axes of length 1 are dropped.
        labels: (N,) classes from 0 to `classes` - 1, int64; not looked at without classes.
        classes: number of classes; 0 for a generator without condition.

    Returns:
        (N, latent_size + classes), of the latents' dtype.

    Raises:
        ValueError: if there are classes and no labels.
    """
    latents = latents.flatten(1)
    if not classes:
        return latents
    one_hot = F.one_hot(needed_labels(labels, classes), classes)
    return torch.cat([latents, one_hot.to(latents.dtype)], dim=1)


class Projection(nn.Module):
    """What a class adds to the score of an image: the product of its features with a vector of the class.

    Paper: Miyato & Koyama 2018, arXiv:1802.05637.

    Args:
        features: number of features of an image.
        classes: number of classes; 0 for a discriminator without condition, to which 0 is added.

    Shape:
        features (N, features) and labels (N,) int64 to (N,).

    Raises:
        ValueError: in forward, if there are classes and no labels.
    """

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.classes = classes
        if classes:
            self.vectors = nn.Embedding(classes, features)
            nn.init.normal_(self.vectors.weight, 0.0, 0.02)  # as `initialise` draws the other layers

    def forward(self, features: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return what to add to the scores, (N,)."""
        if not self.classes:
            return features.new_zeros(len(features))
        vectors: Tensor = self.vectors(needed_labels(labels, self.classes))
        return (features * vectors).sum(1)


def needed_labels(labels: Tensor | None, classes: int) -> Tensor:
    """Return the labels that a network needs.

    Raises:
        ValueError: if there are none.
    """
    if labels is None:
        raise ValueError(
            f"this network tells {classes} classes apart: give it a label for each image, or build it with "
            "classes=0"
        )
    return labels
