"""Sets of images: in files or in memory, split, checked and cached within a budget."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Literal, Protocol

import torch
from torch import Tensor

from datamodules.files.readers import FORMATS, Header, ImageError, read_header, read_image
from datamodules.files.value_range import BY_TYPE, ValueRange
from datamodules.listing import Listing, composed, list_images
from datamodules.progress import progress_bar

OnBadImage = Literal["raise", "skip"]
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


@dataclass(frozen=True, eq=False)
class MemoryImages:
    """Images in memory: one tensor (N, C, H, W), or a list of tensors where sizes differ."""

    images: Tensor | list[Tensor]
    names: Sequence[str]
    folder: Path | None = None

    @property
    def one_size(self) -> bool:
        """Whether the images are one tensor."""
        return isinstance(self.images, Tensor)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        return self.images[index]


@dataclass(frozen=True, eq=False)
class ImageFiles:
    """Images that are read, converted and resized when asked for.

    Attributes:
        folder: what names are relative to.
        paths: the files.
        channels: number of channels every image is converted to.
        prepare: resizes (C, H, W).
        value_range: the values that become -1 and 1.

    Raises:
        ImageError: when an image is asked for that cannot be used; names the file.
    """

    folder: Path
    paths: Sequence[Path]
    channels: int
    prepare: Callable[[Tensor], Tensor]
    value_range: ValueRange = field(default=BY_TYPE, kw_only=True)

    @property
    def one_size(self) -> bool:
        """Not known before the images are read."""
        return False

    @cached_property
    def names(self) -> Sequence[str]:
        """Paths relative to the folder."""
        return [path.relative_to(self.folder).as_posix() for path in self.paths]

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Tensor:
        pixels = read_pixels(self.paths[index], self.channels, self.value_range)
        try:
            return self.prepare(pixels)
        except ValueError as error:
            raise ImageError(f"{self.paths[index]}: {error}") from error


def read_pixels(path: Path, channels: int, value_range: ValueRange = BY_TYPE) -> Tensor:
    """Read an image as (channels, H, W), see `read_image`."""
    return torch.from_numpy(read_image(path, channels, value_range)).permute(2, 0, 1).contiguous()


class MemoryBudget:
    """Memory that decoded images may take in this process, shared by all sets of a data module.

    Args:
        gigabytes: limit; 0 decodes every image each time it is needed.
    """

    def __init__(self, gigabytes: float) -> None:
        self.left = int(gigabytes * 1e9)
        self.beyond = 0
        """Bytes of the images that did not fit, and are decoded each time; 0 where no cache is wanted."""
        self._wanted = gigabytes > 0

    def holds(self, images: int, sample: Tensor) -> bool:
        """Whether so many images like the sample fit into what is left."""
        size = images * sample.nbytes
        return size <= self.left or self._refuse(size)

    def take(self, images: Sequence[Tensor]) -> bool:
        """Take the memory of these images, unless it is more than what is left."""
        size = sum(image.nbytes for image in images)
        if size > self.left:
            return self._refuse(size)
        self.left -= size
        return True

    def _refuse(self, size: int) -> bool:
        self.beyond += size if self._wanted else 0
        return False


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
    chance = {path: _chance(path.relative_to(folder).as_posix()) for path in paths}
    count = min(max(1, round(share * len(paths))), len(paths) - 1)
    held_out = set(sorted(paths, key=chance.__getitem__)[:count])
    return [path for path in paths if path not in held_out], [path for path in paths if path in held_out]


def _chance(name: str) -> bytes:
    """Return what a name is ordered by; names that are no text have one too."""
    return hashlib.sha256(composed(name).encode(errors="surrogateescape")).digest()


def limited(listing: Listing, limit: int | None) -> Listing:
    """Return at most so many files of a listing, evenly spaced; None takes all."""
    chosen = evenly_spaced(len(listing.paths), limit or len(listing.paths))
    beyond = Counter({BEYOND: len(listing.paths) - len(chosen)})
    paths = [listing.paths[index] for index in chosen]
    return Listing(listing.folder, paths, Counter(listing.left_out) + beyond)


def detect_channels(paths: Sequence[Path], on_bad: OnBadImage) -> int:
    """Find out how many channels a folder's images have: the most among a few, evenly spaced.

    Raises:
        ImageError: as `sample_headers`.
    """
    return max(header.channels for header in sample_headers(paths, on_bad))


def sample_headers(paths: Sequence[Path], on_bad: OnBadImage) -> list[Header]:
    """Read the headers of a few images, evenly spaced.

    Raises:
        ImageError: a file cannot be read, unless bad ones are skipped and another one can.
    """
    found: list[Header] = []
    bad: list[str] = []
    for index in evenly_spaced(len(paths), HEADER_SAMPLE):
        try:
            found.append(read_header(paths[index]))
        except ImageError as error:
            if on_bad == "raise":
                raise
            bad.append(str(error))
    if not found:
        raise ImageError(f"None of {len(bad)} images tried can be read, such as {bad[0]}")
    return found


def evenly_spaced(length: int, count: int) -> list[int]:
    """Choose `count` of `length` indices (all when there are fewer), the first included, evenly spaced."""
    count = min(length, count)
    return [index * length // count for index in range(count)]


def load_images(files: ImageFiles, budget: MemoryBudget, on_bad: OnBadImage) -> ImageSet:
    """Decode a set once into memory if it fits the budget; else leave it to be decoded on demand.

    With `on_bad` skip, images that cannot be used are left out, with one warning that counts and names
    them; a set too large for the budget is then read once to find them.

    Raises:
        ImageError: an image cannot be used and none may be skipped, or none can be used at all.
    """
    paths: list[Path] = []
    images: list[Tensor] = []
    bad: list[str] = []
    keep = True
    for path, image in _decode_all(files):
        if isinstance(image, ImageError):
            if on_bad == "raise":
                raise image
            bad.append(str(image))
            continue
        if not paths:  # the first one tells how large the set will be
            keep = budget.holds(len(files), image)
            if not keep and on_bad == "raise":
                return files
        paths.append(path)
        images += [image] if keep else []
    _report(bad, files)
    usable = replace(files, paths=paths)
    if not keep or not budget.take(images):
        return usable
    return MemoryImages(_join(images), usable.names, files.folder)


def _decode_all(files: ImageFiles) -> Iterator[tuple[Path, Tensor | ImageError]]:
    """Decode in threads, which decoders let run side by side, a few images ahead of the consumer."""

    def decode(index: int) -> Tensor | ImageError:
        try:
            return files[index]
        except ImageError as error:
            return error

    # Before there is a bar: where the set turns out not to fit, none other is read.
    yield files.paths[0], decode(0)
    workers = min(32, os.cpu_count() or 1)
    ahead = 16 * workers
    with progress_bar(f"Reading {files.folder}", len(files)) as advance, ThreadPoolExecutor(workers) as pool:
        advance()
        for start in range(1, len(files), ahead):
            indices = range(start, min(start + ahead, len(files)))
            for index, image in zip(indices, pool.map(decode, indices), strict=True):
                advance()
                yield files.paths[index], image


def _report(bad: Sequence[str], files: ImageFiles) -> None:
    """Count and name what was skipped, unless nothing is left."""
    if len(bad) == len(files):
        raise ImageError(f"{files.folder}: none of {len(bad)} images can be used, such as {bad[0]}")
    if bad:
        warnings.warn("\n  ".join([f"{files.folder}: {len(bad)} images were skipped:", *bad]), stacklevel=3)


def _join(images: list[Tensor]) -> Tensor | list[Tensor]:
    """Make one tensor of images that are alike, freeing each as it is copied: memory does not double."""
    if any((image.shape, image.dtype) != (images[0].shape, images[0].dtype) for image in images):
        return images
    joined = images[0].new_empty(len(images), *images[0].shape)
    for index, image in enumerate(images):
        images[index] = joined[index].copy_(image)
    return joined
