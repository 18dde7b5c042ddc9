"""JPEG, PNG, WebP and BMP: 8 bit by Pillow, and PNG of 16 bit."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from datamodules.formats.common import ORIENTATION, Array, Decoded, Stored

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
    pixels = np.array(image.convert(mode))  # a copy: tensors made of it may be written to
    return Decoded(pixels.reshape(*pixels.shape[:2], -1), (0, 255), mode in ("LA", "RGBA"), orientation)


def _decode_deep(path: Path) -> Decoded:
    """Decode with torchvision: Pillow would cut 16-bit colour down to 8 bit without a word."""
    from torchvision.io import ImageReadMode, decode_image, read_file

    with Image.open(path) as image:  # first, because it refuses decompression bombs
        orientation = image.getexif().get(ORIENTATION, 1)
    pixels = decode_image(read_file(str(path)), mode=ImageReadMode.UNCHANGED).permute(1, 2, 0).numpy()
    return Decoded(pixels, _DEEP.whole, pixels.shape[2] in (2, 4), orientation)


def encode(values: Array, kind: str) -> bytes:
    """Encode (H, W, C) of uint8, or uint16 as PNG.

    Args:
        values: grey, RGB or RGBA.
        kind: JPEG, PNG, WebP or BMP.
    """
    if values.dtype == np.uint16:
        return _deep_png(values)
    buffer = io.BytesIO()
    Image.fromarray(values[:, :, 0] if values.shape[2] == 1 else values).save(buffer, kind, quality=_QUALITY)
    return buffer.getvalue()


def _deep_png(values: Array) -> bytes:
    """Encode 16 bit, which Pillow does for grey only, by https://www.w3.org/TR/png-3/."""
    height, width, channels = values.shape
    rows = values.astype(">u2").reshape(height, width * channels).view(np.uint8)
    above = np.vstack([np.zeros_like(rows[:1]), rows[:-1]])
    # filter 2: each byte less the one above it, modulo 256, compresses better than the byte itself
    filtered = np.hstack([np.full((height, 1), 2, np.uint8), rows - above])
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 16, _PNG_COLOURS[channels], 0, 0, 0)),
        (b"IDAT", zlib.compress(filtered.tobytes())),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
