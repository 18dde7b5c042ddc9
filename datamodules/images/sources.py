"""Where the images of `Images` come from: the user's folders, or drawn faces; and the class of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, partial
from itertools import repeat
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as VF

from datamodules.faces.attributes import (
    ATTRIBUTES,
    EXCLUSIVE,
    FREE,
    attribute_labels,
    can_show,
    draw_with_labels,
)
from datamodules.faces.faces import face_seeds
from datamodules.found import Found, by_folder, describe, drawn
from datamodules.image_sets import ImageSet, Split
from datamodules.images.folders import ImageSplits
from datamodules.listing import list_images
from datamodules.reading import MemoryImages, Reading
from datamodules.streaming.images import Labels
from datamodules.streaming.packed import Source, ToPack
from datamodules.transforms import resize


class LabelledImages(NamedTuple):
    """Images of one size, and the class of each, (N,) of int64; None without classes."""

    images: ImageSet
    labels: Tensor | Labels | None


class ImageSource(Protocol):
    """Where images come from."""

    @property
    def channels(self) -> int:
        """Number of channels of every image."""
        ...

    @property
    def class_names(self) -> Sequence[str]:
        """What the labels mean; empty without classes."""
        ...

    def found(self, side: int, read: Callable[[Split], LabelledImages] | None) -> list[Found]:
        """Describe the classes, or all images without any.

        Args:
            side: height of drawn images in pixels.
            read: reads a split, where bad images are skipped; None where all must be read.
        """
        ...

    def prepare(self, split: Split, side: int) -> None:
        """Draw or fetch a split, before several processes read it."""
        ...

    def read(self, split: Split, side: int) -> LabelledImages:
        """Return the images of a split, `side` pixels high."""
        ...


@dataclass(frozen=True)
class Square:
    """Makes any image (C, H, W) a square of side x side.

    Attributes:
        side: in pixels.
        centre_crop: cut the largest square in the middle first; otherwise the image is stretched.
    """

    side: int
    centre_crop: bool

    def __call__(self, image: Tensor) -> Tensor:
        """Cut and resize one image."""
        return _fit(image, self.side, self.side, self.centre_crop)


@dataclass(frozen=True)
class Oblong:
    """Makes any image (C, H, W) one of height x width.

    Attributes:
        height: in pixels.
        width: likewise.
        centre_crop: cut the largest window of this shape in the middle first; otherwise it is stretched.
    """

    height: int
    width: int
    centre_crop: bool

    def __call__(self, image: Tensor) -> Tensor:
        """Cut and resize one image."""
        return _fit(image, self.height, self.width, self.centre_crop)


def fitted(height: int, aspect: Fraction, centre_crop: bool) -> Square | Oblong:
    """Return what makes any image one of a height and of a width that is `aspect` times as much.

    Squares have a class of their own, by whose name and fields sets of them are stored.
    """
    if aspect == 1:
        return Square(height, centre_crop)
    return Oblong(height, round(height * aspect), centre_crop)


def middle(images: Tensor, height: int, width: int) -> Tensor:
    """Cut height x width pixels from the middle of (..., H, W)."""
    top, left = (images.shape[-2] - height) // 2, (images.shape[-1] - width) // 2
    return images[..., top : top + height, left : left + width]


def _fit(image: Tensor, height: int, width: int, centre_crop: bool) -> Tensor:
    if centre_crop:
        tall, wide = image.shape[1:]
        cut = min(tall, max(round(wide * height / width), 1)), min(wide, max(round(tall * width / height), 1))
        image = middle(image, *cut)
    return resize(image, height, width)


@dataclass(frozen=True)
class DrawnImages:
    """Drawn faces with every attribute of `datamodules.faces.attributes` that the style can show.

    The faces do not depend on the seed of a run, and those to evaluate on are others than those to train on.

    Attributes:
        style: name of the style, see `datamodules.faces.faces.STYLES`.
        class_of: a group of exclusive attributes, such as hair, whose members are the classes; or a free
            attribute, such as glasses, for the classes without and with it; None for no classes.
        count: faces to train on.
        test_count: faces to evaluate on.
        channels: 3, or 1 for grey.
        aspect: width of the images by their height; oblong ones are cut from the middle of squares.

    Raises:
        ValueError: an unknown style or class, or a number of channels that cannot be drawn.
    """

    style: str
    class_of: str | None
    count: int
    test_count: int
    channels: int
    aspect: Fraction = Fraction(1)

    def __post_init__(self) -> None:
        classes = [*EXCLUSIVE, *(name for name in FREE if name in self.attributes)]
        if self.channels not in (1, 3):
            raise ValueError(f"channels: drawn faces have 3 channels, or 1 when grey, not {self.channels}.")
        if self.class_of is not None and self.class_of not in classes:
            raise ValueError(
                f"labels: {self.class_of!r} is no class of drawn faces in style {self.style}; "
                f"{', '.join(classes)} are."
            )

    @cached_property
    def attributes(self) -> tuple[str, ...]:
        """Names of the attributes that are known of every face."""
        return tuple(name for name in ATTRIBUTES if can_show(name, self.style))

    @property
    def class_names(self) -> Sequence[str]:
        """What the labels mean."""
        if self.class_of is None:
            return ()
        return EXCLUSIVE.get(self.class_of) or (f"no_{self.class_of}", self.class_of)

    def found(self, side: int, read: Callable[[Split], LabelledImages] | None) -> list[Found]:
        """Describe the faces."""
        width = round(side * self.aspect)
        return [drawn("images", self.count, self.test_count, side, self.channels, width=width)]

    def prepare(self, split: Split, side: int) -> None:
        """Draw the faces into the cache on disk."""
        self.read(split, side)

    def read(self, split: Split, side: int) -> LabelledImages:
        """Return the faces of a split, `side` pixels high; nothing is resized."""
        seeds, names = self.seeds(split), self.attributes
        width = round(side * self.aspect)
        labels = attribute_labels(seeds, names)
        faces = draw_with_labels(seeds, max(side, width), names, labels, self.style)
        images = middle(torch.from_numpy(faces).permute(0, 3, 1, 2), side, width).contiguous()
        if self.channels == 1:
            images = VF.rgb_to_grayscale(images)
        named = MemoryImages(images, [f"{seed.replace('/', '_')}.png" for seed in seeds])
        return LabelledImages(named, self._labels(split))

    def table(self, split: Split, names: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return (N, K) of 0 and 1: the named attributes of each face of a split.

        Raises:
            ValueError: the faces have no attribute of that name.
        """
        for name in names:
            if name not in self.attributes:
                raise ValueError(
                    f"Drawn faces in style {self.style} have no attribute {name!r}; there are "
                    f"{', '.join(self.attributes)}."
                )
        columns = [self.attributes.index(name) for name in names]
        return attribute_labels(self.seeds(split), self.attributes)[:, columns]

    def _labels(self, split: Split) -> Tensor | None:
        if self.class_of is None:
            return None
        members = EXCLUSIVE.get(self.class_of)
        table = torch.from_numpy(self.table(split, members or (self.class_of,)))
        return table.argmax(1) if members else table[:, 0].long()

    def seeds(self, split: Split) -> list[str]:
        """Return the seeds of the faces of a split, in their order."""
        return face_seeds(split, "images", self.count if split == "train" else self.test_count)


class FolderImages:
    """The user's folders, read as far as they fit the memory.

    Args:
        splits: the files to train on and to evaluate on, and their classes.
        reading: how files are read.
        centre_crop: see `Oblong`.
        aspect: width of the images by their height.

    Raises:
        ImageError: no image can be read to detect the channels.
    """

    def __init__(
        self, splits: ImageSplits, reading: Reading, *, centre_crop: bool, aspect: Fraction = Fraction(1)
    ) -> None:
        self.splits, self.class_names = splits, splits.class_names
        self.reading, self.centre_crop, self.aspect = reading, centre_crop, aspect
        self.channels = reading.channels_of(splits.train.paths)

    def found(self, side: int, read: Callable[[Split], LabelledImages] | None) -> list[Found]:
        """Describe the classes, or all images without any."""
        names = (read("train").images.names, read("test").images.names) if read else None
        files = self.splits.train, self.splits.held_out
        if self.class_names:
            listed = partial(list_images, slices=self.reading.cut)
            return by_folder(self.class_names, *files, self.channels, names, listed)
        return [describe("images", *files, self.channels, read=names)]

    def to_pack(self) -> ToPack:
        """Return what is packed of them."""
        parts = {}
        for part, files in (("train", self.splits.train), ("test", self.splits.held_out)):
            labels = self.splits.labels(files.names)
            classes = [-1] * len(files.paths) if labels is None else labels.tolist()
            parts[part] = list(map(Source, files.names, files.paths, repeat(None), classes))
        folder = self.splits.train.folder
        return ToPack("Images", parts, {"images": self.channels}, folder, self.class_names)

    def prepare(self, split: Split, side: int) -> None:
        """Nothing: every process reads what it needs."""

    def read(self, split: Split, side: int) -> LabelledImages:
        """Read a split as far as it fits the memory.

        Raises:
            ImageError: an image cannot be used.
        """
        files = self.splits.train if split == "train" else self.splits.held_out
        fit = fitted(side, self.aspect, self.centre_crop)
        images = self.reading.load(files, self.channels, fit)
        return LabelledImages(images, self.splits.labels(images.names))
