"""Volumes put together again of slices that a model has made."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from datamodules.files.formats.common import Array, ImageError
from datamodules.files.formats.slices import opened
from datamodules.files.volumes.volume import Write

_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, as readers of files have it


class Assembly:
    """A volume of which the slices arrive one by one, in any order.

    It holds one value for each of the volume's, in their type (float32 for float64).

    Args:
        path: of one of the slices.
    """

    def __init__(self, path: Path) -> None:
        self.volume, _, cut = opened(path)
        kind = np.float32 if self.volume.dtype == np.float64 else self.volume.dtype
        self._values = np.zeros((*self.volume.shape, self.volume.channels), kind)
        self._missing = set(range(self.volume.shape[cut.axis]))

    def add(self, path: Path, pixels: Array) -> bool:
        """Put a slice into its place, and return whether it was the last one.

        Args:
            path: of the slice.
            pixels: (H, W, C) in the units of the volume. Of neighbouring slices that in the middle is taken,
                and of colours, where the volume has none, their grey.

        Raises:
            ImageError: it does not fit into the volume.
        """
        volume, name, cut = opened(path)
        channels, given = volume.channels, pixels.shape[2]
        if name.neighbours and given == channels * (2 * name.neighbours + 1):
            pixels = pixels[:, :, name.neighbours : name.neighbours + 1]
        elif channels == 1 and given == 3:
            pixels = (pixels @ _LUMA)[:, :, None]
            pixels = np.rint(pixels) if self._values.dtype.kind in "iu" else pixels
        size = volume.shape[cut.down], volume.shape[cut.across], channels
        if pixels.shape != size:
            raise ImageError(
                f"{path}: the model made {'x'.join(map(str, pixels.shape))} of a slice of "
                f"{'x'.join(map(str, size))} (height, width, channels). Volumes are written in their own "
                "shape: take a model that keeps it, and predict enlarged slices as images of their own."
            )
        index = cut.place(name.number, volume.shape[cut.axis])
        self._values[(slice(None),) * cut.axis + (index,)] = cut.stored(pixels)
        self._missing.discard(name.number)
        return not self._missing

    def writers(self) -> dict[Path, Write]:
        """Return what writes the volume, by each of the files that it makes the like of."""
        values = self._values
        return self.volume.writers(values if self.volume.channels > 1 else values[..., 0])
