"""How image files are fetched, split, decoded, kept in memory and dealt out: alike in every data module."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args

import torch
from torch import Tensor

from datamodules.arguments import at_least
from datamodules.files.readers import Header, ImageError, read_header, read_image
from datamodules.files.slice_names import SliceAxis
from datamodules.files.value_range import BY_TYPE, ValueRange
from datamodules.image_sets import HEADER_SAMPLE, ImageSet, evenly_spaced
from datamodules.listing import Listing
from datamodules.progress import progress_bar
from datamodules.slices import Slices

OnBadImage = Literal["raise", "skip"]


@dataclass(kw_only=True)
class Reading:
    """How image files become the images that a data module deals out.

    Every data module of images takes these arguments beside its own, and hands them to its sources as one.

    Attributes:
        data_dir: folder of public sets, each in `data_dir`/`name`, or as torchvision lays them out.
        download: fetch a public set that is not there.
        channels: channels of the images; by default as the files say (1 grey, 3 colour, or more).
        value_range: values read as -1 and 1: [low, high], or percentiles such as p1-p99; else by the depth.
        held_out_share: part of the images held out, by their names, where no folder and no list says which.
        slices: cut volumes (NIfTI, DICOM series and frames, TIFF stacks) into slices, which are images:
            axial, coronal or sagittal, or along i, j or k as stored; None takes no volumes.
        slice_range: numbers of the first and last slice, [40, 120], or shares of the slices, 20%-80%.
        slice_content: leave out slices of which less than this share of the pixels lies a tenth of the way
            from the 1st to the 99th percentile of the volume; 0 takes all.
        slice_neighbours: slices on either side that are channels beside each slice.
        max_images: use at most so many images (or pairs) of each set to train on, and to evaluate on.
        on_bad_image: raise, or skip the image (or pair) with one warning that counts and names them.
        cache_gigabytes: memory for decoded images, per process; a set that fits is decoded once.
        workers: processes that read images; 0 reads them in the training process.
        batch_size: images (or pairs) per process and training batch.
        eval_batch_size: images (of each set) per process and evaluation batch; by default 16, or 1 where
            sizes may differ.
        seed: of order, augmentation and whatever else is drawn; of the first picture that `predict` makes.

    Raises:
        ValueError: an argument is unknown or out of its range.
    """

    data_dir: str = "data"
    download: bool = False
    channels: int | None = None
    value_range: list[float] | str | None = None
    held_out_share: float = 0.1
    slices: SliceAxis | None = None
    slice_range: list[int] | str | None = None
    slice_content: float = 0.01
    slice_neighbours: int = 0
    max_images: int | None = None
    on_bad_image: OnBadImage = "raise"
    cache_gigabytes: float = 2.0
    workers: int = 0
    batch_size: int = 1
    eval_batch_size: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        at_least("channels", self.channels, 1)
        at_least("max_images", self.max_images, 1)
        at_least("cache_gigabytes", self.cache_gigabytes, 0)
        if not 0 < self.held_out_share < 1:
            raise ValueError(f"held_out_share: {self.held_out_share} must be above 0 and below 1.")
        if self.on_bad_image not in get_args(OnBadImage):
            raise ValueError(f"on_bad_image: {self.on_bad_image!r} is unknown; raise and skip are.")
        self.values = ValueRange.parse(self.value_range)
        self.cut = Slices.parse(self.slices, self.slice_range, self.slice_content, self.slice_neighbours)
        self.budget = MemoryBudget(self.cache_gigabytes)

    @property
    def skips(self) -> bool:
        """Whether bad images are left out."""
        return self.on_bad_image == "skip"

    def of_domain(self, channels: int | None, value_range: list[float] | str | None) -> Reading:
        """Return how one of several domains is read; they share the memory.

        Args:
            channels: of this domain; None takes them from its files.
            value_range: of this domain; None takes that of all.
        """
        chosen = self.value_range if value_range is None else value_range
        domain = replace(self, channels=channels, value_range=chosen)
        domain.budget = self.budget
        return domain

    def channels_of(self, paths: Sequence[Path]) -> int:
        """Return how many channels images are read with.

        Raises:
            ImageError: these are to tell, and cannot be read.
        """
        return self.channels or detect_channels(paths, self.on_bad_image)

    def load(self, files: Listing, channels: int, prepare: Callable[[Tensor], Tensor]) -> ImageSet:
        """Return images as far as they fit the memory, and read the others when asked for.

        Args:
            files: which.
            channels: number of channels every image is converted to.
            prepare: resizes (C, H, W).

        Raises:
            ImageError: an image cannot be used.
        """
        return self.keep(ImageFiles(files.folder, files.paths, channels, prepare, value_range=self.values))

    def keep(self, files: ImageFiles) -> ImageSet:
        """Return the same of files that are opened already."""
        return load_images(files, self.budget, self.on_bad_image)


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
        keep_alpha: whether transparency, of a file that has it, comes behind the channels.

    Raises:
        ImageError: when an image is asked for that cannot be used; names the file.
    """

    folder: Path
    paths: Sequence[Path]
    channels: int
    prepare: Callable[[Tensor], Tensor]
    value_range: ValueRange = field(default=BY_TYPE, kw_only=True)
    keep_alpha: bool = field(default=False, kw_only=True)

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
        pixels = read_pixels(self.paths[index], self.channels, self.value_range, self.keep_alpha)
        try:
            return self.prepare(pixels)
        except ValueError as error:
            raise ImageError(f"{self.paths[index]}: {error}") from error


def read_pixels(
    path: Path, channels: int, value_range: ValueRange = BY_TYPE, keep_alpha: bool = False
) -> Tensor:
    """Read an image as (channels, H, W), see `read_image`."""
    pixels = read_image(path, channels, value_range, keep_alpha)
    return torch.from_numpy(pixels).permute(2, 0, 1).contiguous()


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
