"""Sets of images, and which files make them: found, held out, limited."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, Protocol

from torch import Tensor

from datamodules.files.readers import FORMATS, ImageError
from datamodules.files.slice_names import volume_of
from datamodules.files.volumes.opening import open_volume
from datamodules.listing import Listing, composed, list_images, names_in
from datamodules.slices import Slices

Split = Literal["train", "test"]  # what is trained on, and what is held out

# Headers looked at to find out what a folder's images are like.
HEADER_SAMPLE = 8

BEYOND = "beyond max_images"


class ImageSet(Protocol):
    """Images (C, H, W) of uint8, or of float32 in [-1, 1], with the names of their files."""

    @property
    def names(self) -> Sequence[str]:
        """Paths relative to the folder of the set."""
        ...

    @property
    def one_size(self) -> bool:
        """Whether all images are known to have the same size."""
        ...

    @property
    def folder(self) -> Path | None:
        """What the names are relative to; None where the images are in no files."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Tensor: ...


def find_images(folder: str | Path, purpose: str, slices: Slices | None = None) -> Listing:
    """List the images of a folder that must have some.

    Args:
        folder: where to look, sub-folders included.
        purpose: what they are needed for, for the message.
        slices: how volumes are cut; None finds no volumes.

    Raises:
        FileNotFoundError: there is no such folder, or no image in it.
    """
    listing = list_images(folder, slices)
    if not listing.paths:
        others = ", ".join(f"{count} ({reason})" for reason, count in listing.left_out.items())
        there = f" Files that are left out: {others}." if others else ""
        raise FileNotFoundError(
            f"{folder}: no images for {purpose}.{there} These are read: {', '.join(FORMATS)}."
        )
    return listing


def hold_out(paths: Sequence[Path], folder: Path, share: float) -> tuple[list[Path], list[Path]]:
    """Split files into training and held-out ones by their names.

    The split depends on nothing but the names: the same on every machine, and files that two folders have
    in common are held out of both. Of volumes all slices go to one side, and so do all volumes of a patient
    where the files name several.

    Args:
        paths: at least two files, or slices of two volumes.
        folder: what names are relative to.
        share: part to hold out, above 0 and below 1; at least one image goes to each side.

    Raises:
        ValueError: there are fewer than two.
    """
    wholes = names_in(folder, [volume_of(path) or path for path in paths])
    if len(set(wholes)) < 2:
        what = "volume" if paths and volume_of(paths[0]) else "image"
        raise ValueError(
            f"{folder}: one {what} cannot be split into training and held-out ones; add {what}s."
        )
    subjects = [_subject(path, whole) for path, whole in zip(paths, wholes, strict=True)]
    names = wholes if len(set(subjects)) < 2 else subjects
    ordered = sorted(dict.fromkeys(names), key=_chance)
    count = min(max(1, round(share * len(ordered))), len(ordered) - 1)
    kept = set(ordered[:count])
    pairs = list(zip(paths, names, strict=True))
    return [path for path, name in pairs if name not in kept], [path for path, name in pairs if name in kept]


def _subject(path: Path, otherwise: str) -> str:
    """Return whom a slice shows, if its volume tells."""
    place = volume_of(path)
    if place is None:
        return otherwise
    with suppress(ImageError):  # whoever reads it is told
        volume = open_volume(place)
        return volume.subject if volume and volume.subject else otherwise
    return otherwise


def _chance(name: str) -> bytes:
    """Return what a name is ordered by; names that are no text have one too."""
    return hashlib.sha256(composed(name).encode(errors="surrogateescape")).digest()


def limited(listing: Listing, limit: int | None) -> Listing:
    """Return at most so many files of a listing, evenly spaced; None takes all."""
    chosen = evenly_spaced(len(listing.paths), limit or len(listing.paths))
    beyond = Counter({BEYOND: len(listing.paths) - len(chosen)})
    paths = [listing.paths[index] for index in chosen]
    return Listing(listing.folder, paths, Counter(listing.left_out) + beyond)


def evenly_spaced(length: int, count: int) -> list[int]:
    """Choose `count` of `length` indices (all when there are fewer), the first included, evenly spaced."""
    count = min(length, count)
    return [index * length // count for index in range(count)]
