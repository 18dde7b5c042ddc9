"""What a data module found: how many images of every domain, where, and what was left out, for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from datamodules.files.formats.common import Stored
from datamodules.files.readers import ImageError, read_stored
from datamodules.image_sets import BEYOND, HEADER_SAMPLE, evenly_spaced
from datamodules.listing import Listing, composed, joined, list_images, sub_folders

ON_ITSELF = ", evaluated on what is trained on"


@dataclass(frozen=True)
class Found:
    """What was found of one domain.

    Attributes:
        name: the domain as the user knows it: "A", "B", "images", "cat".
        where: the folder, or a few words such as "drawn faces"; and `ON_ITSELF` where that is so.
        training: number of images trained on.
        held_out: number of images evaluated on.
        left_out: reason in a user's words -> number of files: "suffix .svg is not read", "hidden",
            "cannot be read", "without a partner".
        sizes: (width, height) of the smallest and of the largest image seen; None where unknown.
        channels: of the images as they are trained on.
        depth: "8 bit", "16 bit", "32 bit float".
        files: those to train on and those to evaluate on, damaged ones too; None where they are drawn.
    """

    name: str
    where: str
    training: int
    held_out: int
    left_out: Mapping[str, int]
    sizes: tuple[tuple[int, int], tuple[int, int]] | None
    channels: int
    depth: str
    files: tuple[Listing, Listing] | None = field(default=None, compare=False, repr=False)


def describe(
    name: str,
    train: Listing,
    held_out: Listing,
    channels: int,
    *,
    where: Path | None = None,
    read: tuple[Collection[str], Collection[str]] | None = None,
) -> Found:
    """Describe images in files, by the headers of a few of them.

    Args:
        name: of the domain.
        train: files to train on, and what else was found.
        held_out: files to evaluate on; what else was found, if it is another folder's.
        channels: of the images as they are trained on.
        where: the folder to show, by default that of the training files.
        read: names of the images that could be read of both, where bad ones are skipped.
    """
    names = train.names, held_out.names
    usable = names if read is None else read
    bad = sum(map(len, names)) - sum(map(len, usable))
    left_out = Counter(train.left_out) + Counter(held_out.left_out) + Counter({"cannot be read": bad})
    stored = _sample([train.folder / each for each in usable[0]])
    sizes = sorted((_size(each) for each in stored), key=lambda size: size[0] * size[1])
    return Found(
        name,
        str(where or train.folder) + (ON_ITSELF if list(train.paths) == list(held_out.paths) else ""),
        len(usable[0]),
        len(usable[1]),
        dict(left_out),
        (sizes[0], sizes[-1]) if sizes else None,
        channels,
        ", ".join(sorted({depth_of(each.dtype) for each in stored}, key=len)),
        (train, held_out),
    )


def by_folder(
    domains: Sequence[str],
    train: Listing,
    held_out: Listing,
    channels: int,
    read: tuple[Collection[str], Collection[str]] | None,
    listed: Callable[[Path], Listing] = list_images,
) -> list[Found]:
    """Describe images whose domains, or classes, are the folders that their names begin with.

    Args:
        domains: names of the folders, composed.
        train: files to train on.
        held_out: files to evaluate on.
        channels: see `describe`.
        read: see `describe`.
        listed: lists the images of a folder.
    """
    found = []
    for domain in domains:
        places = [_place(folder, domain) for folder in dict.fromkeys((train.folder, held_out.folder))]
        there = joined(train.folder, [listed(place) for place in places if place.is_dir()])
        parts = [
            Listing(listing.folder, [listing.folder / name for name in _of(domain, listing.names)])
            for listing in (train, held_out)
        ]
        beyond = Counter({BEYOND: len(there.paths) - sum(len(part.paths) for part in parts)})
        learnt = parts[0]._replace(left_out=Counter(there.left_out) + beyond)
        readable = (_of(domain, read[0]), _of(domain, read[1])) if read else None
        found.append(describe(domain, learnt, parts[1], channels, where=places[0], read=readable))
    return found


def _of(domain: str, names: Collection[str]) -> list[str]:
    return [name for name in names if composed(name.partition("/")[0]) == domain]


def _place(folder: Path, domain: str) -> Path:
    return next((place for place in sub_folders(folder) if composed(place.name) == domain), folder / domain)


def drawn(
    name: str,
    training: int,
    held_out: int,
    side: int,
    channels: int,
    *,
    width: int | None = None,
    on_itself: bool = False,
) -> Found:
    """Describe drawn faces, `side` pixels high and, unless they have another width, as wide."""
    size = width or side, side
    where = "drawn faces" + (ON_ITSELF if on_itself else "")
    return Found(name, where, training, held_out, {}, (size, size), channels, "8 bit")


def depth_of(dtype: np.dtype[Any]) -> str:
    """Return how deep values of a type are, in words."""
    if dtype.kind == "b":
        return "1 bit"
    return f"{8 * dtype.itemsize} bit" + {"f": " float", "i": " signed"}.get(dtype.kind, "")


def _sample(paths: Sequence[Path]) -> list[Stored]:
    """Read a few headers, of those files that have one."""
    found: list[Stored] = []
    for index in evenly_spaced(len(paths), HEADER_SAMPLE):
        with suppress(ImageError):  # whether that is an error is said where images are read
            found.append(read_stored(paths[index]))
    return found


def _size(stored: Stored) -> tuple[int, int]:
    """Return (width, height) when upright."""
    turned = stored.orientation >= 5
    return (stored.height, stored.width) if turned else (stored.width, stored.height)
