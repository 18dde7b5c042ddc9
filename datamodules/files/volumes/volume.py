"""What all kinds of volume have in common, and the values of those that were read last."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO

import numpy as np

from datamodules.files.formats.common import Array, Bounds

Write = Callable[[BinaryIO], None]
"""Puts the content of a file into one that is open."""

HELD = 2
"""Volumes whose values are kept: a batch may have the last slices of one and the first of the next."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Volume(ABC):
    """Voxels with axes i, j and k.

    Attributes:
        path: of the file, or of the folder of the slices.
        shape: number of voxels along i, j and k.
        channels: values of each voxel: 1, or 3 of colours.
        dtype: of values in their units.
        whole: the values that stand for black and white by the type alone; None where it does not tell.
        affine: (4, 4), voxels to millimetres to the right, to the front and to the head; None if unknown.
        subject: whom it shows; empty if unknown.
        notes: what is odd about it, in a user's words.
    """

    path: Path
    shape: tuple[int, int, int]
    channels: int = 1
    dtype: np.dtype[Any]
    whole: Bounds | None
    affine: Array | None = None
    subject: str = ""
    notes: tuple[str, ...] = field(default=())

    @abstractmethod
    def read(self) -> Array:
        """Return all values as stored, (i, j, k) or (i, j, k, 3)."""

    @abstractmethod
    def files(self) -> tuple[Path, ...]:
        """Return the files that hold it."""

    @abstractmethod
    def writers(self, values: Array) -> dict[Path, Write]:
        """Return what writes values in their units, by each file of this volume that it makes the like of.

        Args:
            values: (i, j, k) or (i, j, k, 3).
        """

    def in_units(self, stored: Array) -> Array:
        """Return stored values of any shape in their units."""
        return stored

    def plane(self, axis: int, index: int) -> Array:
        """Return the values in their units at one index of an axis, (., .) or (., ., 3)."""
        stored = values_of(self)[(slice(None),) * axis + (index,)]
        return self.in_units(np.asarray(stored)).astype(self.dtype, copy=False)


_LOCK = Lock()  # two threads that want slices of one volume read it once


def values_of(volume: Volume) -> Array:
    """Return all values of a volume as stored, which are kept a while."""
    with _LOCK:
        return _kept(volume)


@lru_cache(maxsize=HELD)
def _kept(volume: Volume) -> Array:
    return volume.read()
