"""Portable pixmaps (.ppm, .pgm, .pbm, .pnm): 8 bit by Pillow, which would cut deeper colours to 8 bit."""

from __future__ import annotations

import re
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from datamodules.files.formats import pictures
from datamodules.files.formats.common import Array, Decoded, Stored, check_size

_GAP = rb"(?:\s|#[^\n]*\n)+"
_DEEP_START = re.compile(rb"P([2356])" + 3 * (_GAP + rb"(\d{1,9})") + rb"\s")
_LONGEST_START = 1 << 16  # bytes: comments stand there


class _Deep(NamedTuple):
    """The header of an image whose greatest value is above 255."""

    plain: bool
    channels: int
    width: int
    height: int
    white: int
    offset: int


def describe(path: Path) -> Stored:
    """Read the header."""
    deep = _deep(path)
    if deep is None:
        return pictures.describe(path)
    return Stored(deep.height, deep.width, deep.channels, np.dtype(np.uint16), (0, deep.white))


def decode(path: Path) -> Decoded:
    """Decode the first picture."""
    deep = _deep(path)
    if deep is None:
        return pictures.decode(path)
    check_size(path, deep.height, deep.width, deep.channels)
    shape = deep.height, deep.width, deep.channels
    count = deep.height * deep.width * deep.channels
    with path.open("rb") as file:
        file.seek(deep.offset)
        if deep.plain:
            values = np.array(file.read().split()[:count], np.uint16)
        else:
            values = np.frombuffer(file.read(2 * count), ">u2").astype(np.uint16)
    return Decoded(values.reshape(shape), (0, deep.white))


def encode(values: Array, source: Path | None, file: BinaryIO) -> None:
    """Write (H, W, 1 or 3) of uint8 or uint16 into an open file; 16 bit with the source's greatest value."""
    deep = _deep(source) if source else None
    white = deep.white if deep and values.dtype == np.uint16 else np.iinfo(values.dtype).max
    height, width, channels = values.shape
    file.write(f"P{5 if channels == 1 else 6}\n{width} {height}\n{white}\n".encode())
    file.write(values.astype(values.dtype.newbyteorder(">")).tobytes())


def _deep(path: Path) -> _Deep | None:
    with path.open("rb") as file:
        match = _DEEP_START.match(file.read(_LONGEST_START))
    if match is None:
        return None
    kind, width, height, white = (int(number) for number in match.groups())
    if not 255 < white < 65536:
        return None
    return _Deep(kind in (2, 3), 1 if kind in (2, 5) else 3, width, height, white, match.end())
