"""JPEG 2000: 8 bit by Pillow, and deeper ones, which it cuts to 8 bit in colour."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

import imagecodecs
import numpy as np

from datamodules.files.formats import pictures
from datamodules.files.formats.common import Array, Decoded, Stored, check_size

_CODESTREAM = b"\xff\x4f\xff\x51"  # its first two markers; the second one tells size and depth
_BITS_AT = 42  # bytes from there to the depth of the first channel, less 1, with the sign as highest bit


def describe(path: Path) -> Stored:
    """Read the header."""
    return _describe(path, path.read_bytes())


def decode(path: Path) -> Decoded:
    """Decode; as in Pillow, the second or fourth channel is alpha."""
    content = path.read_bytes()
    stored = _describe(path, content)
    check_size(path, stored.height, stored.width, stored.channels + 1)
    if stored.dtype == np.uint8:
        return pictures.decode(path)
    pixels: Array = np.atleast_3d(imagecodecs.jpeg2k_decode(content))
    return Decoded(pixels, stored.whole, pixels.shape[2] in (2, 4))


def encode(values: Array, source: Path | None, file: BinaryIO) -> None:
    """Write (H, W, C) of integers without loss into an open file, with the depth of the source."""
    like = describe(source) if source else None
    bits = like.whole[1] if like and like.whole and like.dtype == values.dtype else np.iinfo(values.dtype).max
    content = imagecodecs.jpeg2k_encode(
        values[:, :, 0] if values.shape[2] == 1 else values,
        level=0,
        codecformat="jp2",
        reversible=True,
        bitspersample=int(bits).bit_length(),
    )
    file.write(content)


def _describe(path: Path, content: bytes) -> Stored:
    stored = pictures.describe(path)
    start = content.find(_CODESTREAM)
    if start < 0:
        raise ValueError("no codestream of JPEG 2000")
    (noted,) = struct.unpack_from("B", content, start + _BITS_AT)
    signed, bits = noted >> 7, (noted & 127) + 1
    if bits <= 8:
        return stored
    channels = 1 if stored.channels == 1 else 3
    if signed:
        return stored._replace(channels=channels, dtype=np.dtype(np.int16), whole=None)
    return stored._replace(channels=channels, dtype=np.dtype(np.uint16), whole=(0, 2**bits - 1))
