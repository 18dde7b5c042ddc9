"""Large images cut into overlapping tiles of one size: where tiles lie, and what each adds to the whole."""

from __future__ import annotations

import warnings
from typing import Literal, NamedTuple

import torch
from torch import Tensor

Overlap = int | Literal["auto"]


class Reach(NamedTuple):
    """How far a model sees, in pixels of its input.

    Attributes:
        pixels: a pixel of its output depends on none of the input that is further away, along either axis.
        multiple: tiles beginning at multiples of it are halved as the whole image is.
        whole: what depends on the whole image however far away, such as `InstanceNorm2d`; empty if nothing.
    """

    pixels: int
    multiple: int = 1
    whole: tuple[str, ...] = ()


class Tile(NamedTuple):
    """A tile: its number in each direction and its upper left corner, in an image of `height` x `width`."""

    row: int
    column: int
    top: int
    left: int
    height: int
    width: int

    def enlarged(self, scale: int) -> Tile:
        """Return where the tile lies in an image that is `scale` times as high and wide."""
        top, left, height, width = (scale * pixels for pixels in self[2:])
        return Tile(self.row, self.column, top, left, height, width)


class Tiling(NamedTuple):
    """How images are cut.

    Attributes:
        size: side of a tile in pixels, a multiple of `multiple`.
        overlap: pixels that neighbours have in common, at least.
        ramp: pixels in the middle of the overlap over which one tile fades into the next; with 0 it is cut.
        multiple: all tiles begin at multiples of it.
        exact: whether the tiles together are what the whole image would be.
    """

    size: int
    overlap: int
    ramp: int
    multiple: int = 1
    exact: bool = False

    def enlarged(self, scale: int) -> Tiling:
        """Return how an image that is `scale` times as high and wide is cut into just such tiles.

        So what a model made of the tiles is put together where it enlarges them.
        """
        size, overlap, ramp, multiple = (scale * pixels for pixels in self[:4])
        return Tiling(size, overlap, ramp, multiple, self.exact)

    def starts(self, side: int) -> list[int]:
        """Return where tiles begin along a side of so many pixels.

        The last tile ends at the image's border, or at the next multiple beyond it.
        """
        last = self._padded(side) - self.size
        if last <= 0:
            return [0]
        step = max((self.size - self.overlap) // self.multiple, 1) * self.multiple
        return [*range(0, last, step), last]

    def tiles(self, height: int, width: int) -> list[Tile]:
        """Return the tiles of an image, row by row."""
        return [
            Tile(row, column, top, left, height, width)
            for row, top in enumerate(self.starts(height))
            for column, left in enumerate(self.starts(width))
        ]

    def cut(self, image: Tensor, tile: Tile) -> Tensor:
        """Cut a tile from (C, H, W); past the border it goes on as its mirror image, as networks pad images.

        The tile is `size` pixels high and wide, or as high or wide as the image, up to a multiple.
        """
        height, width = (min(self.size, self._padded(side)) for side in (tile.height, tile.width))
        part = image[:, tile.top : tile.top + height, tile.left : tile.left + width]
        missing = height - part.shape[1], width - part.shape[2]
        if not any(missing):
            return part
        rows, columns = _mirrored(part.shape[1], height), _mirrored(part.shape[2], width)
        return part[:, rows][:, :, columns]

    def weights(self, tile: Tile) -> Tensor:
        """Return by how much the pixels of a tile count, (h, w) in [0, 1], without those past the border.

        The weights of all tiles that have a pixel of the image add up to 1.
        """
        vertical = self._weights(tile.row, tile.height)
        return vertical[:, None] * self._weights(tile.column, tile.width)

    def _weights(self, number: int, side: int) -> Tensor:
        starts = self.starts(side)
        start = starts[number]
        pixels = torch.arange(start, min(start + self.size, side)) + 0.5
        # This tile has begun and the next has not: over all tiles these differences add up to 1, even where
        # three of them overlap.
        begun = self._begun(pixels, starts[number - 1], start) if number else torch.ones(len(pixels))
        last = number + 1 == len(starts)
        return begun if last else begun - self._begun(pixels, start, starts[number + 1])

    def _begun(self, pixels: Tensor, start: int, following: int) -> Tensor:
        """Return how far, from 0 to 1, the second of two neighbouring tiles has replaced the first."""
        middle = (start + self.size + following) / 2
        if not self.ramp:
            return (pixels > middle).float()
        return ((pixels - middle) / self.ramp + 0.5).clamp(0, 1)

    def _padded(self, side: int) -> int:
        return side + -side % self.multiple


def _mirrored(side: int, longer: int) -> Tensor:
    """Return which pixels of a side stand in a longer one that goes on as its mirror image."""
    last = side - 1
    return (last - (torch.arange(longer) - last).abs()).clamp(min=0)


def choose_tiling(size: int, overlap: Overlap, reach: Reach | None) -> Tiling:
    """Choose how to cut, and warn where the tiles together differ from the whole image.

    Args:
        size: side of the tiles in pixels.
        overlap: in pixels; `auto` takes what makes the tiles exact if that is at most half of a tile, and
            half of a tile else.
        reach: how far the model sees; None if that is not known.

    Raises:
        ValueError: the size is no multiple of what the model needs, or the overlap is not below it.
    """
    reach = reach or Reach(size, 1, ("an unknown model",))
    if size % reach.multiple:
        raise ValueError(f"data.tile: {size} must be a multiple of {reach.multiple} for this model.")
    needed = 2 * reach.pixels + -2 * reach.pixels % reach.multiple
    half = size // 2 // reach.multiple * reach.multiple
    shared = min(needed, half) if overlap == "auto" else overlap
    if not 0 <= shared < size:
        raise ValueError(f"data.overlap: {shared} must be at least 0 and below data.tile, {size}.")
    exact = not reach.whole and shared >= needed
    if reach.whole:
        warnings.warn(
            f"Tiles differ from the whole image, as {' and '.join(reach.whole)} depends on all of it: they "
            f"fade into each other over {shared} pixels. A larger data.tile brings them closer.",
            stacklevel=2,
        )
    elif not exact:
        warnings.warn(
            f"Tiles differ from the whole image, as the model sees {reach.pixels} pixels around each: with "
            f"data.overlap {needed} and a data.tile above that they would be the same.",
            stacklevel=2,
        )
    return Tiling(size, shared, 0 if exact else shared, reach.multiple, exact)
