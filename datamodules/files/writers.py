"""Pictures to image files like those that they were made of: format, type and range of values."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from datamodules.files.formats import jpeg2000, pictures, portable, tiff
from datamodules.files.formats.common import Array, Bounds
from datamodules.files.readers import FORMATS, format_of, module_of, read_bounds, read_stored
from datamodules.files.slice_names import slice_of
from datamodules.files.value_range import BY_TYPE, ValueRange

_WITHOUT_ALPHA = ("JPEG", "BMP", "PNM")
_PICTURES = ("JPEG", "PNG", "WebP", "BMP", "AVIF", "JPEG2000", "PNM")  # not GIF: it has 256 colours
_DEEP = ("PNG", "JPEG2000", "PNM")  # of which these hold 16 bit too
_LONGEST = {"JPEG": 65500, "WebP": 16383, "AVIF": 32768}  # side in pixels that is written and read
_CHANNELS = {".ppm": (3,), ".pgm": (1,), ".pbm": ()}  # what these suffixes promise; .pbm holds bits only


class Origin(NamedTuple):
    """The file that a picture was made of, and which of its values were read as -1 and 1."""

    path: Path
    value_range: ValueRange = BY_TYPE


class Target(NamedTuple):
    """How pictures are to be written: type, the values of -1 and 1, and the file that they are to be like.

    Attributes:
        dtype: of the values.
        bounds: the values of -1 and 1.
        channels: of the file that they are to be like, without alpha.
        source: that file.
        grey: whether colours become grey.
    """

    dtype: np.dtype[Any] = np.dtype(np.uint8)
    bounds: Bounds = (0, 255)
    channels: int | None = None
    source: Path | None = None
    grey: bool = False


EIGHT_BIT = Target()


class Encoding(NamedTuple):
    """How pixels become an image file.

    Attributes:
        write: puts the content into an open file.
        name: that which was asked for, but for the suffix at times.
    """

    write: Callable[[BinaryIO], None]
    name: str


def target_of(origin: Origin | None) -> Target:
    """Return how pictures made of a file are written: 8 bit without one.

    Raises:
        ImageError: the file cannot be read any more.
    """
    if origin is None:
        return EIGHT_BIT
    stored = read_stored(origin.path)
    bounds = read_bounds(origin.path, origin.value_range, stored)
    return Target(stored.dtype.newbyteorder("="), bounds, stored.channels, origin.path)


def encoding_of(pixels: Array, name: str, target: Target = EIGHT_BIT) -> Encoding:
    """Return how pixels (H, W, C) of the target's type are written in the format of a name.

    What that format cannot hold (numbers of channels, long sides) becomes .png, or .tiff with as many
    channels as needed.

    Args:
        pixels: values as they are to be stored.
        name: of the file, with folders perhaps; without a known suffix it gets .png.
        target: tells the file that this one is to be like.
    """
    kind, given = format_of(Path(name)), pixels.shape[2]
    source = target.source if target.source and format_of(target.source) == kind else None
    if kind == "TIFF":
        return Encoding(partial(tiff.encode, pixels, source), name)
    if source and (kind == "NumPy" or (kind in ("DICOM", "NIfTI") and given == target.channels)):
        return Encoding(partial(module_of(kind).encode, pixels, source), name)
    if given not in (1, 3, 4) or pixels.dtype not in (np.uint8, np.uint16):
        return Encoding(partial(tiff.encode, pixels, None), renamed(name, ".tiff"))
    if not _holds(name, kind, pixels):
        kind, name = "PNG", renamed(name, ".png")
    if kind in ("PNM", "JPEG2000"):
        module = portable if kind == "PNM" else jpeg2000
        return Encoding(partial(module.encode, pixels, source), name)
    return Encoding(partial(pictures.encode, pixels, str(kind)), name)


def _holds(name: str, kind: str | None, pixels: Array) -> bool:
    """Whether a format, under the suffix of a name, can hold grey, RGB or RGBA pixels of 8 or 16 bit."""
    height, width, channels = pixels.shape
    if kind not in _PICTURES or (channels == 4 and kind in _WITHOUT_ALPHA):
        return False
    if max(height, width) > _LONGEST.get(kind, max(height, width)):
        return False
    promised = _CHANNELS.get(Path(name).suffix.lower(), (channels,))
    return channels in promised and (pixels.dtype == np.uint8 or kind in _DEEP)


def renamed(name: str, suffix: str) -> str:
    """Give a name another suffix, or with an empty one none; `.nii.gz` counts as one.

    Slices of a volume have no suffix of their own: theirs is that of the volume, which goes too.
    """
    if slice_of(name):
        volume, slash, last = name.removesuffix(".slice").rpartition("/")
        return _cut_off(volume) + slash + last + suffix
    cut = _cut_off(name)
    return cut + suffix if cut != name else Path(name).with_suffix(suffix).as_posix()


def _cut_off(name: str) -> str:
    """Return a name without a suffix that is read."""
    known = next((end for end in sorted(FORMATS, key=len, reverse=True) if name.lower().endswith(end)), None)
    return name[: -len(known)] if known else name
