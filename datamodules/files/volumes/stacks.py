"""Volumes in TIFF files: pages of one size, first to last."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np

from datamodules.files.formats import tiff
from datamodules.files.formats.common import Array
from datamodules.files.volumes.volume import Volume, Write


def open_stack(path: Path) -> StackVolume | None:
    """Read the header; None for a single picture.

    Raises:
        ImageError: the values are of no known kind, or there are more axes than those of a stack.
    """
    found = tiff.describe_stack(path)
    if found is None:
        return None
    count, stored = found
    return StackVolume(
        path=path,
        shape=(stored.width, stored.height, count),
        channels=stored.channels,
        dtype=stored.dtype.newbyteorder("="),
        whole=stored.whole,
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class StackVolume(Volume):
    """A TIFF of several pages: i grows to the right in them, j downwards, k from page to page."""

    def read(self) -> Array:
        """Return all values."""
        width, height, count = self.shape
        pages = tiff.decode_stack(self.path).reshape(count, height, width, self.channels)
        voxels = pages.transpose(2, 1, 0, 3)
        return voxels if self.channels > 1 else voxels[..., 0]

    def files(self) -> tuple[Path, ...]:
        """Return the file."""
        return (self.path,)

    def writers(self, values: Array) -> dict[Path, Write]:
        """Return what writes values as a TIFF of as many pages, with the description of this one."""
        return {self.path: partial(self._write, values)}

    def _write(self, values: Array, file: BinaryIO) -> None:
        pages = (
            values.astype(self.dtype, copy=False).reshape(*self.shape, self.channels).transpose(2, 1, 0, 3)
        )
        tiff.encode_stack(np.ascontiguousarray(pages), self.path, file)
