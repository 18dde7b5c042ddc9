"""Sizes of images that need not be squares: how they are written, and which windows they make."""

from __future__ import annotations

import re
from dataclasses import dataclass

from datamodules.transforms import LoadSize, Preprocess, Side

OBLONG = re.compile(r"([1-9]\d*)x([1-9]\d*)")


def sides_of(size: int | str) -> tuple[int, int]:
    """Return height and width of a size: one number for both, or HEIGHTxWIDTH such as 64x96.

    Raises:
        ValueError: it is written otherwise.
    """
    if isinstance(size, int):
        return size, size
    written = OBLONG.fullmatch(size)
    if written is None:
        raise ValueError(
            f"size: {size!r} is a number of pixels, such as 64, or HEIGHTxWIDTH, such as 64x96 of images "
            "that are wider than high."
        )
    return int(written[1]), int(written[2])


@dataclass(frozen=True)
class Windowed(Preprocess):
    """Images of one height and width, cut from such as have `load_size` as height and the same shape.

    Attributes:
        size: height of the window.
        width: of the window.
    """

    width: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.width < 2:
            raise ValueError(f"size: a width of {self.width} must be at least 2 pixels.")

    @property
    def window(self) -> tuple[int, int]:
        """Height and width of the windows."""
        return self.size, self.width


def one_size(size: int | str, load_size: LoadSize | None, flip: bool) -> Preprocess:
    """Return how images of any shape become squares, or oblongs, of one size.

    Raises:
        ValueError: as `sides_of` and `Preprocess`.
    """
    height, width = sides_of(size)
    if height == width:
        return Preprocess("resize_and_crop", height, load_size or "size", flip)
    return Windowed("resize_and_crop", height, load_size or "size", flip, width=width)


def side_or_sides(window: tuple[int, int]) -> Side:
    """Return the side of a square, or height and width: what networks take as image_size."""
    height, width = window
    return height if height == width else window
