"""Where sharp images come from: the user's folders, public sets, or drawn faces."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as VF

from datamodules.faces.faces import draw_faces, face_seeds
from datamodules.files.writers import renamed
from datamodules.found import Found, describe, drawn
from datamodules.image_sets import ImageSet, Split, find_images, hold_out, limited
from datamodules.images.folders import ImageSplits, find_splits
from datamodules.listing import Listing, composed, joined, list_images
from datamodules.paired.folders import LONELY
from datamodules.public_sets.sharp import folders_of
from datamodules.reading import MemoryImages, Reading
from datamodules.sharp.pair import GivenPairs
from datamodules.slices import Slices

Make = Callable[[Tensor], Tensor]
"""Makes an item, a pair or a sharp image, of a picture (C, H, W)."""


class SharpSource(Protocol):
    """Where sharp images come from."""

    @property
    def channels(self) -> int:
        """Number of channels of every image."""
        ...

    def found(self, read: Callable[[Split], ImageSet] | None) -> list[Found]:
        """Describe the images; `read` reads a split, where bad images are skipped."""
        ...

    def read(self, split: Split, make: Make) -> ImageSet:
        """Return what is made of the images of a split."""
        ...


@dataclass(frozen=True)
class DrawnFaces:
    """Drawn faces, which do not depend on the seed of a run.

    Attributes:
        style: name of the style, see `datamodules.faces.faces.STYLES`.
        count: faces to train on.
        test_count: faces to evaluate on, which are others.
        side: in pixels.
        channels: 3, or 1 for grey.

    Raises:
        ValueError: a number of channels that cannot be drawn.
    """

    style: str
    count: int
    test_count: int
    side: int
    channels: int

    def __post_init__(self) -> None:
        if self.channels not in (1, 3):
            raise ValueError(f"channels: drawn faces have 3 channels, or 1 when grey, not {self.channels}.")

    def found(self, read: Callable[[Split], ImageSet] | None) -> list[Found]:
        """Describe the faces."""
        return [drawn("images", self.count, self.test_count, self.side, self.channels)]

    def read(self, split: Split, make: Make) -> ImageSet:
        """Draw the faces of a split, or read them from the cache on disk."""
        seeds = face_seeds(split, "pairs", self.count if split == "train" else self.test_count)
        faces = torch.from_numpy(draw_faces(seeds, self.side, style=self.style).images).permute(0, 3, 1, 2)
        if self.channels == 1:
            faces = VF.rgb_to_grayscale(faces)
        return MemoryImages(
            torch.stack([make(face) for face in faces]), [f"{seed.replace('/', '_')}.png" for seed in seeds]
        )


@dataclass(frozen=True)
class FolderSharp:
    """Sharp images in files, and small ones of them where these are given, as far as they fit the memory.

    Attributes:
        splits: the files of the sharp images.
        reading: how they are read.
        channels: of all images.
        scale: sharp images are so many times as high and wide as given small ones.
        small: the file of the small image by that of the sharp one; None where small ones are made.
    """

    splits: ImageSplits
    reading: Reading
    channels: int
    scale: int
    small: Mapping[Path, Path] | None = None

    def found(self, read: Callable[[Split], ImageSet] | None) -> list[Found]:
        """Describe the sharp images."""
        names = (read("train").names, read("test").names) if read else None
        return [describe("images", self.splits.train, self.splits.held_out, self.channels, read=names)]

    def read(self, split: Split, make: Make) -> ImageSet:
        """Return what is made of the images of a split; given pairs as they are, where `make` lets them pass.

        Raises:
            ValueError: there are none.
        """
        files = self.splits.train if split == "train" else self.splits.held_out
        if not files.paths and split == "train":
            raise ValueError(
                f"{files.folder}: there is nothing to train on, only images to evaluate on. Train on another "
                "folder or set, and name this one to validate or test."
            )
        if not files.paths:
            raise ValueError(f"{files.folder}: of the images to evaluate on none has a small one.")
        if self.small is None:
            return self.reading.load(files, self.channels, make)
        values = self.reading.values
        return self.reading.keep(
            GivenPairs(
                files.folder, files.paths, self.channels, make, self.small, self.scale, value_range=values
            )
        )


def open_files(
    root: str | None, folder: str | None, small: str | None, name: str | None, scale: int, reading: Reading
) -> FolderSharp | None:
    """Return the images that the user gave; None without any.

    Args:
        root: folder of sharp images, perhaps with folders train and test.
        folder: plain folder of sharp images.
        small: folder of the small ones, where these are given.
        name: a public set.
        scale: sharp images are so many times as high and wide.
        reading: how files are read.

    Raises:
        FileNotFoundError: a folder is missing or has no images, or a set is absent.
        ValueError: arguments contradict each other, or images have no small ones.
    """
    sources = {"root": root, "folder": folder, "name": name}
    given = [argument for argument, source in sources.items() if source is not None]
    if len(given) > 1:
        raise ValueError(f"Give either {' or '.join(given)}, not both.")
    if small is not None and (not given or name is not None):
        raise ValueError("small: these are the small images of a root or folder of sharp ones: give one.")
    if not given:
        return None
    if name is not None:
        splits = _of_set(name, reading)
    else:
        place = root or folder or ""
        splits = find_splits(place, reading, whole=root is None, classes=False)
    pairs = None if small is None else _with_small(splits, Path(small), scale, reading)
    if pairs is not None:
        splits = ImageSplits(_among(pairs, splits.train), _among(pairs, splits.held_out))
    some = splits.train.paths or splits.held_out.paths
    return FolderSharp(splits, reading, reading.channels_of(some), scale, pairs)


def _of_set(name: str, reading: Reading) -> ImageSplits:
    """Return the files of a public set."""
    base, found = Path(reading.data_dir), folders_of(name, reading)
    train, held_out = ([find_images(folder, name) for folder in part] for part in found)
    if not held_out:
        for place, listing in enumerate(train):
            learnt, kept = hold_out(listing.paths, listing.folder, reading.held_out_share)
            train[place] = listing._replace(paths=learnt)
            held_out.append(Listing(listing.folder, kept))
    limit = reading.max_images
    return ImageSplits(limited(joined(base, train), limit), limited(joined(base, held_out), limit))


def _with_small(splits: ImageSplits, folder: Path, scale: int, reading: Reading) -> dict[Path, Path]:
    """Return the small image of every sharp one; of what has none an error is made, or a warning."""
    pairs, lonely = dict[Path, Path](), list[Path]()
    for files in (splits.train, splits.held_out):
        inner = folder / files.folder.name
        found = partners(files, inner if inner.is_dir() else folder, scale, reading.cut)
        pairs |= {path: small for path, small in found.items() if small is not None}
        lonely += [path for path, small in found.items() if small is None]
    if lonely:
        said = (
            f"small: {len(lonely)} of {len(lonely) + len(pairs)} sharp images have no small one in {folder}, "
            f"such as {lonely[0]}: expected is the same name there, or the same with x{scale} at its end."
        )
        if not (reading.skips and pairs):
            raise ValueError(f"{said} Add it, or leave these out with on_bad_image: skip.")
        warnings.warn(f"{said} They are left out.", stacklevel=4)
    return pairs


def _among(pairs: Mapping[Path, Path], files: Listing) -> Listing:
    """Return the sharp images that have a small one, and count the others."""
    paired = [path for path in files.paths if path in pairs]
    lonely = Counter({LONELY: len(files.paths) - len(paired)})
    return Listing(files.folder, paired, Counter(files.left_out) + lonely)


def partners(
    sharp: Listing, folder: Path, scale: int, slices: Slices | None = None
) -> dict[Path, Path | None]:
    """Return the file of the small image, or None, for each of the sharp ones.

    It has the same path in its folder but for the suffix, or ends in x and the scale, as in DIV2K: 0001x4.png
    belongs to 0001.png.

    Raises:
        FileNotFoundError: there is no such folder.
    """
    listing = list_images(folder, slices and slices.every)
    stems = dict(zip(map(_stem, listing.names), listing.paths, strict=True))
    return {
        path: stems.get(_stem(name)) or stems.get(f"{_stem(name)}x{scale}")
        for name, path in zip(sharp.names, sharp.paths, strict=True)
    }


def _stem(name: str) -> str:
    return composed(renamed(name, ""))
