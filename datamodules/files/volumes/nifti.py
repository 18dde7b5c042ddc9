"""Volumes in NIfTI files: values after slope and intercept, as the affine lays them into the body."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from datamodules.files.formats import nifti
from datamodules.files.formats.common import Array
from datamodules.files.volumes.volume import Volume, Write


def open_nifti(path: Path) -> NiftiVolume | None:
    """Read the header; None for a single slice, and for a time series, which is no volume."""
    image = nifti.opened(path)
    shape = image.shape[:3]
    if len(shape) < 3 or shape[2] == 1 or np.prod(image.shape[3:]) != 1 or 0 in shape:
        return None
    dtype, whole = nifti.values_described(image)
    tells = image.header["qform_code"] > 0 or image.header["sform_code"] > 0
    affine = image.affine if tells else None
    return NiftiVolume(path=path, shape=shape, dtype=dtype.newbyteorder("="), whole=whole, affine=affine)


@dataclass(frozen=True, eq=False, kw_only=True)
class NiftiVolume(Volume):
    """A NIfTI file of three axes. Where it is not compressed, single slices are read from it."""

    def read(self) -> Array:
        """Return all values as stored."""
        stored: Array = nifti.opened(self.path).dataobj.get_unscaled()
        return stored.reshape(self.shape)

    def in_units(self, stored: Array) -> Array:
        """Return values after slope and intercept."""
        return nifti.in_units(stored, nifti.opened(self.path))

    def files(self) -> tuple[Path, ...]:
        """Return the file."""
        return (self.path,)

    def writers(self, values: Array) -> dict[Path, Write]:
        """Return what writes values as a file of the same header, type and affine."""
        return {self.path: partial(self._write, values)}

    def _write(self, values: Array, file: BinaryIO) -> None:
        like: Any = nifti.opened(self.path)
        nifti.write(values.reshape(like.shape), like.affine, like, self.path, file)
