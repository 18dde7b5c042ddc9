"""A program to be exported: a network, its named inputs, and what they are to give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

BATCH, HEIGHT, WIDTH = "batch", "height", "width"

Draw = Callable[["Case", torch.Generator], Tensor]
Axis = int | str
"""Length of an axis, or the name of one that is free."""


@dataclass(frozen=True)
class Case:
    """How many inputs there are at once; where they are images, how high and wide."""

    batch: int
    height: int
    width: int

    def __str__(self) -> str:
        return f"{self.batch} x {self.height} x {self.width}"


@dataclass(frozen=True)
class Sizes:
    """What sizes of images there are.

    Attributes:
        training: height and width of the images of training.
        multiple: what sides must divide by inside; images of other sizes are padded and cropped back.
        smallest: least height and width that come in. Never 1, which an exported program would take for a
            constant.
    """

    training: int
    multiple: int = 1
    smallest: int = 2


@dataclass(frozen=True)
class Input:
    """One input of a program.

    Attributes:
        name: as the exported file has it.
        shape: lengths of the axes, and names of those that are free.
        meaning: what it is, for people.
        draw: makes an example of it.
        type: of its numbers.
    """

    name: str
    shape: tuple[Axis, ...]
    meaning: str
    draw: Draw
    type: str = "float32"


@dataclass(frozen=True)
class Program:
    """What is exported of a variant.

    Attributes:
        networks: names of the variant's parts that it is made of: their weights are its weights.
        module: in evaluation mode; takes the inputs in order.
        eager: the variant's own way from the same inputs to the same images.
        inputs: in order.
        output: lengths of its axes, and names of those that are free.
        meaning: what comes out, for people.
        sizes: of images.
        notes: what else to know, by sentences.
        name: of its files.
    """

    networks: tuple[str, ...]
    module: nn.Module
    eager: Callable[..., Tensor]
    inputs: tuple[Input, ...]
    output: tuple[Axis, ...]
    meaning: str
    sizes: Sizes
    notes: tuple[str, ...] = ()
    name: str = "generator"

    @property
    def takes_any_size(self) -> bool:
        """Whether images come in, from whose size follows that of the images that come out."""
        return any(HEIGHT in given.shape for given in self.inputs)

    def example(self, case: Case, seed: int = 0) -> tuple[Tensor, ...]:
        """Return inputs, random and the same every time."""
        source = torch.Generator().manual_seed(seed)
        return tuple(given.draw(case, source) for given in self.inputs)

    def cases(self) -> list[Case]:
        """Return what to try out: single and several, square and oblong, of odd sides, large and least."""
        side, least = self.sizes.training, self.sizes.smallest
        if not self.takes_any_size:
            return [Case(batch, side, side) for batch in (1, 2, 5)]
        oblong = max(side + 1, least), max(side // 2 + 3, least)
        return [Case(1, side, side), Case(3, *oblong), Case(2, least, least + 3)]


def image_axes(channels: int, scale: int = 1) -> tuple[Axis, ...]:
    """Return the axes of images (N, channels, scale * H, scale * W), where H and W are those of the input."""
    times = "" if scale == 1 else f"{scale} * "
    return BATCH, channels, times + HEIGHT, times + WIDTH


def image_input(channels: int, meaning: str) -> Input:
    """Return an input of images (N, channels, H, W) in [-1, 1]."""

    def draw(case: Case, source: torch.Generator) -> Tensor:
        return torch.rand(case.batch, channels, case.height, case.width, generator=source) * 2 - 1

    return Input("images", image_axes(channels), f"{meaning}, in [-1, 1]", draw)


def mask_input(name: str, count: int, meaning: str) -> Input:
    """Return an input of masks (N, count, H, W) in [0, 1], as high and wide as the images."""

    def draw(case: Case, source: torch.Generator) -> Tensor:
        return torch.rand(case.batch, count, case.height, case.width, generator=source)

    return Input(name, image_axes(count), meaning, draw)


def normal_input(name: str, size: int, meaning: str) -> Input:
    """Return an input of rows (N, size) that look like noise."""

    def draw(case: Case, source: torch.Generator) -> Tensor:
        return torch.randn(case.batch, size, generator=source)

    return Input(name, (BATCH, size), meaning, draw)


def label_input(name: str, size: int, meaning: str) -> Input:
    """Return an input of rows (N, size) of 0 and 1."""

    def draw(case: Case, source: torch.Generator) -> Tensor:
        return torch.randint(2, (case.batch, size), generator=source).float()

    return Input(name, (BATCH, size), meaning, draw)


def class_input(name: str, classes: int, meaning: str) -> Input:
    """Return an input of classes (N,) int64."""

    def draw(case: Case, source: torch.Generator) -> Tensor:
        return torch.randint(classes, (case.batch,), generator=source)

    return Input(name, (BATCH,), meaning, draw, "int64")
