"""Sets of images, and which files make them: found, held out, limited."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Protocol

from torch import Tensor

from datamodules.files.readers import FORMATS
from datamodules.listing import Listing, composed, list_images, names_in

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


def find_images(folder: str | Path, purpose: str) -> Listing:
    """List the images of a folder that must have some.

    Args:
        folder: where to look, sub-folders included.
        purpose: what they are needed for, for the message.

    Raises:
        FileNotFoundError: there is no such folder, or no image in it.
    """
    listing = list_images(folder)
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
    in common are held out of both.

    Args:
        paths: at least two files.
        folder: what names are relative to.
        share: part to hold out, above 0 and below 1; at least one image goes to each side.

    Raises:
        ValueError: there are fewer than two files.
    """
    if len(paths) < 2:
        raise ValueError(f"{folder}: one image cannot be split into training and held-out ones; add images.")
    chances = [_chance(name) for name in names_in(folder, paths)]
    count = min(max(1, round(share * len(paths))), len(paths) - 1)
    held_out = set(sorted(range(len(paths)), key=chances.__getitem__)[:count])
    numbered = list(enumerate(paths))
    return (
        [path for number, path in numbered if number not in held_out],
        [path for number, path in numbered if number in held_out],
    )


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
