"""Pictures of 8 bit by Pillow (JPEG, PNG, WebP, BMP, GIF, AVIF), and PNG of 16 bit."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import imagecodecs
import numpy as np
from PIL import Image

from datamodules.files.formats.common import ORIENTATION, ROWS, Array, Decoded, Stored, orientation_of

_MODES = {"1": "L", "L": "L", "LA": "LA", "La": "LA", "RGBA": "RGBA", "RGBa": "RGBA", "PA": "RGBA"}
_QUALITY = 95  # of JPEG, WebP and AVIF, 0..100
_PNG_COLOURS = {1: 0, 2: 4, 3: 2, 4: 6}  # channels -> the colour type of a PNG
_DEEP = Stored(0, 0, 0, np.dtype(np.uint16), (0, 65535))


def _deep_channels(start: bytes) -> int | None:
    """Return the channels without alpha of a PNG of 16 bit, by bytes 24 and 25; None of any other picture."""
    if len(start) < 26 or start[:4] != b"\x89PNG" or start[24] != 16:
        return None
    return 3 if start[25] & 2 else 1


def describe(path: Path) -> Stored:
    """Read the header."""
    with path.open("rb") as file:
        start = file.read(26)
    with Image.open(path) as image:  # reads the header only, and refuses decompression bombs
        deep = _deep_channels(start)
        common = Stored(0, 0, 0) if deep is None else _DEEP
        return common._replace(
            height=image.height,
            width=image.width,
            channels=deep
            or (1 if image.mode.startswith("I") or _MODES.get(image.mode) in ("L", "LA") else 3),
            orientation=orientation_of(image.getexif().get(ORIENTATION)),
            alpha=_is_transparent(image) if deep is None else bool(start[25] & 4),
        )


def _is_transparent(image: Image.Image) -> bool:
    return _MODES.get(image.mode) in ("LA", "RGBA") or "transparency" in image.info


def decode(path: Path) -> Decoded:
    """Decode the first picture; palettes and CMYK become RGB."""
    return decode_content(path.read_bytes())


def decode_content(content: bytes) -> Decoded:
    """Decode the content of a file likewise."""
    if _deep_channels(content[:26]):
        return _decode_deep(content)
    with Image.open(BytesIO(content)) as image:
        return unpack(image)


def unpack(image: Image.Image) -> Decoded:
    """Return the pixels of a Pillow image of 8 bit; palettes and CMYK become RGB."""
    image.load()  # before its orientation is asked for: Pillow turns TIFFs upright when it decodes them
    orientation = orientation_of(image.getexif().get(ORIENTATION))
    mode = _MODES.get(image.mode, "RGB")
    if "transparency" in image.info:
        mode = "LA" if mode in ("L", "LA") else "RGBA"
    pixels = np.empty((image.height, image.width, len(mode)), np.uint8)
    for top in range(0, image.height, ROWS):  # what Pillow copies is as large as the strip
        strip = pixels[top : top + ROWS]
        rows = image.crop((0, top, image.width, top + len(strip)))
        strip[:] = np.asarray(rows.convert(mode)).reshape(strip.shape)
    return Decoded(pixels, (0, 255), mode in ("LA", "RGBA"), orientation)


def _decode_deep(content: bytes) -> Decoded:
    """Decode with imagecodecs.

    Pillow would cut 16-bit colour down to 8 bit without a word, and torchvision's decoder ends the process
    over some damaged files.
    """
    with Image.open(BytesIO(content)) as image:  # first, because it refuses decompression bombs
        orientation = orientation_of(image.getexif().get(ORIENTATION))
    pixels: Array = imagecodecs.png_decode(content)
    pixels = np.atleast_3d(pixels)
    return Decoded(pixels, _DEEP.whole, pixels.shape[2] in (2, 4), orientation)


def encode(values: Array, kind: str, file: BinaryIO) -> None:
    """Write (H, W, C) of uint8, or uint16 as PNG, into an open file.

    Args:
        values: grey, RGB or RGBA.
        kind: JPEG, PNG, WebP, BMP or AVIF.
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
