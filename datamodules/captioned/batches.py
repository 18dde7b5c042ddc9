"""Batches of images with captions that describe them, and with captions that do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from datamodules.captioned.embeddings import StoredEmbeddings
from datamodules.image_sets import ImageSet
from datamodules.loading import Key, uniform_draws
from datamodules.transforms import Augmentation, Preprocess, stack_equal, to_unit_range

Place = tuple[int, int]
"""A caption: the row of its image, and its number among that image's captions."""


class CaptionedBatch(NamedTuple):
    """Images (N, C, H, W) in [-1, 1], each with one of its captions and with one that does not describe it.

    Attributes:
        images: the images.
        captions: one of each image's captions.
        wrong_captions: of another image (of another class, where there are classes), and no caption of this
            one; for drawn faces never true of it.
        embeddings: (N, E) of the captions, where they were computed beforehand.
        wrong_embeddings: (N, E) of the wrong captions.
        names: of the images, unique in their split.
        labels: (N, K) of 0 and 1, the attributes of drawn faces; None for others.
        claims: (N, K) of 1, -1 and 0: the captions of drawn faces say that there is an attribute, that there
            is none, or nothing.
        wrong_claims: the same for the wrong captions.
        groups: (N,) of int64. Captions of images in one group may describe each other's images: the class
            where there are classes, else the image.
    """

    images: Tensor
    captions: Sequence[str]
    wrong_captions: Sequence[str]
    embeddings: Tensor | None = None
    wrong_embeddings: Tensor | None = None
    names: Sequence[str] = ()
    labels: Tensor | None = None
    claims: Tensor | None = None
    wrong_claims: Tensor | None = None
    groups: Tensor | None = None


class PromptBatch(NamedTuple):
    """Captions to draw images for, the seeds (N,) of int64 of their noise, and the names of the files.

    `embeddings` (N, E) are those of the captions where they were computed beforehand.
    """

    captions: Sequence[str]
    seeds: Tensor
    names: Sequence[str]
    embeddings: Tensor | None = None

    def finish(self) -> PromptBatch:
        """Return itself: there is nothing to scale."""
        return self


def contradicts(claims: Tensor, labels: Tensor) -> Tensor:
    """Tell which captions are not true of which images.

    Args:
        claims: (M, K) of 1, -1 and 0, see `CaptionedBatch`.
        labels: (N, K) of 0 and 1.

    Returns:
        (N, M) of bool: whether caption m says something of image n that is not so.
    """
    return ((1 - 2 * labels)[:, None] * claims[None] > 0).any(2)


class LoadedCaptions(NamedTuple):
    """A batch as workers deliver it, images of uint8 (or float32), and what to cut from them in training."""

    batch: CaptionedBatch
    augment: Augmentation | None = None

    def finish(self) -> CaptionedBatch:
        """Cut, mirror and scale on the device the batch is on."""
        images = self.augment(self.batch.images) if self.augment else self.batch.images
        return self.batch._replace(images=to_unit_range(images))


@dataclass
class CaptionedSet:
    """Images of one split, their captions, and what is known of both.

    Attributes:
        images: N square images of one size.
        captions: by image, one or more.
        groups: (N,) of int64, see `CaptionedBatch`.
        labels: (N, K) of drawn faces, or None.
        claims: by image (its captions, K), of drawn faces; or None.
        embeddings: of the captions, or None.

    Raises:
        ValueError: when a wrong caption is asked for and every caption describes the image.
    """

    images: ImageSet
    captions: Sequence[Sequence[str]]
    groups: Tensor
    labels: Tensor | None = None
    claims: Sequence[Tensor] | None = None
    embeddings: StoredEmbeddings | None = None

    @cached_property
    def _pool(self) -> list[Place]:
        """All captions in a fixed random order: one that does not describe an image is found soon."""
        pool = [(row, number) for row, texts in enumerate(self.captions) for number in range(len(texts))]
        return [pool[index] for index in np.random.default_rng(0).permutation(len(pool))]

    def right(self, row: int, draw: float) -> Place:
        """Return one of an image's captions by a number in [0, 1)."""
        return row, int(draw * len(self.captions[row]))

    def wrong(self, row: int, draw: float) -> Place:
        """Return a caption that does not describe an image, by a number in [0, 1)."""
        start = int(draw * len(self._pool))
        for step in range(len(self._pool)):
            place = self._pool[(start + step) % len(self._pool)]
            if self._mismatches(row, place):
                return place
        raise ValueError(
            f"Every caption may describe {self.images.names[row]}, so that none can be shown as a wrong one: "
            "add images with other captions, or of other classes."
        )

    def _mismatches(self, row: int, place: Place) -> bool:
        other, number = place
        if self.groups[other] == self.groups[row]:
            return False
        text = self.captions[other][number].casefold()
        if any(text == own.casefold() for own in self.captions[row]):
            return False
        if self.claims is None or self.labels is None:
            return True
        return bool(contradicts(self.claims[other][number, None], self.labels[row, None]))

    def batch(self, rows: Sequence[int], images: Tensor, draws: Tensor) -> CaptionedBatch:
        """Choose the captions of images.

        Args:
            rows: N indices of the images.
            images: (N, C, H, W).
            draws: (N, 2) in [0, 1): for the right and for the wrong caption.
        """
        right = [self.right(row, draw) for row, draw in zip(rows, draws[:, 0].tolist(), strict=True)]
        wrong = [self.wrong(row, draw) for row, draw in zip(rows, draws[:, 1].tolist(), strict=True)]
        return CaptionedBatch(
            images,
            self._texts(right),
            self._texts(wrong),
            self._embeddings(right),
            self._embeddings(wrong),
            [self.images.names[row] for row in rows],
            None if self.labels is None else self.labels[list(rows)],
            self._claims(right),
            self._claims(wrong),
            self.groups[list(rows)],
        )

    def prompts(self, rows: Sequence[int], seed: int) -> PromptBatch:
        """Return the first caption of images as captions to draw images for."""
        places = [(row, 0) for row in rows]
        names = [f"{self.images.names[row].rpartition('.')[0]}.png" for row in rows]
        return PromptBatch(
            self._texts(places), torch.tensor([seed] * len(rows)), names, self._embeddings(places)
        )

    def _texts(self, places: Sequence[Place]) -> list[str]:
        return [self.captions[row][number] for row, number in places]

    def _embeddings(self, places: Sequence[Place]) -> Tensor | None:
        if self.embeddings is None:
            return None
        return self.embeddings([self.images.names[row] for row, _ in places], self._texts(places))

    def _claims(self, places: Sequence[Place]) -> Tensor | None:
        if self.claims is None:
            return None
        assert self.labels is not None
        told = [self.claims[row][number] for row, number in places]
        return torch.stack(told) if told else self.labels[:0]


class TrainingBatches:
    """Makes training batches: window, mirroring and captions are functions of (seed, epoch, index)."""

    def __init__(self, described: CaptionedSet, preprocess: Preprocess, seed: int) -> None:
        self.described, self.preprocess, self.seed = described, preprocess, seed

    def __getitem__(self, keys: list[Key]) -> LoadedCaptions:
        rows = [index for _, index in keys]
        images = [self.described.images[row] for row in rows]
        draws = uniform_draws(self.seed, keys, 5)  # top, left, mirroring, caption, wrong caption
        stacked = stack_equal(images, [self.described.images.names[row] for row in rows])
        batch = self.described.batch(rows, stacked, draws[:, 3:])
        return LoadedCaptions(batch, self.preprocess.augmentation(images, draws[:, :3]))


class EvaluationBatches:
    """Makes batches of whole, unmirrored images from lists with one list of indices, always alike."""

    def __init__(self, described: CaptionedSet, channels: int, size: int) -> None:
        self.described, self.channels, self.size = described, channels, size

    def __getitem__(self, indices: list[list[int]]) -> LoadedCaptions:
        (rows,) = indices
        if not rows:  # this process has none left: an empty batch of the right shape
            images = torch.empty(0, self.channels, self.size, self.size)
            return LoadedCaptions(self.described.batch([], images, torch.empty(0, 2)))
        names = [self.described.images.names[row] for row in rows]
        images = stack_equal([self.described.images[row] for row in rows], names)
        draws = uniform_draws(
            0, [(0, row) for row in rows], 2
        )  # evaluation does not depend on the run's seed
        return LoadedCaptions(self.described.batch(rows, images, draws))
