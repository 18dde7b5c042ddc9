"""Batches of images, and what makes them of lists of images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from datamodules.images.sources import LabelledImages
from datamodules.loading import Key, uniform_draws
from datamodules.transforms import Augmentation, Preprocess, stack_equal, to_unit_range


class ImageBatch(NamedTuple):
    """Images (N, C, H, W) in [-1, 1], and their classes (N,) of int64; None without classes.

    In evaluation N may be 0. Names are unique in their split, and the same whatever the batch size.
    """

    images: Tensor
    labels: Tensor | None = None
    names: Sequence[str] = ()


class SampleBatch(NamedTuple):
    """Seeds (N,) of int64 of the samples to make, and the names of their files."""

    seeds: Tensor
    names: Sequence[str] = ()

    def finish(self) -> SampleBatch:
        """Return itself: there is nothing to scale."""
        return self


class LoadedImages(NamedTuple):
    """A batch as workers deliver it, images of uint8 (or of float32, which stay as they are).

    Attributes:
        batch: with whole images.
        augment: what to cut from them in training.
    """

    batch: ImageBatch
    augment: Augmentation | None = None

    def finish(self) -> ImageBatch:
        """Cut, mirror and scale on the device the batch is on."""
        images = self.augment(self.batch.images) if self.augment else self.batch.images
        return self.batch._replace(images=to_unit_range(images))


class TrainingBatches:
    """Makes training batches; window and mirroring are a function of (seed, epoch, index)."""

    def __init__(self, labelled: LabelledImages, preprocess: Preprocess, seed: int) -> None:
        self.labelled, self.preprocess, self.seed = labelled, preprocess, seed

    def __getitem__(self, keys: list[Key]) -> LoadedImages:
        rows = [index for _, index in keys]
        images = [self.labelled.images[row] for row in rows]
        augment = self.preprocess.augmentation(images, uniform_draws(self.seed, keys, 3))
        return LoadedImages(_batch(self.labelled, rows, images), augment)


class EvaluationBatches:
    """Makes batches of whole, unmirrored images from lists with one list of indices."""

    def __init__(self, labelled: LabelledImages, channels: int, window: tuple[int, int]) -> None:
        self.labelled, self.channels, self.window = labelled, channels, window

    def __getitem__(self, indices: list[list[int]]) -> LoadedImages:
        (rows,) = indices
        if not rows:  # this process has none left: an empty batch of the right shape
            labels = None if self.labelled.labels is None else self.labelled.labels[[]]
            return LoadedImages(ImageBatch(torch.empty(0, self.channels, *self.window), labels))
        return LoadedImages(_batch(self.labelled, rows, [self.labelled.images[row] for row in rows]))


def _batch(labelled: LabelledImages, rows: list[int], images: list[Tensor]) -> ImageBatch:
    names = [labelled.images.names[row] for row in rows]
    labels = None if labelled.labels is None else labelled.labels[rows]
    return ImageBatch(stack_equal(images, names), labels, names)


class SampleBatches:
    """Makes batches of seeds; a sample is named by its seed."""

    def __getitem__(self, seeds: list[int]) -> SampleBatch:
        return SampleBatch(torch.tensor(seeds), [f"sample-{seed:06d}.png" for seed in seeds])
