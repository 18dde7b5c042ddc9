"""How image files are fetched, split, decoded, kept in memory and dealt out: alike in every data module."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import chain
from pathlib import Path
from typing import Literal, get_args

import torch
from torch import Tensor

from datamodules.arguments import at_least
from datamodules.files.readers import Header, ImageError, read_header, read_image
from datamodules.files.slice_names import SliceAxis
from datamodules.files.value_range import BY_TYPE, ValueRange
from datamodules.fingerprint import NamelessError, fingerprint
from datamodules.image_sets import HEADER_SAMPLE, ImageSet, evenly_spaced
from datamodules.image_store import ImageStore, Kept
from datamodules.listing import Listing, names_in
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
        store_gigabytes: disk for decoded images, in the cache folder, for all runs of this machine: a set of
            some size that fits is decoded once, and all processes share one copy in memory. 0 stores none.
        cache_gigabytes: memory for decoded images that are not stored, per process: a set that fits is
            decoded once per start.
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
    store_gigabytes: float = 20.0
    cache_gigabytes: float = 2.0
    workers: int = 0
    batch_size: int = 1
    eval_batch_size: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        at_least("channels", self.channels, 1)
        at_least("max_images", self.max_images, 1)
        at_least("store_gigabytes", self.store_gigabytes, 0)
        at_least("cache_gigabytes", self.cache_gigabytes, 0)
        if not 0 < self.held_out_share < 1:
            raise ValueError(f"held_out_share: {self.held_out_share} must be above 0 and below 1.")
        if self.on_bad_image not in get_args(OnBadImage):
            raise ValueError(f"on_bad_image: {self.on_bad_image!r} is unknown; raise and skip are.")
        self.values = ValueRange.parse(self.value_range)
        self.cut = Slices.parse(self.slices, self.slice_range, self.slice_content, self.slice_neighbours)
        self.budget = MemoryBudget(self.cache_gigabytes)
        self.store = ImageStore(self.store_gigabytes)

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
        """Return images as far as they fit the store or the memory, and read the others when asked for.

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
        return load_images(files, self.budget, self.on_bad_image, self.store)


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
        return names_in(self.folder, self.paths)

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

    def holds(self, size: int) -> bool:
        """Whether so many bytes fit into what is left."""
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


def load_images(
    files: ImageFiles, budget: MemoryBudget, on_bad: OnBadImage, store: ImageStore | None = None
) -> ImageSet:
    """Decode a set once into the store or into memory, where it fits; else leave it to be decoded on demand.

    With `on_bad` skip, images that cannot be used are left out, with one warning that counts and names
    them; a set too large for the budget is then read once to find them.

    Args:
        files: the set.
        budget: of memory, for what is not stored.
        on_bad: what happens to images that cannot be used.
        store: of this machine; None stores none.

    Raises:
        ImageError: an image cannot be used and none may be skipped, or none can be used at all.
    """
    begun = _until_usable(files, on_bad)
    sample = begun[-1]
    assert isinstance(sample, Tensor)
    size = len(files) * sample.nbytes

    def decode() -> Iterator[Tensor | ImageError]:
        return _decode_all(files, begun, on_bad)

    kept = None if store is None else _stored(files, store, size, sample, decode)
    if kept is None:
        fits = budget.holds(size)
        if not fits and on_bad == "raise":
            return files
        kept = _in_memory(decode(), budget if fits else None)
    bad = list(kept.bad.values())
    if bad and on_bad == "raise":
        raise ImageError(bad[0])
    _report(bad, files)
    usable = files
    if bad:
        paths = [path for number, path in enumerate(files.paths) if number not in kept.bad]
        usable = replace(files, paths=paths)
    return usable if kept.images is None else MemoryImages(kept.images, usable.names, files.folder)


def _stored(
    files: ImageFiles,
    store: ImageStore,
    size: int,
    sample: Tensor,
    decode: Callable[[], Iterator[Tensor | ImageError]],
) -> Kept | None:
    """Return the set from the store, see `ImageStore.fetch`; None too where something in it has no name."""
    if not store.takes(size):
        return None
    try:
        key = fingerprint(files)
    except NamelessError:
        return None
    return store.fetch(key, size, sample, decode)


def _in_memory(decoded: Iterable[Tensor | ImageError], budget: MemoryBudget | None) -> Kept:
    """Keep a decoded set as far as the budget has room for it; None only tells what cannot be used."""
    images: list[Tensor] = []
    bad: dict[int, str] = {}
    for number, image in enumerate(decoded):
        if isinstance(image, ImageError):
            bad[number] = str(image)
        elif budget is not None:
            images.append(image)
    fits = budget is not None and budget.take(images)
    return Kept(_join(images) if fits else None, bad)


def _decode(files: ImageFiles, index: int) -> Tensor | ImageError:
    try:
        return files[index]
    except ImageError as error:
        return error


def _until_usable(files: ImageFiles, on_bad: OnBadImage) -> list[Tensor | ImageError]:
    """Decode the first images up to one that can be used.

    Raises:
        ImageError: one cannot be used and none may be skipped, or none can be used at all.
    """
    begun: list[Tensor | ImageError] = []
    for index in range(len(files)):
        image = _decode(files, index)
        if isinstance(image, ImageError) and on_bad == "raise":
            raise image
        begun.append(image)
        if isinstance(image, Tensor):
            return begun
    _report([str(error) for error in begun], files)
    raise AssertionError  # the report of nothing usable is an error


def _decode_all(
    files: ImageFiles, begun: Sequence[Tensor | ImageError], on_bad: OnBadImage
) -> Iterator[Tensor | ImageError]:
    """Yield every image of a set of which the first ones are decoded, or why it cannot be used."""
    with progress_bar(f"Reading {files.folder}", len(files)) as advance:
        for image in chain(begun, _decode_from(files, len(begun))):
            advance()
            if isinstance(image, ImageError) and on_bad == "raise":
                raise image
            yield image


def _decode_from(files: ImageFiles, first: int) -> Iterator[Tensor | ImageError]:
    """Decode in threads, which decoders let run side by side, a few images ahead of the consumer.

    Processes would use more of many cores for small images, but a process forked beside threads may hang.
    """
    workers = min(32, os.cpu_count() or 1)
    ahead = 16 * workers
    with ThreadPoolExecutor(workers) as pool:
        for start in range(first, len(files), ahead):
            yield from pool.map(partial(_decode, files), range(start, min(start + ahead, len(files))))


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
