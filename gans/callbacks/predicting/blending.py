"""Tiles become a picture again: blended strip by strip, with a measure of the seams."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from datamodules.files.formats.common import ROWS, Array
from datamodules.prediction.tiles import Tile, Tiling


class Seams(NamedTuple):
    """How visible the seams of a picture are, in grey levels of 0..255.

    A step is the difference between neighbouring pixels, averaged over a whole line (of all rows or of all
    columns); of these lines the one with the largest step counts.

    Attributes:
        overlaps: largest step between lines where one tile goes over into the next.
        inside: largest step between all other lines.
    """

    overlaps: float
    inside: float


class Blend:
    """A picture of which the tiles arrive row by row.

    It holds one strip in float32, as high as a tile and as wide as the picture (two while it moves), and of
    the picture the pixels that are saved.

    Args:
        tiling: how the picture is cut: as the image was, times the scale of the model.
        height: of the picture in pixels.
        width: likewise.
        to_pixels: turns finished rows (C, h, W) into those that are saved, (h, W, C).
    """

    def __init__(self, tiling: Tiling, height: int, width: int, to_pixels: Callable[[Tensor], Array]) -> None:
        self.tiling, self.height, self.width = tiling, height, width
        self._to_pixels = to_pixels
        self._top = 0
        self._strip = torch.empty(0)
        self._pixels: Array = np.empty(0)
        self._last_row: Tensor | None = None
        self._row_steps: list[Tensor] = []
        self._column_steps = torch.zeros(width - 1, dtype=torch.float64)

    def add(self, image: Tensor, tile: Tile) -> None:
        """Add a tile of the picture, (C, h, w) in [-1, 1]; none above it may follow."""
        if not len(self._strip):
            self._strip = torch.zeros(len(image), min(self.tiling.size, self.height), self.width)
        if tile.top > self._top:
            self._settle(tile.top - self._top)
        weights = self.tiling.weights(tile)
        height, width = weights.shape
        part = image[:, :height, :width].detach().float().cpu()
        self._strip[:, :height, tile.left : tile.left + width] += part * weights

    def finish(self) -> tuple[Array, Seams]:
        """Return the pixels (H, W, C) of the whole picture and how visible its seams are."""
        self._settle(self.height - self._top)
        steps_down, steps_right = torch.cat(self._row_steps), self._column_steps / self.height
        at_rows, at_columns = self._goes_over(self.height), self._goes_over(self.width)
        overlaps = torch.cat([steps_down[at_rows], steps_right[at_columns]])
        inside = torch.cat([steps_down[~at_rows], steps_right[~at_columns]])
        largest = [float(steps.max()) * 127.5 if len(steps) else 0.0 for steps in (overlaps, inside)]
        return self._pixels, Seams(*largest)

    def _settle(self, rows: int) -> None:
        """Turn the uppermost rows of the strip into pixels, and move what is below them up."""
        for top in range(0, rows, ROWS):
            done = self._strip[:, top : min(top + ROWS, rows)]
            pixels = self._to_pixels(done)
            if not len(self._pixels):
                self._pixels = np.empty((self.height, *pixels.shape[1:]), pixels.dtype)
            self._pixels[self._top : self._top + len(pixels)] = pixels
            self._top += len(pixels)
            self._measure(done)
            self._last_row = done[:, -1:].clone()
        below = self._strip[:, rows:].clone()
        self._strip[:, : below.shape[1]] = below
        self._strip[:, below.shape[1] :] = 0

    def _measure(self, rows: Tensor) -> None:
        """Add up the steps between neighbouring pixels along both axes."""
        self._column_steps += rows.diff(dim=2).abs().mean(0).sum(0)
        if self._last_row is not None:
            self._row_steps.append((rows[:, :1] - self._last_row).abs().mean((0, 2)).double())
        self._row_steps.append(rows.diff(dim=1).abs().mean((0, 2)).double())

    def _goes_over(self, side: int) -> Tensor:
        """Return, for each of the side - 1 pairs of neighbouring lines, whether two tiles meet there."""
        starts = self.tiling.starts(side)
        meets = torch.zeros(side - 1, dtype=torch.bool)
        for start, following in pairwise(starts):
            twice_middle = start + self.tiling.size + following
            first = max((twice_middle - self.tiling.ramp) // 2 - 1, 0)
            meets[first : (twice_middle + self.tiling.ramp) // 2 + 1] = True
        return meets
