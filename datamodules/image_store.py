"""Decoded images in the cache folder: decoded once per machine, one copy in memory for all processes."""

from __future__ import annotations

import json
import math
import os
import shutil
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from filelock import FileLock
from torch import Tensor

from datamodules.disk import cache_folder, clear_partial, written_whole
from datamodules.files.readers import ImageError

WORTH_STORING = 2**24
"""Bytes of decoded images: fewer are decoded in about a second."""
DAYS_UNUSED = 30
"""Sets that nobody has read for so long are removed."""
ALIGNMENT = 16
"""Bytes: images of another type or size than those before begin at a multiple of it."""


class Kept(NamedTuple):
    """A decoded set.

    Attributes:
        images: those that can be used, (N, C, H, W), or a list of (C, H, W) where sizes or types differ; None
            where there was no room for them.
        bad: number in the set of each image that cannot be used, and why.
    """

    images: Tensor | list[Tensor] | None
    bad: Mapping[int, str]


class Run(NamedTuple):
    """Images one after the other in a file that are alike.

    Attributes:
        start: of the first one in bytes.
        number: of the images.
        dtype: name of their type, uint8 or float32.
        shape: of each, (C, H, W).
    """

    start: int
    number: int
    dtype: str
    shape: tuple[int, ...]

    @property
    def end(self) -> int:
        """Where the last one ends, in bytes."""
        return self.start + self.number * math.prod(self.shape) * _TYPES[self.dtype].itemsize

    def images(self, content: Tensor) -> Tensor:
        """Return them (number, C, H, W) out of all bytes of the file."""
        return content[self.start : self.end].view(_TYPES[self.dtype]).view(self.number, *self.shape)


_TYPES = {"uint8": torch.uint8, "float32": torch.float32}


class ImageStore:
    """Decoded sets of images on disk, by what decides their pixels.

    A set is two files in `decoded` of the cache folder: KEY.pixels, bytes and nothing else, and KEY.json,
    which says what lies where and is written last. They are mapped into memory: processes of all runs share
    one copy in the system's page cache, which it takes back when memory is short. Sets that nobody has read
    for the longest time make room for new ones; a process that still reads a removed one keeps it until it
    ends.

    Args:
        gigabytes: that all sets together may take on disk; 0 stores none.
    """

    def __init__(self, gigabytes: float) -> None:
        self.limit = int(gigabytes * 1e9)

    def takes(self, size: int) -> bool:
        """Whether a set of so many bytes is worth storing, and not too large."""
        return WORTH_STORING <= size <= self.limit

    def fetch(
        self, key: str, size: int, first: Tensor, decode: Callable[[], Iterable[Tensor | ImageError]]
    ) -> Kept | None:
        """Return a set, decoded and stored if it is not there; one process decodes, others wait for it.

        Args:
            key: names everything that decides the pixels.
            size: bytes that the set takes, about; `takes` them.
            first: its first image that can be used, decoded: where the stored one is another, the set is
                decoded anew.
            decode: yields every image, or why it cannot be used; what it raises is raised.

        Returns:
            The set; None, with a warning, where the disk is full or cannot be written.
        """
        folder = cache_folder() / "decoded"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with FileLock(folder / f"{key}.lock"):
                kept = _read(folder, key)
                if kept is None or not _begins_with(kept, first):
                    self._make_room(folder, key, size)
                    _write(folder, key, decode())
                    kept = _read(folder, key)
        except OSError as error:
            warnings.warn(
                f"{folder}: decoded images are not stored there ({error}), but decoded in every start. Make "
                "room, set the environment variable GANS_CACHE to a folder on another disk, or store none "
                "with data.store_gigabytes: 0.",
                stacklevel=4,
            )
            return None
        return kept

    def _make_room(self, folder: Path, key: str, size: int) -> None:
        """Remove sets that nobody has read for long, and then the oldest while all would take too much.

        Raises:
            OSError: the disk has no room for the new one.
        """
        clear_partial(folder, [_pixels(folder, key), _index(folder, key)])
        sets = _sets(folder)
        sets.pop(key, None)
        total = size + sum(each.size for each in sets.values())
        for other in sorted(sets.values(), key=lambda each: each.used):
            if total > self.limit or other.used < time.time() - DAYS_UNUSED * 24 * 3600:
                total -= other.size
                for path in other.files:
                    path.unlink(missing_ok=True)
        free = shutil.disk_usage(folder).free
        if free < size:
            raise OSError(f"they take {size / 1e9:.1f} GB and {free / 1e9:.1f} GB of the disk are free")


class _StoredSet(NamedTuple):
    """What is on disk of a set: its files, finished or not, their bytes, and when one was last used."""

    files: list[Path]
    size: int
    used: float


def _sets(folder: Path) -> dict[str, _StoredSet]:
    """Return what is on disk by the keys of sets."""
    files: dict[str, list[tuple[Path, os.stat_result]]] = defaultdict(list)
    for entry in os.scandir(folder):
        files[entry.name.lstrip(".").partition(".")[0]].append((Path(entry.path), entry.stat()))
    return {
        key: _StoredSet(
            [path for path, _ in found],
            sum(stat.st_size for _, stat in found),
            max(stat.st_mtime for _, stat in found),
        )
        for key, found in files.items()
    }


def _begins_with(kept: Kept, first: Tensor) -> bool:
    return kept.images is not None and torch.equal(kept.images[0], first)


def _pixels(folder: Path, key: str) -> Path:
    return folder / f"{key}.pixels"


def _index(folder: Path, key: str) -> Path:
    return folder / f"{key}.json"


def _write(folder: Path, key: str, decoded: Iterable[Tensor | ImageError]) -> None:
    bad: dict[int, str] = {}

    def usable() -> Iterator[Tensor]:
        for number, image in enumerate(decoded):
            if isinstance(image, ImageError):
                bad[number] = str(image)
            else:
                yield image

    with written_whole(_pixels(folder, key)) as file:
        runs = _write_runs(file, usable())
    with written_whole(_index(folder, key)) as file:
        file.write(json.dumps({"runs": runs, "bad": bad}).encode())


def _write_runs(file: Any, images: Iterable[Tensor]) -> list[Run]:
    """Write the bytes of images one after the other, and return what lies where."""
    runs: list[Run] = []
    for image in images:
        kind = str(image.dtype).removeprefix("torch."), tuple(image.shape)
        if not runs or (runs[-1].dtype, runs[-1].shape) != kind:
            file.write(bytes(-file.tell() % ALIGNMENT))
            runs.append(Run(file.tell(), 0, *kind))
        file.write(image.contiguous().numpy().data)
        runs[-1] = runs[-1]._replace(number=runs[-1].number + 1)
    return runs


def _read(folder: Path, key: str) -> Kept | None:
    """Map a stored set into memory; None where there is none, or a damaged one."""
    pixels, index = _pixels(folder, key), _index(folder, key)
    try:
        content = json.loads(index.read_bytes())
        runs = [Run(start, number, dtype, tuple(shape)) for start, number, dtype, shape in content["runs"]]
        bad = {int(number): str(why) for number, why in content["bad"].items()}
        if pixels.stat().st_size != runs[-1].end:
            return None
        os.utime(index)  # it was used now
        mapped = torch.from_file(str(pixels), shared=False, size=runs[-1].end, dtype=torch.uint8)
        parts = [run.images(mapped) for run in runs]
    except (FileNotFoundError, ValueError, KeyError, TypeError, IndexError, AttributeError, RuntimeError):
        return None
    return Kept(parts[0] if len(parts) == 1 else [image for part in parts for image in part], bad)
