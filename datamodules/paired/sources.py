"""Where the pairs of a paired translation come from: the user's folders, or drawn faces."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args

import torch
from torch import Tensor

from datamodules.files.value_range import ValueRange
from datamodules.found import Found, describe, drawn
from datamodules.image_sets import ImageSet, Split
from datamodules.listing import Listing
from datamodules.paired.folders import Splits, find_folders, list_folder, match_folders, split_files
from datamodules.paired.pair import Direction, Halves, MatchedFiles, WithEdges, join, usual_shape
from datamodules.reading import ImageFiles, MemoryImages, Reading, sample_headers
from datamodules.streaming.packed import Source, ToPack
from datamodules.transforms import Preprocess, unchanged
from datamodules.unpaired.sources import DrawnDomains

Task = Literal["colorise", "edges"]
Resize = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Pairing:
    """How pairs are made, wherever they come from; see `PairedImages`.

    Attributes:
        direction: which of A and B is the input.
        task: what makes pairs of plain pictures; None for pairs that are there.
        edge_sigma: blur before edges are drawn.
        edge_threshold: where an edge begins.
        preprocess: how pairs are resized.
        reading_A: how files of A are read; how pairs are split and kept, as that of B says too.
        reading_B: how files of B are read.

    Raises:
        ValueError: an argument is unknown or out of its range, or contradicts another.
    """

    direction: Direction
    task: Task | None
    edge_sigma: float
    edge_threshold: float
    preprocess: Preprocess
    reading_A: Reading
    reading_B: Reading

    def __post_init__(self) -> None:
        if self.task is not None and self.task not in get_args(Task):
            raise ValueError(f"task: {self.task!r} is unknown; colorise and edges are.")
        if self.task == "colorise" and self.direction == "B2A":
            raise ValueError("direction: task colorise leads from lightness to colour, which is A2B.")
        for argument in ("edge_sigma", "edge_threshold"):
            if getattr(self, argument) <= 0:
                raise ValueError(f"{argument}: {getattr(self, argument)} must be above 0.")
        self._check_channels()

    @property
    def value_range(self) -> ValueRange:
        """The values that become -1 and 1 where A and B are in one file.

        Raises:
            ValueError: A and B have ranges of their own.
        """
        A, B = self.reading_A.values, self.reading_B.values
        if A != B:
            raise ValueError(
                "value_range_A and value_range_B differ, but A and B are in one file: give one value_range."
            )
        return A

    def _check_channels(self) -> None:
        """Refuse numbers of channels that a task does not have."""
        channels_A, channels_B = self.reading_A.channels, self.reading_B.channels
        if self.task and channels_A not in (None, 1):
            raise ValueError(f"channels_A: task {self.task} has 1 channel there, not {channels_A}.")
        allowed = {"colorise": (2,), "edges": (1, 3)}.get(self.task or "")
        if allowed and channels_B not in (None, *allowed):
            raise ValueError(
                f"channels_B: task {self.task} has {' or '.join(map(str, allowed))} channels there, "
                f"not {channels_B}."
            )

    def split(self, listings: Mapping[str, Listing]) -> Splits:
        """Choose the files of each split, see `split_files`."""
        return split_files(listings, self.reading_A.held_out_share, self.reading_A.max_images)

    def from_picture(self, resize: Resize) -> Resize:
        """Return what makes a pair of a picture: resized, with its edges if they are the task.

        In colourisation the picture stands for its pair: the device that trains splits it into lightness
        and colour, batch by batch.
        """
        if self.task == "edges":
            return WithEdges(resize, self.direction, self.edge_sigma, self.edge_threshold)
        return resize


class DrawnPairs:
    """Drawn faces: each in domain A and in domain B, or as the task makes a pair of it in domain B.

    The faces do not depend on the seed of a run, and those to evaluate on are others than those to train on.

    Args:
        style: name of the style, see `datamodules.faces.faces.STYLES`.
        faces_A: what makes domain A, see `DrawnDomains`.
        faces_B: what makes domain B.
        count: pairs to train on.
        test_count: pairs to evaluate on.
        pairing: how pairs are made.

    Raises:
        ValueError: an unknown style or domain, or a number of channels that cannot be drawn.
    """

    def __init__(
        self, style: str, faces_A: str, faces_B: str, count: int, test_count: int, pairing: Pairing
    ) -> None:
        self.pairing = pairing
        self.channels_A, self.channels_B = pairing.reading_A.channels or 3, pairing.reading_B.channels or 3
        drawn = self.channels_A, self.channels_B
        if pairing.task:
            faces_A, self.channels_A = faces_B, 1  # nothing is drawn twice
            drawn = (self.channels_B, self.channels_B)
        if pairing.task == "colorise":
            self.channels_B, drawn = 2, (3, 3)
        self._domains = DrawnDomains(style, faces_A, faces_B, count, test_count, pairing.preprocess, *drawn)

    def found(self) -> list[Found]:
        """Describe both domains."""
        faces = self._domains
        counts = faces.count, faces.test_count, faces.preprocess.before_crop
        return [drawn("A", *counts, self.channels_A), drawn("B", *counts, self.channels_B)]

    def prepare(self, split: Split) -> None:
        """Draw the faces of a split into the cache on disk."""
        self._domains.paired(split, "pairs")

    @cached_property
    def training(self) -> ImageSet:
        """Pairs in the size windows are cut from."""
        return self._draw("train")

    @cached_property
    def validation(self) -> ImageSet:
        """Pairs in the size the network sees."""
        return self._draw("test")

    @property
    def test(self) -> ImageSet:
        """The same pairs as `validation`."""
        return self.validation

    def _draw(self, split: Split) -> ImageSet:
        A, B = self._domains.paired(split, "pairs")
        if self.pairing.task:
            make = self.pairing.from_picture(unchanged)
            return MemoryImages(torch.stack([make(face) for face in B.images]), B.names)
        pairs = [join(*both, self.pairing.direction) for both in zip(A.images, B.images, strict=True)]
        return MemoryImages(torch.stack(pairs), B.names)


@dataclass(frozen=True)
class FolderPairs:
    """Pairs in files, read as far as they fit the memory.

    Attributes:
        splits: the files.
        read: makes a set of pairs of files, given how to resize.
        channels_A: channels of A.
        channels_B: channels of B.
        pairing: how pairs are made.
        partners: the file of B by the file of A, where these are two.
        folder_B: of the files of B to train on, where they are files of their own.
    """

    splits: Splits
    read: Callable[[Listing, Resize], ImageFiles]
    channels_A: int
    channels_B: int
    pairing: Pairing
    partners: Mapping[Path, Path] | None = None
    folder_B: Path | None = None

    def found(self) -> list[Found]:
        """Describe A and B, or the pictures that show both."""
        train, held_out = self.splits.train, self.splits.validation
        read = None
        if self.pairing.reading_A.skips:
            read = self.training.names, self.validation.names
        if self.partners is None:
            channels = max(self.channels_A, self.channels_B)
            return [describe("pairs", train, held_out, channels, read=read)]
        A = describe("A", train, held_out, self.channels_A, read=read)
        chosen = [self.partners[train.folder / name] for name in train.names]
        assert self.folder_B is not None
        nothing = Listing(self.folder_B, [])
        B = describe("B", Listing(self.folder_B, chosen), nothing, self.channels_B)
        return [A, replace(B, training=A.training, held_out=A.held_out, left_out=A.left_out)]

    def to_pack(self) -> ToPack:
        """Return what is packed of them.

        Raises:
            ValueError: a task makes the pairs.
        """
        task = self.pairing.task
        if task:
            raise ValueError(
                f"task: {task} makes pairs of plain pictures while training, and packed sets hold pairs: "
                "leave the task out, or train on the folder."
            )
        files = {"train": self.splits.train, "val": self.splits.validation, "test": self.splits.test}
        if self.splits.test == self.splits.validation:
            del files["val"]
        parts = {
            part: [
                Source(name, path, self.partners[path] if self.partners else None)
                for name, path in zip(listing.names, listing.paths, strict=True)
            ]
            for part, listing in files.items()
        }
        channels = {"A": self.channels_A, "B": self.channels_B}
        return ToPack("PairedImages", parts, channels, self.splits.train.folder)

    def prepare(self, split: Split) -> None:
        """Nothing: every process reads what it needs."""

    @cached_property
    def training(self) -> ImageSet:
        """Pairs in the size windows are cut from."""
        return self._load(self.splits.train, self.pairing.preprocess.for_training)

    @cached_property
    def validation(self) -> ImageSet:
        """Pairs in the size the network sees."""
        return self._to_evaluate(self.splits.validation)

    @cached_property
    def test(self) -> ImageSet:
        """Pairs in the size the network sees; those of validation where there are no others."""
        if self.splits.test == self.splits.validation:
            return self.validation
        return self._to_evaluate(self.splits.test)

    def _to_evaluate(self, listing: Listing) -> ImageSet:
        return self._load(listing, self.pairing.preprocess.for_evaluation)

    def _load(self, listing: Listing, resize: Resize) -> ImageSet:
        return self.pairing.reading_A.keep(self.read(listing, resize))


def find_pairs(
    root: str | None, folder_A: str | None, folder_B: str | None, folder: str | None, pairing: Pairing
) -> FolderPairs | None:
    """Find the pairs in the folders that the user gave; None without any.

    Args:
        root: data set in one of the layouts of `find_folders`.
        folder_A: images of A, matched by name with those of folder_B.
        folder_B: images of B.
        folder: plain pictures, of which the task makes pairs.
        pairing: how pairs are made.

    Raises:
        FileNotFoundError: a folder is missing or has no images.
        ValueError: arguments contradict each other, or files cannot be paired.
    """
    sources = {"root": root, "folder_A and folder_B": folder_A or folder_B, "folder": folder}
    given = [name for name, source in sources.items() if source is not None]
    if not given:
        return None
    if len(given) > 1:
        raise ValueError(f"Give either {' or '.join(given)}, not both.")
    if folder is not None:
        if pairing.task is None:
            raise ValueError("task is missing: colorise or edges makes pairs of the pictures of folder.")
        return _from_pictures(Path(folder), pairing)
    if pairing.task:
        raise ValueError(
            f"task: {pairing.task} makes pairs of plain pictures: give these as folder, not as {given[0]}."
        )
    if root is not None:
        folders = find_folders(root)
        return (_matched if len(folders["train"]) == 2 else _side_by_side)(folders, pairing)
    if folder_A is None or folder_B is None:
        raise ValueError(f"folder_{'A' if folder_A is None else 'B'} is missing: give both folders.")
    return _matched({"train": (Path(folder_A), Path(folder_B))}, pairing)


def _from_pictures(folder: Path, pairing: Pairing) -> FolderPairs:
    splits = pairing.split({"train": list_folder(folder, pairing.reading_A.cut)})
    colorise = pairing.task == "colorise"
    channels = 3 if colorise else pairing.reading_B.channels_of(splits.train.paths)

    value_range = pairing.value_range

    def read(listing: Listing, resize: Resize) -> ImageFiles:
        return ImageFiles(
            listing.folder, listing.paths, channels, pairing.from_picture(resize), value_range=value_range
        )

    return FolderPairs(splits, read, 1, 2 if colorise else channels, pairing)


def _side_by_side(folders: Mapping[str, tuple[Path, ...]], pairing: Pairing) -> FolderPairs:
    listings = {split: list_folder(folder, pairing.reading_A.cut) for split, (folder,) in folders.items()}
    splits = pairing.split(listings)
    headers = sample_headers(splits.train.paths, pairing.reading_A.on_bad_image)
    usual, channels = usual_shape(headers), max(header.channels for header in headers)
    channels_A, channels_B = pairing.reading_A.channels or channels, pairing.reading_B.channels or channels
    value_range = pairing.value_range

    def read(listing: Listing, resize: Resize) -> ImageFiles:
        halves = Halves(resize, channels_A, channels_B, pairing.direction, usual)
        return ImageFiles(
            listing.folder, listing.paths, max(channels_A, channels_B), halves, value_range=value_range
        )

    return FolderPairs(splits, read, channels_A, channels_B, pairing)


def _matched(folders: Mapping[str, tuple[Path, ...]], pairing: Pairing) -> FolderPairs:
    listings: dict[str, Listing] = {}
    partners: dict[Path, Path] = {}
    for split, (folder_A, folder_B) in folders.items():
        listings[split], matched = match_folders(
            folder_A, folder_B, pairing.reading_A.on_bad_image, pairing.reading_A.cut
        )
        partners |= matched
    splits = pairing.split(listings)
    train_A = splits.train.paths
    train_B = [partners[path] for path in train_A]
    channels_A = pairing.reading_A.channels_of(train_A)
    channels_B = pairing.reading_B.channels_of(train_B)

    def read(listing: Listing, resize: Resize) -> ImageFiles:
        return MatchedFiles(
            listing.folder,
            listing.paths,
            channels_A,
            resize,
            partners,
            channels_B,
            pairing.direction,
            partner_range=pairing.reading_B.values,
            value_range=pairing.reading_A.values,
        )

    return FolderPairs(splits, read, channels_A, channels_B, pairing, partners, folders["train"][1])
