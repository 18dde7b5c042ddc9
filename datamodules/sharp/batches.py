"""Batches of small and large images, which are pairs already, or of which the device makes the small ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from datamodules.degradations.filtering import sharpen
from datamodules.degradations.parameters import Degradation
from datamodules.degradations.pipeline import Drawn, degrade
from datamodules.image_sets import ImageSet
from datamodules.loading import Key, uniform_draws
from datamodules.paired.batches import PairedBatch
from datamodules.sharp.pair import middle, separate
from datamodules.transforms import Augmentation, Preprocess, stack_equal, to_unit_range

WINDOW = 5
"""Random numbers for a window: for top, left, mirroring, standing upside down and being turned."""
CORNER = 2
"""Random numbers for a window that is neither mirrored nor turned."""


class Turns(NamedTuple):
    """What was drawn for a batch of squares: which stand upside down, and which are turned, bool (N,).

    To turn means to exchange rows and columns; with mirroring, of which `cut` knows, that makes all eight
    ways in which a square can lie.
    """

    cut: Augmentation
    upside_down: Tensor
    turned: Tensor

    def __call__(self, images: Tensor) -> Tensor:
        """Cut, mirror and turn (N, C, H, W)."""
        images = self.cut(images)
        images = torch.where(_of_each(self.upside_down), images.flip(-2), images)
        return torch.where(_of_each(self.turned), images.mT, images)


def _of_each(chosen: Tensor) -> Tensor:
    return chosen.view(-1, 1, 1, 1)


@dataclass(frozen=True)
class Windows:
    """How windows of training images are drawn.

    Attributes:
        side: of the window in pixels.
        step: windows begin at multiples of it.
        flip: mirror every second one.
        turn: stand every second one upside down, and turn every second one.
    """

    side: int
    step: int = 1
    flip: bool = True
    turn: bool = True

    def drawn(self, images: Sequence[Tensor], draws: Tensor) -> Turns:
        """Turn random numbers (N, WINDOW or more), uniform in [0, 1), into windows of images (C, H, W)."""
        cut = Preprocess("crop", self.side, flip=self.flip, step=self.step).augmentation(images, draws)
        chosen = (draws[:, 3:5] < 0.5) & self.turn
        return Turns(cut, chosen[:, 0], chosen[:, 1])

    def stack(self, images: Sequence[Tensor], names: Sequence[str]) -> Tensor:
        """Stack images of any size for windows to be cut from."""
        return Preprocess("crop", self.side).stack(images, names)


class LoadedPairs(NamedTuple):
    """A batch of pairs as workers deliver it, uint8 (or float32), and what to do with it on the device."""

    pairs: Tensor
    names: list[str]
    scale: int
    windows: Turns | None = None

    def finish(self) -> PairedBatch:
        """Cut, turn, scale and separate on the device the batch is on."""
        pairs = self.windows(self.pairs) if self.windows else self.pairs
        return PairedBatch(*separate(to_unit_range(pairs), self.scale), self.names)


class LoadedSharp(NamedTuple):
    """A batch of sharp images as workers deliver it, of which the device makes the small ones.

    Attributes:
        sharp: RGB images (N, 3, H, W) of uint8 (or float32 in [-1, 1]).
        names: theirs.
        scale: small images are so many times smaller.
        drawn: how the images are spoilt, group by group.
        sharpened: whether they are sharpened before.
        region: what is spoilt of each image; None for all of it.
        window: what is kept of each small image, and of the sharp one there; None for all.
    """

    sharp: Tensor
    names: list[str]
    scale: int
    drawn: Sequence[Drawn]
    sharpened: bool
    region: Turns | None = None
    window: Augmentation | None = None

    def finish(self) -> PairedBatch:
        """Cut and turn, spoil, and cut once more, on the device the batch is on."""
        sharp = (to_unit_range(self.region(self.sharp) if self.region else self.sharp) + 1) / 2
        taken = sharpen(sharp) if self.sharpened else sharp
        groups = taken.split([len(drawn.seeds) for drawn in self.drawn])
        each = zip(groups, self.drawn, strict=True)
        small = torch.cat([degrade(group, drawn, self.scale) for group, drawn in each])
        if self.window is not None:
            small, sharp = self.window(small), enlarged(self.window, self.scale)(sharp)
        count = len(self.names)
        return PairedBatch(2 * small[:count] - 1, 2 * sharp[:count] - 1, self.names)


def enlarged(window: Augmentation, scale: int) -> Augmentation:
    """Return the windows of images `scale` times as high and wide that show the same."""
    top, left, flip, height, width = window
    return Augmentation(scale * top, scale * left, flip, scale * height, scale * width)


@dataclass(frozen=True)
class Spoiling:
    """How small images are made on the device that trains.

    Attributes:
        degradation: what is done to sharp images.
        window: side of what is kept of each small image, in pixels.
    """

    degradation: Degradation
    window: int

    def window_in(self, side: int, draws: Tensor) -> Augmentation:
        """Turn random numbers (N, CORNER), uniform in [0, 1), into windows of squares of that side."""
        corner = (draws * (side - self.window + 1)).long()
        unmirrored = torch.zeros(len(draws), dtype=torch.bool)
        return Augmentation(corner[:, 0], corner[:, 1], unmirrored, self.window, self.window)


class TrainingBatches:
    """Makes training batches; whatever is drawn for an image is a function of (seed, epoch, index).

    What the images of a batch have in common when they are spoilt is as drawn for the first of them.

    Args:
        images: pairs; or with `spoiling` sharp images.
        windows: how windows of these are drawn.
        scale: large images are so many times as high and wide as small ones.
        seed: of the draws.
        spoiling: how small images are made of sharp ones.
    """

    def __init__(
        self, images: ImageSet, windows: Windows, scale: int, seed: int, spoiling: Spoiling | None
    ) -> None:
        self.images, self.windows, self.scale = images, windows, scale
        self.seed, self.spoiling = seed, spoiling

    def __getitem__(self, keys: list[Key]) -> LoadedPairs | LoadedSharp:
        chosen = [self.images[index] for _, index in keys]
        names = [self.images.names[index] for _, index in keys]
        stacked = self.windows.stack(chosen, names)
        if self.spoiling is None:
            draws = uniform_draws(self.seed, keys, WINDOW)
            return LoadedPairs(stacked, names, self.scale, self.windows.drawn(chosen, draws))
        degradation = self.spoiling.degradation
        draws = uniform_draws(self.seed, keys, WINDOW + CORNER + degradation.draws)
        placed, corners, numbers = draws.split([WINDOW, CORNER, degradation.draws], dim=1)
        region = self.windows.drawn(chosen, placed)
        window = self.spoiling.window_in(self.windows.side // self.scale, corners)
        drawn = [degradation.drawn(numbers)]
        return LoadedSharp(stacked, names, self.scale, drawn, degradation.sharpen, region, window)


class EvaluationBatches:
    """Makes evaluation batches, of whole images, of lists with one list of indices.

    How an image is spoilt depends on its index alone.

    Args:
        images: pairs; or with a `degradation` sharp images.
        scale: large images are so many times as high and wide as small ones.
        degradation: how small images are made of sharp ones.
        side: of the window in the middle of each that stands for them where sizes differ; None refuses these.
    """

    def __init__(
        self, images: ImageSet, scale: int, degradation: Degradation | None, side: int | None = None
    ) -> None:
        self.images, self.scale, self.degradation, self.side = images, scale, degradation, side

    def __getitem__(self, indices: list[list[int]]) -> LoadedPairs | LoadedSharp:
        (rows,) = indices
        names = [self.images.names[row] for row in rows]
        shown = rows or [0]  # a process that has none left makes an empty batch of the right shape
        chosen = [self.images[row] for row in shown]
        if self.side is not None and len({image.shape for image in chosen}) > 1:
            chosen = [middle(image, self.side, self.scale) for image in chosen]
        stacked = stack_equal(chosen, names or [""])
        if self.degradation is None:
            return LoadedPairs(stacked[: len(rows)], names, self.scale)
        numbers = uniform_draws(0, [(0, row) for row in shown], self.degradation.draws)
        drawn = [self.degradation.drawn(row[None]) for row in numbers]
        return LoadedSharp(stacked, names, self.scale, drawn, self.degradation.sharpen)


@dataclass(frozen=True)
class SmallImages:
    """The small images of evaluation batches, as an `ImageSet` to be enlarged."""

    batches: EvaluationBatches

    @property
    def names(self) -> Sequence[str]:
        """Those of the images."""
        return self.batches.images.names

    @property
    def one_size(self) -> bool:
        """Whether all have one height and width."""
        return self.batches.images.one_size

    @property
    def folder(self) -> Path | None:
        """Where the images lie."""
        return self.batches.images.folder

    def __len__(self) -> int:
        return len(self.batches.images)

    def __getitem__(self, index: int) -> Tensor:
        return self.batches[[[index]]].finish().input[0]
