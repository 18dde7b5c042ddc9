"""How image files are fetched, split, decoded, kept in memory and dealt out: alike in every data module."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

from torch import Tensor

from datamodules.arguments import at_least
from datamodules.files.value_range import ValueRange
from datamodules.image_sets import (
    ImageFiles,
    ImageSet,
    MemoryBudget,
    OnBadImage,
    detect_channels,
    load_images,
)
from datamodules.listing import Listing


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
