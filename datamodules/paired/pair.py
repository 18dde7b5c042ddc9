"""How one pair is made: of the halves of a picture, of two files, or of a picture and the edges in it.

A pair is one tensor (C, H, W) with the channels of the input first and those of the target after them. So it
is cached, cut and mirrored like any image, and nothing can be drawn for one of the two alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as VF

from datamodules.files.readers import Header, ImageError
from datamodules.files.value_range import BY_TYPE, ValueRange
from datamodules.paired.edges import draw_edges
from datamodules.reading import ImageFiles, read_pixels
from datamodules.transforms import one_type

Direction = Literal["A2B", "B2A"]
GivenDirection = Literal["A2B", "B2A", "AtoB", "BtoA"]


def one_spelling(direction: GivenDirection) -> Direction:
    """Return a direction, which may be spelt as in the official program, as we spell it.

    Raises:
        ValueError: it is unknown.
    """
    known: dict[str, Direction] = {"A2B": "A2B", "B2A": "B2A", "AtoB": "A2B", "BtoA": "B2A"}
    if direction not in known:
        raise ValueError(f"direction: {direction!r} is unknown; A2B and B2A are.")
    return known[direction]


def join(A: Tensor, B: Tensor, direction: Direction) -> Tensor:
    """Join (C, H, W) of A and of B to a pair, the input first; 8 bit and deeper ones come to one range."""
    return torch.cat(one_type([A, B] if direction == "A2B" else [B, A]), dim=0)


def separate(pairs: Tensor, channels_in: int) -> tuple[Tensor, Tensor]:
    """Return the inputs and the targets of pairs (N, C, H, W)."""
    return pairs[:, :channels_in], pairs[:, channels_in:]


@dataclass(frozen=True)
class Halves:
    """Makes a pair of a picture (C, H, W) that shows A at the left and B at the right.

    Attributes:
        resize: of each half.
        channels_A: as many as the picture has, or 1.
        channels_B: likewise.
        direction: which half is the input.
        usual: width by height of whole pictures, see `usual_shape`.

    Raises:
        ValueError: the width is odd, or one half is missing.
    """

    resize: Callable[[Tensor], Tensor]
    channels_A: int
    channels_B: int
    direction: Direction
    usual: Fraction | None

    def __call__(self, picture: Tensor) -> Tensor:
        """Cut, resize and join."""
        height, width = picture.shape[1:]
        if width % 2:
            raise ValueError(
                f"{width}x{height} pixels have no two halves of one size. Expected is A at the left and B at "
                "the right, equally wide"
            )
        if 2 * Fraction(width, height) == self.usual:
            raise ValueError(
                f"{width}x{height} pixels are half as wide as the other pictures are: A or B is missing"
            )
        A, B = picture.chunk(2, dim=2)
        A, B = _grey_if(self.channels_A == 1, A), _grey_if(self.channels_B == 1, B)
        return join(self.resize(A), self.resize(B), self.direction)


def _grey_if(wanted: bool, image: Tensor) -> Tensor:
    grey: Tensor = VF.rgb_to_grayscale(image) if wanted and image.shape[0] == 3 else image
    return grey


def usual_shape(headers: list[Header]) -> Fraction | None:
    """Tell the width by height of side-by-side pictures from a few of them.

    Returns:
        What most of them have, where all others lack a half; None where they have several shapes, among which
        nobody can tell a missing half from a narrow picture.
    """
    shapes = [Fraction(header.width, header.height) for header in headers]
    usual = max(shapes)
    whole, halves = shapes.count(usual), shapes.count(usual / 2)
    return usual if whole > halves and whole + halves == len(shapes) else None


@dataclass(frozen=True)
class WithEdges:
    """Makes a pair of a picture (C, H, W) as B and the edges in it as A.

    Attributes:
        resize: of the picture, before its edges are drawn.
        direction: whether the edges are the input.
        sigma: see `draw_edges`.
        threshold: see `draw_edges`.
    """

    resize: Callable[[Tensor], Tensor]
    direction: Direction
    sigma: float
    threshold: float

    def __call__(self, picture: Tensor) -> Tensor:
        """Resize, draw and join."""
        B = self.resize(picture)
        return join(draw_edges(B, self.sigma, self.threshold), B, self.direction)


@dataclass(frozen=True, eq=False)
class MatchedFiles(ImageFiles):
    """Pairs whose A and B are files of their own; `paths`, `channels` and `names` are those of A.

    Attributes:
        partners: the file of B by the file of A.
        partner_channels: number of channels every image of B is converted to.
        direction: which of them is the input.
        partner_range: the values of B that become -1 and 1.

    Raises:
        ImageError: when a pair is asked for of which an image cannot be used or the shapes differ.
    """

    partners: Mapping[Path, Path]
    partner_channels: int
    direction: Direction
    partner_range: ValueRange = field(default=BY_TYPE, kw_only=True)

    def __getitem__(self, index: int) -> Tensor:
        path = self.paths[index]
        partner = self.partners[path]
        A = read_pixels(path, self.channels, self.value_range)
        B = read_pixels(partner, self.partner_channels, self.partner_range)
        try:
            return match(A, B, self.prepare, self.direction)
        except ValueError as error:
            raise ImageError(f"{path} and {partner}: {error}") from error


def match(A: Tensor, B: Tensor, prepare: Callable[[Tensor], Tensor], direction: Direction) -> Tensor:
    """Join two whole images (C, H, W) to a pair, each of them prepared first.

    Raises:
        ValueError: they have different shapes, or in the end different sizes.
    """
    _check_shapes(A, B)
    A, B = prepare(A), prepare(B)
    _check_sizes(A, B)
    return join(A, B, direction)


def _check_shapes(A: Tensor, B: Tensor) -> None:
    """Allow two sizes of one shape, but for rounding to whole pixels."""
    (height_A, width_A), (height_B, width_B) = A.shape[1:], B.shape[1:]
    if abs(height_A * width_B - height_B * width_A) > max(*A.shape[1:], *B.shape[1:]):
        raise ValueError(f"{_sizes(A, B)} pixels are of different shapes, so these are no pair")


def _check_sizes(A: Tensor, B: Tensor) -> None:
    if A.shape[1:] != B.shape[1:]:
        raise ValueError(
            f"{_sizes(A, B)} pixels differ. Give both images one size, or choose preprocess: resize_and_crop"
        )


def _sizes(A: Tensor, B: Tensor) -> str:
    return " and ".join(f"{image.shape[2]}x{image.shape[1]}" for image in (A, B))
