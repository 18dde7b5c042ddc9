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
from datamodules.found import Found, describe
from datamodules.image_sets import Split, limited
from datamodules.images.sources import DrawnImages, Square
from datamodules.listing import Listing
from datamodules.reading import Reading


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
    """The user's images, read as far as they fit the memory.

    Args:
        files: images and captions.
        embeddings: of the captions, if there are any.
        reading: how files are read.
        centre_crop: see `Square`.

    Raises:
        ImageError: no image can be read to detect the channels.
    """

    attributes: Sequence[str] = ()

    def __init__(
        self,
        files: CaptionedFiles,
        embeddings: StoredEmbeddings | None,
        reading: Reading,
        *,
        centre_crop: bool,
    ) -> None:
        self.files, self.embeddings = files, embeddings
        self.reading, self.centre_crop = reading, centre_crop
        self.channels = reading.channels_of(self._listing("train").paths)

    def found(self, side: int, read: Callable[[Split], CaptionedSet] | None) -> list[Found]:
        """Describe the images."""
        names = (read("train").images.names, read("test").images.names) if read else None
        train, held_out = self._listing("train"), self._listing("test")
        train = train._replace(left_out=Counter(train.left_out) + Counter(self.files.left_out))
        return [describe("images", train, held_out, self.channels, read=names)]

    def prepare(self, split: Split, side: int) -> None:
        """Nothing: every process reads what it needs."""

    def texts(self, split: Split) -> Mapping[str, Sequence[str]]:
        """Return the captions of a split."""
        return {name: self.files.captions[name] for name in self._listing(split).names}

    def read(self, split: Split, side: int) -> CaptionedSet:
        """Read the images of a split.

        Raises:
            ImageError: an image cannot be used.
        """
        images = self.reading.load(self._listing(split), self.channels, Square(side, self.centre_crop))
        groups = torch.arange(len(images))
        if self.files.classes:
            _, numbers = np.unique([self.files.classes[name] for name in images.names], return_inverse=True)
            groups = torch.from_numpy(numbers.astype(np.int64))
        captions = [self.files.captions[name] for name in images.names]
        return CaptionedSet(images, captions, groups, embeddings=self.embeddings)

    def _listing(self, split: Split) -> Listing:
        folder, names = self.files.folder, self.files.train if split == "train" else self.files.held_out
        return limited(Listing(folder, [folder / name for name in names]), self.reading.max_images)
