"""Batches of images with labels, out of one or several data sets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from datamodules.loading import Key, uniform_draws
from datamodules.multi_domain.attributes import Attributes
from datamodules.multi_domain.sources import LabelledImages
from datamodules.transforms import (
    WINDOW_DRAWS,
    Augmentation,
    Preprocess,
    resize,
    stack_equal,
    to_shares,
    to_unit_range,
)


class MultiDomainBatch(NamedTuple):
    """Images (N, C, H, W) in [-1, 1] with labels, and what to make of them.

    Attributes:
        images: the images.
        labels: (N, K) of 0 and 1; 0 for attributes that the image's data set does not know.
        mask: (N, D), one-hot: whose of D data sets an image is, and so whose attributes its label tells.
        targets: (N, K), labels of other images of the same data set, those of the references where there are
            any; None in evaluation.
        truths: (N, K, C, H, W) in [-1, 1]: each image after a change of each attribute, as
            `Attributes.towards` makes it; None where nobody knows.
        names: relative paths.
        references: (N, 2, C, H, W) in [-1, 1]: two pictures of each target's domain; None where nobody asked
            for them, and in evaluation.
        masks: (N, 2, H, W) in [0, 1]: where in an image what is, read from files beside it; None where there
            are none.
    """

    images: Tensor
    labels: Tensor
    mask: Tensor
    targets: Tensor | None = None
    truths: Tensor | None = None
    names: Sequence[str] = ()
    references: Tensor | None = None
    masks: Tensor | None = None


class LoadedBatch(NamedTuple):
    """A batch as workers deliver it: uint8 (or float32) images, and what to cut from them in training."""

    batch: MultiDomainBatch
    augment: Augmentation | None = None
    augment_references: Augmentation | None = None

    def finish(self) -> MultiDomainBatch:
        """Cut, mirror and scale on the device the batch is on."""
        images, truths, masks = self.batch.images, self.batch.truths, self.batch.masks
        references = self.batch.references
        if references is not None and self.augment_references is not None:
            cut = to_unit_range(self.augment_references(references))
            references = cut.unflatten(0, (2, len(cut) // 2)).transpose(0, 1)
        if masks is not None:
            masks = to_shares(self.augment(masks) if self.augment else masks)
        return self.batch._replace(
            images=to_unit_range(self.augment(images) if self.augment else images),
            truths=None if truths is None else to_unit_range(truths),
            references=references,
            masks=masks,
        )


class _Labels:
    """Places the labels of one data set among those of all."""

    def __init__(self, sets: Sequence[LabelledImages], attributes: Attributes) -> None:
        self.labels = []
        for labelled, columns in zip(sets, attributes.columns, strict=True):
            wide = torch.zeros(len(labelled.labels), len(attributes.flat))
            wide[:, columns] = labelled.labels
            self.labels.append(wide)
        self.masks = torch.eye(len(sets))


class TrainingBatches(_Labels):
    """Makes training batches of all data sets in equal shares; smaller ones are repeated.

    Targets are the labels of an epoch, permuted within each data set: so each is a possible one, and each as
    frequent as it is. The paper permutes those of a batch, which would depend on the number of processes. All
    draws are a function of (seed, epoch, index).
    """

    def __init__(
        self, sets: Sequence[LabelledImages], attributes: Attributes, preprocess: Preprocess, seed: int
    ) -> None:
        super().__init__(sets, attributes)
        self.sets = [labelled.images for labelled in sets]
        self.beside = [labelled.masks for labelled in sets]
        self.preprocess, self.seed = preprocess, seed
        self._permutations: tuple[int, list[NDArray[np.int64]]] = (-1, [])

    def __len__(self) -> int:
        return len(self.sets) * max(len(images) for images in self.sets)

    def __getitem__(self, keys: list[Key]) -> LoadedBatch:
        places = [self.place(*key) for key in keys]
        partners = [self.partner(*key) for key in keys]
        draws = uniform_draws(self.seed, keys, WINDOW_DRAWS)
        chosen = self.preprocess.zoomed([self.sets[number][index] for number, index in places], draws)
        names = [self.sets[number].names[index] for number, index in places]
        batch = MultiDomainBatch(
            self.preprocess.stack(chosen, names),
            torch.stack([self.labels[number][index] for number, index in places]),
            self.masks[[number for number, _ in places]],
            torch.stack(
                [self.labels[number][partner] for (number, _), partner in zip(places, partners, strict=True)]
            ),
            names=names,
            masks=self._masks(places, names, draws),
        )
        return LoadedBatch(batch, self.preprocess.augmentation(chosen, draws))

    def _masks(self, places: list[tuple[int, int]], names: list[str], draws: Tensor) -> Tensor | None:
        """Return the masks of images, from which the same windows are to be cut."""
        masks = [beside[index] for number, index in places if (beside := self.beside[number]) is not None]
        return self.preprocess.stack(self.preprocess.zoomed(masks, draws), names) if masks else None

    def place(self, epoch: int, index: int) -> tuple[int, int]:
        """Return the data set of an item, and which of its images it is."""
        number, row = index % len(self.sets), index // len(self.sets)
        return number, row % len(self.sets[number])

    def partner(self, epoch: int, index: int) -> int:
        """Return the image, of the same data set, whose label is the item's target."""
        number, row = self.place(epoch, index)
        return int(self._permuted(epoch)[number][row])

    def _permuted(self, epoch: int) -> list[NDArray[np.int64]]:
        """Return, by data set, whose label each image has as its target in an epoch."""
        if self._permutations[0] != epoch:
            random = np.random.default_rng((self.seed, epoch, len(self)))
            self._permutations = epoch, [random.permutation(len(images)) for images in self.sets]
        return self._permutations[1]


class EvaluationBatches(_Labels):
    """Makes evaluation batches of one list of indices for each data set."""

    def __init__(
        self,
        sets: Sequence[LabelledImages],
        attributes: Attributes,
        channels: int,
        size: int,
        *,
        same_size: bool = False,
    ) -> None:
        super().__init__(sets, attributes)
        self.sets, self.channels, self.size, self.same_size = sets, channels, size, same_size

    def __getitem__(self, indices: list[list[int]]) -> LoadedBatch:
        places = [(number, row) for number, rows in enumerate(indices) for row in rows]
        names = [self.sets[number].images.names[row] for number, row in places]
        truths = [labelled.truths for labelled in self.sets if labelled.truths is not None]
        batch = MultiDomainBatch(
            self._load([self.sets[number].images[row] for number, row in places], names),
            torch.cat([self.labels[number][rows] for number, rows in enumerate(indices)]),
            self.masks[[number for number, _ in places]],
            truths=torch.cat([known[rows] for known, rows in zip(truths, indices, strict=True)])
            if len(truths) == len(self.sets)
            else None,
            names=names,
            masks=self._masks(places, names),
        )
        return LoadedBatch(batch)

    def _masks(self, places: list[tuple[int, int]], names: list[str]) -> Tensor | None:
        if any(labelled.masks is None for labelled in self.sets):
            return None
        masks = [beside[row] for number, row in places if (beside := self.sets[number].masks) is not None]
        return self._load(masks, names) if masks else torch.empty(0, 2, self.size, self.size)

    def _load(self, images: list[Tensor], names: list[str]) -> Tensor:
        if not images:
            return torch.empty(0, self.channels, self.size, self.size)
        if self.same_size and len({image.shape for image in images}) > 1:
            images = [resize(image, self.size, self.size) for image in images]
        return stack_equal(images, names)
