"""Tells what a sample shows: a linear probe on small images, learnt from images of known attributes.

A generator has no encoder, so the latents of labelled images are unknown. What is known are the latents of
its samples: the probe labels those. An auto-encoder could encode labelled images instead; but labelling its
samples too is one way for all variants.

The probe sees the pixels. On drawn faces it is right more often than on features of EfficientNet-Lite0, which
tell glasses from none in 87 % of them only, and it needs no network.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.transforms.v2.functional import gaussian_blur

from datamodules.faces.attributes import EXCLUSIVE
from datamodules.image_sets import Split
from datamodules.images.module import Images
from gans.tools.latents.run_data import every_image

SIDE = 32  # pixels of the images that the probe looks at
IMAGES = 1000  # at most, to learn from
RIDGE = 3e-6  # of all variance: what the weights are held back by


@dataclass(frozen=True)
class Probe:
    """A linear function of an image for each of some names; the largest one is what the image shows.

    Of a single name it is shown where the function is above 0.

    Attributes:
        names: K of them, that exclude each other.
        weights: (D, K).
        offset: (K,).
    """

    names: list[str]
    weights: Tensor
    offset: Tensor

    def margins(self, images: Tensor, name: str) -> Tensor:
        """Return by how much each image (N, C, H, W) in [-1, 1] shows the name: (N,); below 0 it does not."""
        scores = _features(images) @ self.weights + self.offset
        column = self.names.index(name)
        others = torch.cat([scores[:, :column], scores[:, column + 1 :]], dim=1)
        return scores[:, column] - (others.amax(1) if len(self.names) > 1 else 0)


def train_probe(data: Images, name: str) -> Probe:
    """Learn to tell an attribute, or a class of the data, from the others, by ridge regression.

    The images that it learns from are also shown blurred, as generated ones may be.

    Raises:
        ValueError: if the data has neither an attribute nor a class of that name.
    """
    names = rivals(data, name)
    images, truth = labelled_images(data, "train", names, IMAGES)
    x = torch.cat([_features(images), _features(gaussian_blur(images, [5, 5], [1.0, 1.0]))])
    y = truth.repeat(2, 1) * 2 - 1
    centre, middle = x.mean(0), y.mean(0)
    x, y = x - centre, y - middle
    gram = x @ x.T  # of images, which are fewer than pixels
    gram.diagonal().add_(RIDGE * gram.trace())
    weights = x.T @ torch.linalg.solve(gram, y)
    return Probe(names, weights, middle - centre @ weights)


def accuracy(probe: Probe, data: Images, name: str) -> tuple[float, float, int]:
    """Return how often the probe is right on held-out images, and always saying no; and their number."""
    images, truth = labelled_images(data, "test", probe.names)
    shown = truth[:, probe.names.index(name)] > 0
    right = (probe.margins(images, name) > 0) == shown
    return float(right.double().mean()), float(1 - shown.double().mean()), len(images)


def rivals(data: Images, name: str) -> list[str]:
    """Return the names of which an image shows exactly one, this one among them; or this one alone."""
    if name in data.class_names:
        return list(data.class_names)
    return next((list(members) for members in EXCLUSIVE.values() if name in members), [name])


def labelled_images(
    data: Images, split: Split, names: list[str], limit: int | None = None
) -> tuple[Tensor, Tensor]:
    """Return the first images (N, C, H, W) in [-1, 1] of a split and, of 0 and 1, what they show (N, K).

    Raises:
        ValueError: if the data has no classes and no attributes of these names.
    """
    images, labels = [], []
    for batch in every_image(data, split):
        images.append(batch.images)
        labels.append(batch.labels)
        if limit is not None and sum(map(len, images)) >= limit:
            break
    joined = torch.cat(images)[:limit]
    if names == list(data.class_names):
        truth = F.one_hot(torch.cat([part for part in labels if part is not None]), len(names))
    else:
        truth = torch.from_numpy(data.attribute_table(names, split))
    return joined, truth[: len(joined)].double()


def _features(images: Tensor) -> Tensor:
    return F.interpolate(images, (SIDE, SIDE), mode="area").flatten(1).double()
