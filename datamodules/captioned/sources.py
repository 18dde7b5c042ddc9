"""Where captioned images come from: the user's folders, or drawn faces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
import torch

from datamodules.captioned.batches import CaptionedSet
from datamodules.captioned.embeddings import StoredEmbeddings
from datamodules.captioned.layouts import CaptionedFiles
from datamodules.faces.attributes import check_attributes
from datamodules.faces.captions import FaceCaptions, describe_faces
from datamodules.files.value_range import BY_TYPE, ValueRange
from datamodules.found import Found, describe
from datamodules.image_sets import (
    ImageFiles,
    MemoryBudget,
    OnBadImage,
    Split,
    detect_channels,
    evenly_spaced,
    limited,
    load_images,
)
from datamodules.images.sources import DrawnImages, Square
from datamodules.listing import Listing


class CaptionSource(Protocol):
    """Where captioned images come from."""

    channels: int
    attributes: Sequence[str]
    embeddings: StoredEmbeddings | None

    def found(self, side: int, read: Callable[[Split], CaptionedSet] | None) -> list[Found]:
        """Describe the images.

        Args:
            side: of drawn images in pixels.
            read: reads a split, where bad images are skipped; None where all must be read.
        """
        ...

    def prepare(self, split: Split, side: int) -> None:
        """Draw a split, before several processes read it."""
        ...

    def texts(self, split: Split) -> Mapping[str, Sequence[str]]:
        """Return the captions of a split by the names of its images, without reading these."""
        ...

    def read(self, split: Split, side: int) -> CaptionedSet:
        """Return the images of a split, side x side pixels, and their captions."""
        ...


class DrawnCaptions:
    """Drawn faces, the same as those of `Images`, described by templates; see `datamodules.faces.captions`.

    Args:
        faces: the faces.
        attributes: what captions tell; None takes all that the style can show.
        count: captions of each face.

    Raises:
        ValueError: an attribute that the faces have not.
    """

    embeddings: StoredEmbeddings | None = None

    def __init__(self, faces: DrawnImages, attributes: Sequence[str] | None, count: int) -> None:
        self._faces, self._count = faces, count
        self.channels = faces.channels
        self.attributes: Sequence[str] = list(faces.attributes if attributes is None else attributes)
        if not self.attributes:
            raise ValueError("attributes: captions of drawn faces tell at least one.")
        check_attributes(self.attributes, faces.style)

    def found(self, side: int, read: Callable[[Split], CaptionedSet] | None) -> list[Found]:
        """Describe the faces."""
        return self._faces.found(side, None)

    def prepare(self, split: Split, side: int) -> None:
        """Draw the faces into the cache on disk."""
        self._faces.read(split, side)

    def texts(self, split: Split) -> Mapping[str, Sequence[str]]:
        """Return the captions of the faces of a split."""
        described, seeds = self._described(split), self._faces.seeds(split)
        return dict(zip(seeds, described.texts, strict=True))

    def read(self, split: Split, side: int) -> CaptionedSet:
        """Return the faces of a split, what they show, and what their captions tell of that."""
        images, described = self._faces.read(split, side).images, self._described(split)
        return CaptionedSet(
            images,
            described.texts,
            torch.arange(len(images)),
            torch.from_numpy(self._faces.table(split, self.attributes)),
            list(torch.from_numpy(described.claims)),
        )

    def _described(self, split: Split) -> FaceCaptions:
        labels = self._faces.table(split, self.attributes)
        return describe_faces(self._faces.seeds(split), self.attributes, labels, self._count)


class FolderCaptions:
    """The user's images, read as far as they fit the budget.

    Args:
        files: images and captions.
        embeddings: of the captions, if there are any.
        channels: of all images; None detects them.
        centre_crop: see `Square`.
        limit: use at most so many images of each split, evenly spaced.
        budget: memory for decoded images.
        on_bad: what to do about images that cannot be used.
        value_range: the values of files that become -1 and 1.

    Raises:
        ImageError: no image can be read to detect the channels.
    """

    attributes: Sequence[str] = ()

    def __init__(
        self,
        files: CaptionedFiles,
        embeddings: StoredEmbeddings | None,
        *,
        channels: int | None,
        centre_crop: bool,
        limit: int | None,
        budget: MemoryBudget,
        on_bad: OnBadImage,
        value_range: ValueRange = BY_TYPE,
    ) -> None:
        self.files, self.embeddings = files, embeddings
        self.centre_crop, self.limit, self.budget, self.on_bad = centre_crop, limit, budget, on_bad
        self.value_range = value_range
        paths = [files.folder / name for name in self._names("train")]
        self.channels = channels or detect_channels(paths, on_bad)

    def found(self, side: int, read: Callable[[Split], CaptionedSet] | None) -> list[Found]:
        """Describe the images."""
        names = (read("train").images.names, read("test").images.names) if read else None
        folder = self.files.folder
        train, held_out = (
            limited(Listing(folder, [folder / name for name in some]), self.limit)
            for some in (self.files.train, self.files.held_out)
        )
        train = train._replace(left_out=Counter(train.left_out) + Counter(self.files.left_out))
        return [describe("images", train, held_out, self.channels, read=names)]

    def prepare(self, split: Split, side: int) -> None:
        """Nothing: every process reads what it needs."""

    def texts(self, split: Split) -> Mapping[str, Sequence[str]]:
        """Return the captions of a split."""
        return {name: self.files.captions[name] for name in self._names(split)}

    def read(self, split: Split, side: int) -> CaptionedSet:
        """Read the images of a split.

        Raises:
            ImageError: an image cannot be used.
        """
        paths = [self.files.folder / name for name in self._names(split)]
        square = Square(side, self.centre_crop)
        files = ImageFiles(self.files.folder, paths, self.channels, square, value_range=self.value_range)
        images = load_images(files, self.budget, self.on_bad)
        groups = torch.arange(len(images))
        if self.files.classes:
            _, numbers = np.unique([self.files.classes[name] for name in images.names], return_inverse=True)
            groups = torch.from_numpy(numbers.astype(np.int64))
        captions = [self.files.captions[name] for name in images.names]
        return CaptionedSet(images, captions, groups, embeddings=self.embeddings)

    def _names(self, split: Split) -> list[str]:
        names = self.files.train if split == "train" else self.files.held_out
        return [names[index] for index in evenly_spaced(len(names), self.limit or len(names))]
