"""NIfTI slices: the first axis goes to the right, the second one down; values after slope and intercept."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from datamodules.files.formats.common import (
    Array,
    Bounds,
    Decoded,
    ImageError,
    Stored,
    check_size,
    whole_range,
)
from datamodules.files.formats.packages import needed


def opened(path: Path) -> Any:
    """Read the header.

    Raises:
        ImageError: the values are no numbers.
    """
    nibabel = needed("nibabel", path)
    image = nibabel.load(path)
    if not isinstance(image, nibabel.Nifti1Pair):
        raise ImageError(f"{path}: {type(image).__name__} in a NIfTI file is not read; slices are.")
    if image.get_data_dtype().kind not in "iuf":
        raise ImageError(f"{path}: NIfTI of {image.get_data_dtype()} is not read; store numbers.")
    return image


def _open(path: Path) -> Any:
    """Read the header of one slice.

    Raises:
        ImageError: there is more than one, or the values are no numbers.
    """
    image = opened(path)
    if len(image.shape) < 2 or np.prod(image.shape[2:]) != 1:
        raise ImageError(
            f"{path}: a NIfTI volume of {'x'.join(map(str, image.shape))}. Say how it is cut into slices, "
            "such as --data.slices axial; time series, which have a fourth axis, need one file per time."
        )
    return image


def scale_of(image: Any) -> tuple[float, float]:
    """Return slope and intercept."""
    return float(image.dataobj.slope), float(image.dataobj.inter)


def values_described(image: Any) -> tuple[np.dtype[Any], Bounds | None]:
    """Return the type of values after slope and intercept, and those that are black and white by it."""
    stored: np.dtype[Any] = image.get_data_dtype()
    whole = whole_range(stored)
    slope, inter = scale_of(image)
    if (slope, inter) == (1, 0):
        return stored, whole
    if stored.kind == "u" and whole:
        low, high = sorted(value * slope + inter for value in whole)
        whole = low, high
    return np.dtype(np.float64), whole


def in_units(stored: Array, image: Any) -> Array:
    """Return values after slope and intercept."""
    slope, inter = scale_of(image)
    return stored if (slope, inter) == (1, 0) else stored * slope + inter


def _describe(image: Any) -> Stored:
    width, height = image.shape[:2]
    return Stored(height, width, 1, *values_described(image))


def describe(path: Path) -> Stored:
    """Read the header."""
    return _describe(_open(path))


def decode(path: Path) -> Decoded:
    """Decode one slice."""
    image = _open(path)
    stored = _describe(image)
    check_size(path, stored.height, stored.width)
    values = np.array(image.dataobj.get_unscaled()).reshape(stored.width, stored.height).T
    return Decoded(in_units(values, image)[:, :, None], stored.whole)


def encode(values: Array, source: Path, file: BinaryIO) -> None:
    """Write (H, W, 1) with header, type and affine of the source, compressed where it was."""
    like = _open(source)
    pixels = values[:, :, 0].T
    affine = _fitted_affine(like, *pixels.shape)
    write(pixels.reshape(*pixels.shape, *like.shape[2:]), affine, like, source, file)


def write(values: Array, affine: Array, like: Any, source: Path, file: BinaryIO) -> None:
    """Write values in their units with header and type of an image, compressed where its file was.

    Args:
        values: with as many axes as the image has.
        affine: of the values.
        like: the image.
        source: its file.
        file: to write to.
    """
    slope, inter = scale_of(like)
    stored: np.dtype[Any] = like.get_data_dtype()
    if (slope, inter) != (1, 0):
        values = (values - inter) / slope
    if stored.kind in "iu":
        limits = np.iinfo(stored)
        values = np.rint(values).clip(limits.min, limits.max)
    made = type(like)(values.astype(stored), affine, like.header)
    made.header.set_slope_inter(slope, inter)
    content: bytes = made.to_bytes()
    file.write(gzip.compress(content, mtime=0) if source.name.lower().endswith(".gz") else content)


def _fitted_affine(like: Any, width: int, height: int) -> Array:
    """Return the affine, with the outer edges in place where the number of voxels has changed."""
    ratio = np.array([like.shape[0] / width, like.shape[1] / height, 1])
    affine: Array = like.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ ((ratio - 1) / 2)  # the centre of the first voxel moves with its size
    affine[:3, :3] *= ratio
    return affine
