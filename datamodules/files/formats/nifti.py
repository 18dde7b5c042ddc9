"""NIfTI slices: the first axis goes to the right, the second one down; values after slope and intercept."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from datamodules.files.formats.common import Array, Decoded, ImageError, Stored, check_size, whole_range
from datamodules.files.formats.packages import needed


def _open(path: Path) -> Any:
    """Read the header.

    Raises:
        ImageError: there is more than one slice, or the values are no numbers.
    """
    nibabel = needed("nibabel", path)
    image = nibabel.load(path)
    if not isinstance(image, nibabel.Nifti1Pair):
        raise ImageError(f"{path}: {type(image).__name__} in a NIfTI file is not read; slices are.")
    if len(image.shape) < 2 or np.prod(image.shape[2:]) != 1:
        raise ImageError(
            f"{path}: a NIfTI volume of {'x'.join(map(str, image.shape))}; slices (one in the third axis) "
            "are read. Cut it into one file per slice."
        )
    if image.get_data_dtype().kind not in "iuf":
        raise ImageError(f"{path}: NIfTI of {image.get_data_dtype()} is not read; store numbers.")
    return image


def _scale(image: Any) -> tuple[float, float]:
    return float(image.dataobj.slope), float(image.dataobj.inter)


def _describe(image: Any) -> Stored:
    width, height = image.shape[:2]
    stored: np.dtype[Any] = image.get_data_dtype()
    whole = whole_range(stored)
    slope, inter = _scale(image)
    if (slope, inter) == (1, 0):
        return Stored(height, width, 1, stored, whole)
    if stored.kind == "u" and whole:
        low, high = sorted(value * slope + inter for value in whole)
        whole = low, high
    return Stored(height, width, 1, np.dtype(np.float64), whole)


def describe(path: Path) -> Stored:
    """Read the header."""
    return _describe(_open(path))


def decode(path: Path) -> Decoded:
    """Decode one slice."""
    image = _open(path)
    stored = _describe(image)
    check_size(path, stored.height, stored.width)
    slope, inter = _scale(image)
    values = np.array(image.dataobj.get_unscaled()).reshape(stored.width, stored.height).T
    if (slope, inter) != (1, 0):
        values = values * slope + inter
    return Decoded(values[:, :, None], stored.whole)


def encode(values: Array, source: Path, file: BinaryIO) -> None:
    """Write (H, W, 1) with header, type and affine of the source, compressed where it was."""
    like = _open(source)
    slope, inter = _scale(like)
    stored: np.dtype[Any] = like.get_data_dtype()
    pixels = values[:, :, 0].T
    if (slope, inter) != (1, 0):
        pixels = (pixels - inter) / slope
    if stored.kind in "iu":
        limits = np.iinfo(stored)
        pixels = np.rint(pixels).clip(limits.min, limits.max)
    pixels = pixels.reshape(*pixels.shape, *like.shape[2:]).astype(stored)
    made = type(like)(pixels, _fitted_affine(like, *pixels.shape[:2]), like.header)
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
