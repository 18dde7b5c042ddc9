"""MNIST, CIFAR-10, Oxford-102 flowers and CelebA as torchvision reads and fetches them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as VF

from datamodules.found import Found, describe
from datamodules.image_sets import BEYOND, Split, evenly_spaced
from datamodules.images.sources import LabelledImages, Oblong, Square, fitted
from datamodules.listing import Listing
from datamodules.public_sets.torchvision import SETS, open_set, require
from datamodules.reading import ImageFiles, MemoryImages, Reading


@dataclass(frozen=True)
class TorchvisionImages:
    """A set of torchvision with its own division into training and test images.

    Attributes:
        name: one of `SETS`.
        class_of: class for the classes of a set that has them; an attribute of celeba, such as Smiling, for
            the classes without and with it; None for no classes.
        reading: where the sets lie, and how their image files are read; sets without such are held in memory.
        centre_crop: see `Oblong`; for squares it leaves the 178 pixels in the middle of
            CelebA's 178x218.
        aspect: width of the images by their height.

    Raises:
        FileNotFoundError: the set is absent and is not to be fetched.
        ValueError: an unknown set or class, or a number of channels that cannot be made.
    """

    name: str
    class_of: str | None
    reading: Reading
    centre_crop: bool
    aspect: Fraction = Fraction(1)

    def __post_init__(self) -> None:
        if self.name not in SETS:
            raise ValueError(f"name: {self.name!r} is unknown; {', '.join(SETS)} are sets of images.")
        if self.channels not in (1, 3):
            raise ValueError(f"channels: {self.name} can have 1 (grey) or 3 (colour), not {self.channels}.")
        classes = "class" if SETS[self.name].class_names else None
        if classes and self.class_of not in (None, classes):
            raise ValueError(
                f"labels: {self.class_of!r} is unknown for {self.name}; class takes its classes."
            )
        require(self.name, self.folder, self.reading.download, quick_start="dcgan")

    @property
    def folder(self) -> Path:
        """Where torchvision expects the files."""
        return Path(self.reading.data_dir) / SETS[self.name].folder

    @property
    def channels(self) -> int:
        """Number of channels of every image."""
        return self.reading.channels or SETS[self.name].channels

    @property
    def class_names(self) -> Sequence[str]:
        """What the labels mean."""
        if self.class_of is None:
            return ()
        return SETS[self.name].class_names or (f"not {self.class_of}", self.class_of)

    def found(self, side: int, read: Callable[[Split], LabelledImages] | None) -> list[Found]:
        """Describe the set."""
        opened = self._open("train"), self._open("test")
        rows = [self._rows(one) for one in opened]
        beyond = Counter({BEYOND: sum(map(len, opened)) - sum(map(len, rows))})
        if SETS[self.name].pictures is None:
            height, width = opened[0].data.shape[1:3]
            size, counts = (width, height), (len(rows[0]), len(rows[1]))
            return [
                Found(
                    self.name, str(self.folder), *counts, dict(beyond), (size, size), self.channels, "8 bit"
                )
            ]
        folder = self.folder / str(SETS[self.name].pictures)
        train, held_out = (
            Listing(folder, [folder / self._file_names(one)[row] for row in some])
            for one, some in zip(opened, rows, strict=True)
        )
        names = (read("train").images.names, read("test").images.names) if read else None
        described = train._replace(left_out=beyond)
        return [describe(self.name, described, held_out, self.channels, read=names)]

    def prepare(self, split: Split, side: int) -> None:
        """Fetch the set, before several processes read it."""
        self._open(split)

    def read(self, split: Split, side: int) -> LabelledImages:
        """Return the images of a split.

        Raises:
            FileNotFoundError: the set is incomplete or damaged.
            ValueError: the set cannot be fetched, or has no such attribute.
        """
        found = self._open(split)
        rows = self._rows(found)
        fit = fitted(side, self.aspect, self.centre_crop)
        if SETS[self.name].pictures is not None:
            return self._read_files(found, rows, fit)
        images = torch.as_tensor(found.data)[rows]
        images = images[:, None] if images.ndim == 3 else images.permute(0, 3, 1, 2)
        images = _with_channels(torch.stack([fit(image) for image in images]), self.channels)
        labels = torch.as_tensor(found.targets)[rows] if self.class_of else None
        return LabelledImages(MemoryImages(images, [f"{split}-{row:06d}.png" for row in rows]), labels)

    def _read_files(self, found: Any, rows: Sequence[int], fit: Square | Oblong) -> LabelledImages:
        folder = self.folder / str(SETS[self.name].pictures)
        flowers, names = self.name == "flowers102", self._file_names(found)
        files = ImageFiles(folder, [folder / names[row] for row in rows], self.channels, fit)
        images = self.reading.keep(files)
        if self.class_of is None:
            return LabelledImages(images, None)
        classes = (
            found._labels if flowers else found.attr[:, self._columns(found, [self.class_of])[0]].tolist()
        )
        by_name = dict(zip(names, classes, strict=True))
        return LabelledImages(images, torch.tensor([by_name[name] for name in images.names]))

    def _file_names(self, found: Any) -> Sequence[str]:
        if self.name != "flowers102":
            names: Sequence[str] = found.filename
            return names
        # Of flowers torchvision offers names and labels in no other way than beside decoded images.
        return [path.name for path in found._image_files]

    def table(self, split: Split, names: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return (N, K) of 0 and 1: attributes of the images of a split of celeba.

        Raises:
            ValueError: the set has no such attribute, or none at all.
        """
        if self.name != "celeba":
            raise ValueError(f"{self.name} has no attributes; celeba and drawn faces have.")
        found = self._open(split)
        rows = self._rows(found)
        table: Tensor = found.attr[rows][:, self._columns(found, names)]
        return table.numpy().astype(np.float32)

    def _columns(self, found: Any, names: Sequence[str]) -> list[int]:
        known = [name for name in found.attr_names if name]  # torchvision reads a blank at the line's end
        for name in names:
            if name not in known:
                raise ValueError(f"celeba has no attribute {name!r}; there are {', '.join(known)}.")
        return [known.index(name) for name in names]

    def _open(self, split: Split) -> Any:
        """Return torchvision's data set; one process fetches it while the others wait."""
        return open_set(self.name, self.reading.data_dir, split, self.reading.download)

    def _rows(self, found: Any) -> list[int]:
        return evenly_spaced(len(found), self.reading.max_images or len(found))


def _with_channels(images: Tensor, channels: int) -> Tensor:
    """Turn grey images (N, C, H, W) into colour or colour into grey where another number is asked for."""
    if images.shape[1] == channels:
        return images
    return VF.rgb_to_grayscale(images) if channels == 1 else images.expand(-1, 3, -1, -1)
