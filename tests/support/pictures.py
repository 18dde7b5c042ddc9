"""Tiny image files for tests of data modules."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from torch import Tensor

Array = npt.NDArray[Any]


def random_pixels(height: int, width: int, channels: int = 3, seed: int = 0, dtype: Any = np.uint8) -> Array:
    """Return (height, width, channels) over the whole range of an integer type."""
    high = np.iinfo(dtype).max
    return np.random.default_rng(seed).integers(0, high, (height, width, channels), dtype, endpoint=True)


def channels_last(rows: Tensor) -> Array:
    """Return rows (C, h, W) as they are saved in float32: (h, W, C)."""
    return np.array(rows.permute(1, 2, 0))


def write_image(path: Path, pixels: Array, **options: Any) -> Path:
    """Write 8-bit pixels of one or three channels, making the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(path, **options)
    return path


def write_folder(
    folder: Path, count: int, size: tuple[int, int] = (20, 20), channels: int = 3, seed: int = 0
) -> dict[str, Array]:
    """Write different PNG images of (height, width) and return their pixels by name."""
    pixels = {f"{i:03d}.png": random_pixels(*size, channels, seed=1000 * seed + i) for i in range(count)}
    for name, image in pixels.items():
        write_image(folder / name, image)
    return pixels


# https://www.w3.org/TR/png-3/#8InterlaceMethods: first row and column of each pass, and its steps
_ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))


def write_deep_png(
    path: Path, pixels: Array, *, interlaced: bool = False, transparent: bytes | None = None
) -> Path:
    """Write 16-bit pixels (H, W, 1 to 4), which Pillow cannot do for colour.

    Args:
        path: of the file.
        pixels: grey, grey and alpha, RGB or RGBA.
        interlaced: store it in the seven passes of Adam7.
        transparent: the content of the chunk tRNS: the value that is transparent.
    """
    height, width, channels = pixels.shape
    passes = _ADAM7 if interlaced else ((0, 0, 1, 1),)
    parts = [pixels[top::down, left::right] for top, left, down, right in passes]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for part in parts if part.size for row in part)
    colours = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    header = struct.pack(">IIBBBBB", width, height, 16, colours, 0, 0, int(interlaced))
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    if transparent is not None:
        chunks.insert(1, (b"tRNS", transparent))
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    return path
