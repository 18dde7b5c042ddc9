"""JPEG, PNG, WebP and BMP: 8 bit by Pillow, and PNG of 16 bit."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from datamodules.formats.common import ORIENTATION, ROWS, Array, Decoded, Stored

_MODES = {"1": "L", "L": "L", "LA": "LA", "La": "LA", "RGBA": "RGBA", "RGBa": "RGBA", "PA": "RGBA"}
_QUALITY = 95  # of JPEG and WebP, 0..100
_PNG_COLOURS = {1: 0, 2: 4, 3: 2, 4: 6}  # channels -> the colour type of a PNG
_DEEP = Stored(0, 0, 0, np.dtype(np.uint16), (0, 65535))


def _is_deep(path: Path) -> bool:
    """Whether a PNG has 16 bit: byte 24 of its header."""
    with path.open("rb") as file:
        start = file.read(25)
    return start[:4] == b"\x89PNG" and start[24] == 16


def describe(path: Path) -> Stored:
    """Read the header."""
    with Image.open(path) as image:  # reads the header only, and refuses decompression bombs
        channels = 1 if _MODES.get(image.mode) in ("L", "LA") or image.mode.startswith("I") else 3
        common = _DEEP if _is_deep(path) else Stored(0, 0, 0)
        return common._replace(
            height=image.height,
            width=image.width,
            channels=channels,
            orientation=image.getexif().get(ORIENTATION, 1),
        )


def decode(path: Path) -> Decoded:
    """Decode the first picture; palettes and CMYK become RGB."""
    if _is_deep(path):
        return _decode_deep(path)
    with Image.open(path) as image:
        return unpack(image)


def unpack(image: Image.Image) -> Decoded:
    """Return the pixels of a Pillow image of 8 bit; palettes and CMYK become RGB."""
    orientation = image.getexif().get(ORIENTATION, 1)
    mode = "RGBA" if "transparency" in image.info else _MODES.get(image.mode, "RGB")
    pixels = np.empty((image.height, image.width, len(mode)), np.uint8)
    for top in range(0, image.height, ROWS):  # what Pillow copies is as large as the strip
        strip = pixels[top : top + ROWS]
        rows = image.crop((0, top, image.width, top + len(strip)))
        strip[:] = np.asarray(rows.convert(mode)).reshape(strip.shape)
    return Decoded(pixels, (0, 255), mode in ("LA", "RGBA"), orientation)


def _decode_deep(path: Path) -> Decoded:
    """Decode with torchvision: Pillow would cut 16-bit colour down to 8 bit without a word."""
    from torchvision.io import ImageReadMode, decode_image, read_file

    with Image.open(path) as image:  # first, because it refuses decompression bombs
        orientation = image.getexif().get(ORIENTATION, 1)
    pixels = decode_image(read_file(str(path)), mode=ImageReadMode.UNCHANGED).permute(1, 2, 0).numpy()
    return Decoded(pixels, _DEEP.whole, pixels.shape[2] in (2, 4), orientation)


def encode(values: Array, kind: str, file: BinaryIO) -> None:
    """Write (H, W, C) of uint8, or uint16 as PNG, into an open file.

    Args:
        values: grey, RGB or RGBA.
        kind: JPEG, PNG, WebP or BMP.
        file: to write to.
    """
    if values.dtype == np.uint16:
        _write_deep_png(values, file)
    else:
        picture = Image.fromarray(values[:, :, 0] if values.shape[2] == 1 else values)
        picture.save(file, kind, quality=_QUALITY)


def _write_deep_png(values: Array, file: BinaryIO) -> None:
    """Write 16 bit, which Pillow does for grey only, by https://www.w3.org/TR/png-3/."""
    height, width, channels = values.shape
    file.write(b"\x89PNG\r\n\x1a\n")
    _write_chunk(file, b"IHDR", struct.pack(">IIBBBBB", width, height, 16, _PNG_COLOURS[channels], 0, 0, 0))
    compressor = zlib.compressobj()
    above = np.zeros((1, 2 * width * channels), np.uint8)
    for top in range(0, height, ROWS):
        rows = values[top : top + ROWS].astype(">u2").view(np.uint8).reshape(-1, above.shape[1])
        # filter 2: each byte less the one above it, modulo 256, compresses better than the byte itself
        filtered = np.insert(rows - np.vstack([above, rows[:-1]]), 0, 2, axis=1)
        above = rows[-1:]
        _write_chunk(file, b"IDAT", compressor.compress(filtered.tobytes()))
    _write_chunk(file, b"IDAT", compressor.flush())
    _write_chunk(file, b"IEND", b"")


def _write_chunk(file: BinaryIO, name: bytes, data: bytes) -> None:
    file.write(struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)))
