"""NumPy arrays in .npy files: (H, W), (H, W, C) or (C, H, W)."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy as np

from datamodules.files.formats.common import Array, Decoded, Stored, channels_first, check_size, whole_range


def _open(path: Path) -> Array:
    """Map a file into memory, which reads the header only; never unpickles."""
    array: Array = np.load(path, mmap_mode="r", allow_pickle=False)
    if array.ndim not in (2, 3) or array.dtype.kind not in "biuf" or 0 in array.shape:
        raise ValueError(
            f"an array of {array.dtype} with shape {array.shape} is no image: height x width of numbers, and "
            "channels first or last"
        )
    return array


def _channels_last(array: Array) -> Array:
    if array.ndim == 2:
        return array[:, :, None]
    return np.moveaxis(array, 0, -1) if channels_first(array.shape) else array


def describe(path: Path) -> Stored:
    """Read the header."""
    array = _channels_last(_open(path))
    height, width, channels = array.shape
    return Stored(height, width, channels, array.dtype, whole_range(array.dtype))


def decode(path: Path) -> Decoded:
    """Read the array."""
    array = _channels_last(_open(path))
    check_size(path, *array.shape)
    return Decoded(np.array(array), whole_range(array.dtype))


def encode(values: Array, source: Path, file: BinaryIO) -> None:
    """Write (H, W, C) with the axes of the source into an open file."""
    like = _open(source)
    if like.ndim == 2 and values.shape[2] == 1:
        values = values[:, :, 0]
    elif like.ndim == 3 and channels_first(like.shape):
        values = np.moveaxis(values, -1, 0)
    np.save(file, np.ascontiguousarray(values, like.dtype))
