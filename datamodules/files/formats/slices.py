"""Slices of volumes, read as if each were a file: upright, with their neighbours as further channels."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from datamodules.files.formats.common import Array, Decoded, ImageError, Stored, check_size
from datamodules.files.slice_names import SliceName, slice_of
from datamodules.files.value_range import ValueRange
from datamodules.files.volumes.opening import open_volume, window_of
from datamodules.files.volumes.planes import Cut, cut_along
from datamodules.files.volumes.volume import Volume


def opened(path: Path) -> tuple[Volume, SliceName, Cut]:
    """Return the volume of a slice, which slice it is, and how it is cut.

    Raises:
        ImageError: there is no such slice, or the volume cannot be used.
    """
    name = slice_of(path)
    assert name is not None
    volume = open_volume(path.parent)
    if volume is None:
        raise ImageError(f"{path.parent}: no volume, or no longer one.")
    try:
        cut = cut_along(name.axis, volume.affine)
    except ValueError as error:
        raise ImageError(f"{path.parent}: {error} (data.slices).") from error
    if name.number >= volume.shape[cut.axis]:
        raise ImageError(
            f"{path.parent}: has {volume.shape[cut.axis]} {name.axis} slices, not {name.number + 1}."
        )
    if name.neighbours and volume.channels > 1:
        raise ImageError(
            f"{path.parent}: a volume of colours; neighbouring slices are channels of grey ones alone "
            "(data.slice_neighbours)."
        )
    return volume, name, cut


def describe(path: Path) -> Stored:
    """Read the header of the volume."""
    volume, name, cut = opened(path)
    channels = volume.channels * (2 * name.neighbours + 1)
    return Stored(volume.shape[cut.down], volume.shape[cut.across], channels, volume.dtype, volume.whole)


def decode(path: Path) -> Decoded:
    """Read a slice; beyond the first and the last slice of the volume these stand for their neighbours."""
    volume, name, cut = opened(path)
    stored = describe(path)
    check_size(path, stored.height, stored.width, stored.channels)
    count = volume.shape[cut.axis]
    numbers = range(name.number - name.neighbours, name.number + name.neighbours + 1)
    planes = [_shown(volume, cut, min(max(number, 0), count - 1)) for number in numbers]
    return Decoded(np.concatenate(planes, axis=2), stored.whole)


def _shown(volume: Volume, cut: Cut, number: int) -> Array:
    plane = volume.plane(cut.axis, cut.place(number, volume.shape[cut.axis]))
    shown = cut.shown(plane)
    return shown.reshape(*shown.shape[:2], volume.channels)


def window(path: Path, value_range: ValueRange) -> ValueRange:
    """Return the values that become -1 and 1: percentiles are those of the volume, not of the slice."""
    return window_of(opened(path)[0], value_range)
