"""Image files to arrays: 8 bit and deeper, any number of channels, always upright, never silently clipped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from datamodules.files.formats.common import Array, Bounds, Decoded, Stored, by_rows, check_size, too_large
from datamodules.files.formats.common import ImageError as ImageError
from datamodules.files.formats.pictures import decode_content as decode_picture
from datamodules.files.formats.pictures import unpack
from datamodules.files.slice_names import slice_of
from datamodules.files.value_range import BY_TYPE, ValueRange, to_unit

# suffix -> the format its content must have
FORMATS = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jfif": "JPEG",
    ".png": "PNG",
    ".webp": "WebP",
    ".bmp": "BMP",
    ".gif": "GIF",
    ".avif": "AVIF",
    ".jp2": "JPEG2000",
    ".ppm": "PNM",
    ".pgm": "PNM",
    ".pbm": "PNM",
    ".pnm": "PNM",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".npy": "NumPy",
    ".dcm": "DICOM",
    ".nii": "NIfTI",
    ".nii.gz": "NIfTI",
}
# format -> its module below datamodules.files.formats, imported when such a file is met
MODULES = {
    "JPEG": "pictures",
    "PNG": "pictures",
    "WebP": "pictures",
    "BMP": "pictures",
    "GIF": "pictures",
    "AVIF": "pictures",
    "JPEG2000": "jpeg2000",
    "PNM": "portable",
    "TIFF": "tiff",
    "NumPy": "arrays",
    "DICOM": "dicom",
    "NIfTI": "nifti",
}
PICTURES = "pictures"
"""The module of the formats that are read out of bytes, too."""
_MAGIC = (  # where in a file, which bytes, what it is then
    (128, b"DICM", "DICOM"),  # first: what is before it is free, and may begin like any other format
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"\x89PNG\r\n\x1a\n", "PNG"),
    (0, b"BM", "BMP"),
    (0, b"II*\x00", "TIFF"),
    (0, b"MM\x00*", "TIFF"),
    (0, b"II+\x00", "TIFF"),
    (0, b"MM\x00+", "TIFF"),
    (0, b"GIF8", "GIF"),
    (8, b"WEBP", "WebP"),
    (0, b"\x93NUMPY", "NumPy"),
    (4, b"ftypavi", "AVIF"),
    (4, b"ftypmif1", "AVIF"),
    (0, b"\x00\x00\x00\x0cjP  \r\n\x87\n", "JPEG2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG2000"),
    *((0, b"P%d" % kind, "PNM") for kind in range(1, 7)),
    (344, b"n+1\x00", "NIfTI"),
    (4, b"n+2\x00", "NIfTI"),
    (0, b"\x1f\x8b", "NIfTI"),  # compressed by gzip
)
_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, as Pillow's and the papers' grey pictures


class Header(NamedTuple):
    """What is known of an image without decoding it: size in pixels when upright, channels without alpha."""

    height: int
    width: int
    channels: int


def format_of(path: Path) -> str | None:
    """Return the format that a file's suffix says, one of those of `FORMATS`."""
    name = path.name.lower()
    return FORMATS.get(".nii.gz" if name.endswith(".nii.gz") else path.suffix.lower())


def module_of(kind: str) -> Any:
    """Import the module of a format, which has `describe`, `decode` and `encode`."""
    return import_module(f"datamodules.files.formats.{MODULES[kind]}")


def read_image(
    path: str | Path,
    channels: int | None = None,
    value_range: ValueRange = BY_TYPE,
    keep_alpha: bool = False,
) -> Array:
    """Read an image, upright, with the wanted number of channels.

    Grey and colour are converted into each other; a transparent image is laid on white unless its alpha
    channel is asked for (`channels` 2 or 4); palettes and CMYK become RGB. Of an animation the first picture
    is read.

    Args:
        path: file with one of the suffixes of `FORMATS`.
        channels: wanted number of channels; None keeps what the file has, without alpha.
        value_range: the values that become -1 and 1; those beyond are clipped.
        keep_alpha: whether transparency, of a file that has it, follows behind the wanted channels.

    Returns:
        (height, width, channels): uint8 for 8-bit images of which no other range is given; else float32 in
        [-1, 1].

    Raises:
        ImageError: the file is damaged, is not what its suffix says, is too large, has values without a known
            range, or has channels that cannot be converted; or its format needs a package that is missing.
    """
    path = Path(path)
    with _errors_naming(path):
        decoded: Decoded = _module(path).decode(path)
    return _in_range(decoded, path, channels, value_range, keep_alpha)


def read_content(
    content: bytes, name: Path, channels: int | None = None, value_range: ValueRange = BY_TYPE
) -> Array:
    """Read an image of a format of `PICTURES` out of the content of its file, as `read_image` does.

    Args:
        content: of the file.
        name: of the file, for its suffix and for messages.
        channels: see `read_image`.
        value_range: see `read_image`.

    Raises:
        ImageError: as `read_image`, or the format is another.
    """
    if MODULES.get(_checked_format(name, content[:352])) != PICTURES:
        raise ImageError(f"{name}: no image of this format is read out of a stream, where it is a PNG.")
    with _errors_naming(name):
        decoded = decode_picture(content)
    return _in_range(decoded, name, channels, value_range)


def _in_range(
    decoded: Decoded, path: Path, channels: int | None, value_range: ValueRange, keep_alpha: bool = False
) -> Array:
    """Return what was decoded upright, with its channels and values, as `read_image` says."""
    bounds = _bounds(decoded, value_range, path)
    upright = _turn_upright(decoded.pixels, decoded.orientation)
    if keep_alpha and decoded.alpha and channels is not None:
        pixels = _with_alpha(upright, channels, path)
    else:
        pixels = _match_channels(upright, decoded.alpha, channels, path)
    if pixels.dtype == np.bool_ and value_range.by_type:
        pixels, bounds = pixels.astype(np.uint8) * 255, (0, 255)
    if pixels.dtype != np.uint8 or bounds != (0, 255):  # 8 bit is scaled on the device
        pixels = to_unit(pixels, bounds)
    return np.ascontiguousarray(pixels)


def pixels_of(image: Image.Image, channels: int) -> Array:
    """Return the pixels of a Pillow image of 8 bit, as `read_image` would read them from its file.

    Returns:
        (height, width, channels) of uint8.

    Raises:
        ImageError: the image has more than 8 bit, or channels that cannot be converted.
    """
    name = getattr(image, "filename", "") or "The image"
    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        raise ImageError(
            f"{name}: of Pillow's images those of 8 bit are taken, and the mode of this one is {image.mode}. "
            "Read it by datamodules.files.readers.read_image, and give a tensor in [-1, 1]."
        )
    decoded = unpack(image)
    upright = _turn_upright(decoded.pixels, decoded.orientation)
    return np.ascontiguousarray(_match_channels(upright, decoded.alpha, channels, name))


def read_header(path: str | Path) -> Header:
    """Read size and channels of an image without decoding it.

    Raises:
        ImageError: as `read_image`, as far as the header shows it.
    """
    stored = read_stored(path)
    height, width, channels = stored[:3]
    return Header(width, height, channels) if stored.orientation >= 5 else Header(height, width, channels)


def read_stored(path: str | Path) -> Stored:
    """Read how an image lies in its file, without decoding it.

    Raises:
        ImageError: as `read_image`, as far as the header shows it.
    """
    path = Path(path)
    with _errors_naming(path):
        stored: Stored = _module(path).describe(path)
        check_size(path, stored.height, stored.width, stored.channels)
    return stored


def read_bounds(path: Path, value_range: ValueRange, stored: Stored) -> Bounds:
    """Return the values of a file that `read_image` maps to -1 and 1; decodes it for percentiles only.

    Args:
        path: of the image.
        value_range: with which it was read.
        stored: what `read_stored` tells of it.

    Raises:
        ImageError: as `read_image`.
    """
    if value_range.percentiles is None:
        bounds = value_range.bounds(stored.whole, lambda: np.empty(0))
        if bounds is not None:
            return bounds
    with _errors_naming(path):
        decoded: Decoded = _module(path).decode(path)
    return _bounds(decoded, value_range, path)


@contextmanager
def _errors_naming(path: Path) -> Iterator[None]:
    """Turn whatever a decoder raises into an `ImageError` that names the file."""
    try:
        yield
    except ImageError:
        raise
    except Image.DecompressionBombError as error:
        raise too_large(path, "its pixels are") from error
    except Exception as error:  # decoders raise a dozen kinds of errors that all mean the same to a user
        reason = " ".join(f"{type(error).__name__}: {error}".split())  # on one line
        raise ImageError(
            f"{path}: the image is damaged or truncated ({reason}). "
            "Replace or remove it, or leave such files out with on_bad_image: skip."
        ) from error


def _module(path: Path) -> Any:
    """Return the module of a file's format, or of slices; refuse content that is not what the suffix says."""
    if slice_of(path):
        return import_module("datamodules.files.formats.slices")
    if format_of(path) is None:
        _checked_format(path, b"")  # says which suffixes are read, whether or not the file is there
    with path.open("rb") as file:
        start = file.read(352)  # NIfTI tells itself last
    return module_of(_checked_format(path, start))


def _checked_format(path: Path, start: bytes) -> str:
    """Return the format that a file's suffix says and its first 352 bytes confirm."""
    expected = format_of(path)
    if expected is None:
        raise ImageError(f"{path}: unknown image suffix; these are read: {', '.join(FORMATS)}.")
    possible = [name for at, magic, name in _MAGIC if start[at : at + len(magic)] == magic]
    if expected not in possible:
        actual = next(iter(possible), None)
        content = f"holds a {actual} image" if actual else "holds no image" if start else "is empty"
        raise ImageError(
            f"{path}: called {path.suffix} but {content}. "
            "Rename, replace or remove it, or leave such files out with on_bad_image: skip."
        )
    return expected


def _window(path: Path, value_range: ValueRange) -> ValueRange:
    """Return the range of an image: of a slice, where it is by percentiles, that of its volume."""
    if value_range.percentiles is None or not slice_of(path):
        return value_range
    with _errors_naming(path):
        window: ValueRange = _module(path).window(path, value_range)
    return window


def _bounds(decoded: Decoded, value_range: ValueRange, path: Path) -> Bounds:
    """Return the values that become -1 and 1.

    Raises:
        ImageError: they are not known, or there are values that are no numbers.
    """
    pixels = decoded.pixels[:, :, :-1] if decoded.alpha else decoded.pixels
    floating = pixels.dtype.kind == "f"
    if floating and np.isnan(pixels).any():
        raise ImageError(
            f"{path}: some values are NaN, and so of no known range. Store numbers, or leave such files out "
            "with on_bad_image: skip."
        )
    bounds = _window(path, value_range).bounds(decoded.whole, lambda: pixels)
    beyond = value_range.by_type and bounds is not None and floating and not _within(pixels, bounds)
    if bounds is None or beyond:
        raise ImageError(
            f"{path}: {pixels.dtype} values from {pixels.min()} to {pixels.max()} have no known range. "
            "Say which with value_range: [low, high] or p1-p99. Store unsigned integers (their whole range "
            "is used) or floating point numbers between 0 and 1, and none is needed."
        )
    return bounds


def _within(pixels: Array, bounds: Bounds) -> bool:
    return bool(pixels.min() >= bounds[0] and pixels.max() <= bounds[1])


def _turn_upright(pixels: Array, orientation: int) -> Array:
    """Undo the eight orientations a camera may note in EXIF."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.transpose(1, 0, 2)
    vertical = slice(None, None, -1 if orientation in (3, 4, 7, 8) else 1)
    horizontal = slice(None, None, -1 if orientation in (2, 3, 6, 7) else 1)
    return pixels[vertical, horizontal]


def _match_channels(pixels: Array, alpha: bool, wanted: int | None, name: str | Path) -> Array:
    if alpha and pixels.shape[2] != wanted:
        pixels = by_rows(_lay_on_white, pixels)
    given = pixels.shape[2]
    if wanted is None or wanted == given:
        return pixels
    if given == 1 and wanted == 3:
        return np.repeat(pixels, 3, axis=2)
    if given == 3 and wanted == 1:
        return by_rows(lambda rows: _as_type(rows @ _LUMA, rows.dtype)[:, :, None], pixels)
    raise ImageError(
        f"{name}: the image has {given} channels where {wanted} are expected. "
        "Give the number of channels of the images (channels_A, channels_B), or convert this file."
    )


def _with_alpha(pixels: Array, wanted: int, name: str | Path) -> Array:
    """Return so many channels of an image whose last one is alpha, and that one behind them."""
    colours = _match_channels(pixels[:, :, :-1], False, wanted, name)
    return np.concatenate([colours, pixels[:, :, -1:]], axis=2)


def _lay_on_white(pixels: Array) -> Array:
    white = np.iinfo(pixels.dtype).max if np.issubdtype(pixels.dtype, np.integer) else 1
    colour, opacity = pixels[:, :, :-1].astype(np.float64), pixels[:, :, -1:] / white
    return _as_type(colour * opacity + white * (1 - opacity), pixels.dtype)


def _as_type(values: Array, dtype: npt.DTypeLike) -> Array:
    return (np.rint(values) if np.issubdtype(dtype, np.integer) else values).astype(dtype)
