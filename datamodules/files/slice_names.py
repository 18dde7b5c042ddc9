"""What slices of volumes are called: `brain.nii.gz/axial-042.slice`, as if these were folders of them."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

SliceAxis = Literal["axial", "coronal", "sagittal", "i", "j", "k"]

_SLICE = re.compile(r"(axial|coronal|sagittal|i|j|k)-(\d+)(?:\+(\d+))?\.slice")


class SliceName(NamedTuple):
    """Which slice of a volume.

    Attributes:
        axis: along which the volume is cut.
        number: of the slice, from 0.
        neighbours: slices on either side that are channels too.
    """

    axis: str
    number: int
    neighbours: int = 0

    def of(self, volume: Path) -> Path:
        """Return the path of this slice of a volume; no file is there."""
        beside = f"+{self.neighbours}" if self.neighbours else ""
        return volume / f"{self.axis}-{self.number:03}{beside}.slice"


def slice_of(path: str | Path) -> SliceName | None:
    """Return which slice a path names; None for the path of a file."""
    match = _SLICE.fullmatch(os.path.basename(path))  # a Path of it would cost more than all else
    return SliceName(match[1], int(match[2]), int(match[3] or 0)) if match else None


def volume_of(path: Path) -> Path | None:
    """Return the volume that a path names a slice of; None for the path of a file."""
    return path.parent if slice_of(path) else None


def shared_out(paths: Sequence[Path], rank: int, world: int) -> list[Path]:
    """Return the images of one of several processes: each in turn, but all slices of a volume."""
    wholes = dict.fromkeys(volume_of(path) or path for path in paths)
    mine = set(list(wholes)[rank::world])
    return [path for path in paths if (volume_of(path) or path) in mine]


def whole_name(name: str) -> str:
    """Return what is written as one: the name of the volume for that of a slice, else the name itself."""
    return Path(name).parent.as_posix() if slice_of(name) else name
