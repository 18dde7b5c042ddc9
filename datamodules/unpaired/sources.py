"""Where the two domains of an unpaired translation come from: the user's folders, or drawn faces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import torch
from torchvision.transforms.v2 import functional as VF

from datamodules.faces.faces import domain_options, draw_faces, face_seeds, shows_hair
from datamodules.faces.persons import PERSONS
from datamodules.found import Found, describe, drawn
from datamodules.image_sets import ImageSet, Split, find_images, hold_out, limited
from datamodules.listing import Listing, is_hidden
from datamodules.reading import MemoryImages, Reading
from datamodules.streaming.packed import Source, ToPack
from datamodules.transforms import Preprocess

Domains = tuple[ImageSet, ImageSet]
Names = tuple[Sequence[str], Sequence[str]]
Read = tuple[Names, Names]

FEWEST_TO_SPLIT = 10
"""Fewer zoomed pictures of a domain are all learnt from, and evaluated on."""


def evaluated_on_itself(preprocess: Preprocess, count: int) -> bool:
    """Whether so many pictures of a domain are evaluated on that are trained on."""
    return preprocess.zooms and count < FEWEST_TO_SPLIT


class HeldOut(NamedTuple):
    """What is evaluated on. The truth of A2B shows the items of A in domain B; None where nobody knows it."""

    A: ImageSet
    B: ImageSet
    truth_A2B: ImageSet | None = None
    truth_B2A: ImageSet | None = None


@dataclass(frozen=True)
class DrawnDomains:
    """Drawn faces: other faces in A and B, other ones again to evaluate on, where each has its truth.

    Zoomed faces of which there are few are evaluated on themselves, as `evaluated_on_itself` says.

    The faces do not depend on the seed of a run, so that runs over several seeds are compared on the same
    ones.

    Attributes:
        style: name of the style, see `datamodules.faces.faces.STYLES`.
        change_A: what makes domain A, see `datamodules.faces.faces.CHANGES` and `datamodules.faces.persons`.
        change_B: what makes domain B.
        count: faces per domain to train on.
        test_count: faces per domain to evaluate on.
        preprocess: tells the sizes to draw in; nothing is resized.
        channels_A: 3, or 1 for grey.
        channels_B: 3, or 1 for grey.

    Raises:
        ValueError: an unknown style or domain, a person beside what is none, or a number of channels that
            cannot be drawn.
    """

    style: str
    change_A: str
    change_B: str
    count: int
    test_count: int
    preprocess: Preprocess
    channels_A: int
    channels_B: int

    def __post_init__(self) -> None:
        domain_options(self.style, self.change_A)
        domain_options(self.style, self.change_B)
        if (self.change_A in PERSONS) != (self.change_B in PERSONS):
            # the same seed is another face there: a truth that no model could know
            raise ValueError(
                f"faces_A: {self.change_A} and faces_B: {self.change_B} are a person and none; a person "
                f"becomes another one alone: give two of {', '.join(PERSONS)}."
            )
        for argument, channels in (("channels_A", self.channels_A), ("channels_B", self.channels_B)):
            if channels not in (1, 3):
                raise ValueError(f"{argument}: drawn faces have 3 channels, or 1 when grey, not {channels}.")

    def prepare(self, split: Split) -> None:
        """Draw the faces of a split into the cache on disk."""
        if split == "train":
            self.training(self.preprocess)
            if self.preprocess.ends_windows:
                self.training(self.preprocess.whole)
        else:
            self.held_out()

    def found(self, read: Read | None = None) -> list[Found]:
        """Describe both domains; see `FolderDomains.found`."""
        itself = evaluated_on_itself(self.preprocess, self.count)
        counts = self.count, self.count if itself else self.test_count, self.preprocess.before_crop
        channels = {"A": self.channels_A, "B": self.channels_B}
        return [drawn(name, *counts, number, on_itself=itself) for name, number in channels.items()]

    def training(self, preprocess: Preprocess) -> Domains:
        """Return A and B in the size from which that preprocess cuts windows."""
        size = preprocess.before_crop
        return (
            self._draw("train", "A", self.count, size, self.change_A, self.channels_A),
            self._draw("train", "B", self.count, size, self.change_B, self.channels_B),
        )

    def held_out(self) -> HeldOut:
        """Return the faces to evaluate on, in their size there, and their truth."""
        A, truth_A2B = self.paired("test", "A")
        truth_B2A, B = self.paired("test", "B")
        return HeldOut(A, B, truth_A2B, truth_B2A)

    def paired(self, split: Split, group: str) -> tuple[MemoryImages, MemoryImages]:
        """Return the same faces in domain A and in domain B.

        Args:
            split: train, in the size windows are cut from; or test, in the size they are evaluated in.
            group: see `face_seeds`.
        """
        size = self.preprocess.before_crop if split == "train" else self.preprocess.evaluated
        if evaluated_on_itself(self.preprocess, self.count):
            split = "train"
        count = self.count if split == "train" else self.test_count
        return (
            self._draw(split, group, count, size, self.change_A, self.channels_A),
            self._draw(split, group, count, size, self.change_B, self.channels_B),
        )

    def _draw(
        self, split: str, group: str, count: int, size: int, change: str, channels: int
    ) -> MemoryImages:
        seeds = face_seeds(split, group, count)
        haired = shows_hair(self.change_A) or shows_hair(self.change_B)
        faces = draw_faces(seeds, size, style=self.style, change=change, haired=haired)
        images = torch.from_numpy(faces.images).permute(0, 3, 1, 2).contiguous()
        if channels == 1:
            images = VF.rgb_to_grayscale(images)
        return MemoryImages(images, [f"{seed.replace('/', '_')}.png" for seed in seeds])


@dataclass(frozen=True)
class _Domain:
    """The files of one domain, and how they are read."""

    train: Listing
    held_out: Listing
    reading: Reading

    @cached_property
    def channels(self) -> int:
        """Number of channels of its images."""
        return self.reading.channels_of(self.train.paths)

    def read(self, files: Listing, resize: Callable[[torch.Tensor], torch.Tensor]) -> ImageSet:
        """Read some of its files."""
        return self.reading.load(files, self.channels, resize)


class FolderDomains:
    """The user's folders: `root` in the official layout, or one folder per domain.

    A domain without a test folder gets its held-out images from its training folder, by their names; or is
    evaluated on what it is trained on, as `evaluated_on_itself` says.

    Args:
        root: folder with trainA and trainB, and testA and testB if there are any.
        folder_A: folder of domain A, instead of a root.
        folder_B: folder of domain B, instead of a root.
        preprocess: how images are resized.
        reading_A: how files of A are read.
        reading_B: how files of B are read.

    Raises:
        FileNotFoundError: a folder is missing or has no images.
        ValueError: contradicting arguments, or too few images.
    """

    def __init__(
        self,
        root: str | None,
        folder_A: str | None,
        folder_B: str | None,
        preprocess: Preprocess,
        reading_A: Reading,
        reading_B: Reading,
    ) -> None:
        self.preprocess = preprocess
        (train_A, train_B), (test_A, test_B) = _folders(root, folder_A, folder_B)
        self._A = _find_domain("A", train_A, test_A, reading_A, preprocess)
        self._B = _find_domain("B", train_B, test_B, reading_B, preprocess)
        self.channels_A, self.channels_B = self._A.channels, self._B.channels

    def prepare(self, split: Split) -> None:
        """Nothing: every process reads what it needs."""

    def found(self, read: Read | None = None) -> list[Found]:
        """Describe both domains.

        Args:
            read: names of the images of A, and of B, that could be read, to train and to evaluate on; None
                where all must be.
        """
        read_A, read_B = read or (None, None)
        A, B = self._A, self._B
        return [
            describe("A", A.train, A.held_out, self.channels_A, read=read_A),
            describe("B", B.train, B.held_out, self.channels_B, read=read_B),
        ]

    def to_pack(self) -> ToPack:
        """Return what is packed of them."""
        files = {
            "trainA": self._A.train,
            "trainB": self._B.train,
            "testA": self._A.held_out,
            "testB": self._B.held_out,
        }
        parts = {part: list(map(Source, listing.names, listing.paths)) for part, listing in files.items()}
        channels = {"A": self.channels_A, "B": self.channels_B}
        return ToPack("UnpairedImages", parts, channels, self._A.train.folder)

    def training(self, preprocess: Preprocess) -> Domains:
        """Read A and B for that preprocess, as far as they fit the memory."""
        A, B = (domain.read(domain.train, preprocess.for_training) for domain in (self._A, self._B))
        return A, B

    def held_out(self) -> HeldOut:
        """Read what is evaluated on as far as it fits the memory."""
        return HeldOut(
            *(domain.read(domain.held_out, self.preprocess.for_evaluation) for domain in (self._A, self._B))
        )


def _find_domain(
    name: str, train: Path, test: Path | None, reading: Reading, preprocess: Preprocess
) -> _Domain:
    trained = find_images(train, f"training in domain {name}", reading.cut)
    limit = reading.max_images
    if test is not None:
        held_out = find_images(test, f"evaluation in domain {name}", reading.cut)
    elif evaluated_on_itself(preprocess, len(trained.paths)):
        held_out = Listing(train, trained.paths)
    else:
        learnt, kept = hold_out(trained.paths, train, reading.held_out_share)
        trained, held_out = trained._replace(paths=learnt), Listing(train, kept)
    return _Domain(limited(trained, limit), limited(held_out, limit), reading)


def _folders(root: str | None, A: str | None, B: str | None) -> tuple[list[Path], list[Path | None]]:
    """Return the training folders and the test folders, None where there is none, of A and B."""
    if root is None:
        if A is None or B is None:
            raise ValueError(f"folder_{'A' if A is None else 'B'} is missing: give both folders, or root.")
        return [Path(A), Path(B)], [None, None]
    if A is not None or B is not None:
        raise ValueError("Give either root, or folder_A and folder_B, not both.")
    base = Path(root)
    trains = [base / "trainA", base / "trainB"]
    missing = [folder.name for folder in trains if not folder.is_dir()]
    if missing:
        shown = [path.name for path in base.iterdir() if not is_hidden(path.name)] if base.is_dir() else []
        there = sorted(shown)
        found = f"it has {', '.join(there[:8]) or 'nothing'}" if base.is_dir() else "no such folder"
        raise FileNotFoundError(
            f"root: {root} lacks {' and '.join(missing)} ({found}). Expected are folders trainA and trainB "
            "with images, and testA and testB if there are any; or give folder_A and folder_B."
        )
    tests = [base / "testA", base / "testB"]
    return trains, [folder if folder.is_dir() else None for folder in tests]
