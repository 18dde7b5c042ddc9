"""Image files to arrays: 8 bit and deeper, any number of channels, always upright, never silently clipped."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image

Array = npt.NDArray[Any]

# suffix -> the format its content must have
FORMATS = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".png": "PNG",
    ".webp": "WebP",
    ".bmp": "BMP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}
_MAGIC = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"BM": "BMP",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
    b"II+\x00": "TIFF",
    b"MM\x00+": "TIFF",
    b"GIF8": "GIF",
}
_ORIENTATION = 0x0112  # the number of this tag in EXIF and in TIFF
_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, as Pillow's and the papers' grey pictures
_TIFF_COLOURS: dict[int | None, int] = {  # channels, where a colour is not one number
    tifffile.PHOTOMETRIC.RGB: 3,
    tifffile.PHOTOMETRIC.YCBCR: 3,
    tifffile.PHOTOMETRIC.CIELAB: 3,
    tifffile.PHOTOMETRIC.SEPARATED: 4,
}
_PILLOW_MODES = {"1": "L", "L": "L", "LA": "LA", "La": "LA", "RGBA": "RGBA", "RGBa": "RGBA", "PA": "RGBA"}


class ImageError(ValueError):
    """An image file that cannot be used. The message names the file and says what to do."""


class Header(NamedTuple):
    """What is known of an image without decoding it: size in pixels when upright, channels without alpha."""

    height: int
    width: int
    channels: int


class _Decoded(NamedTuple):
    """An image as stored: pixels (H, W, C), whether the last channel is alpha, and its EXIF orientation."""

    pixels: Array
    alpha: bool
    orientation: int


def list_images(folder: str | Path) -> list[Path]:
    """List the image files of a folder and of its sub-folders, sorted by path.

    Hidden files are left out: some systems store a `._photo.jpg` beside `photo.jpg` that is no image.

    Raises:
        FileNotFoundError: the folder does not exist or is no folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder. Images are expected there.")
    named = (path for path in folder.rglob("*") if path.suffix.lower() in FORMATS and path.name[0] != ".")
    return sorted((path for path in named if path.is_file()), key=lambda path: path.as_posix())


def read_image(path: str | Path, channels: int | None = None) -> Array:
    """Read an image, upright, with the wanted number of channels.

    Grey and colour are converted into each other; a transparent image is laid on white unless its alpha
    channel is asked for (`channels` 2 or 4); palettes and CMYK become RGB. Of an animation the first picture
    is read.

    Args:
        path: jpg, png, webp, bmp or tiff file.
        channels: wanted number of channels; None keeps what the file has, without alpha.

    Returns:
        (height, width, channels): uint8 for 8-bit images; float32 in [-1, 1] for deeper ones, of which the
        whole range of the type is mapped (unsigned integers) or 0..1 (floating point).

    Raises:
        ImageError: the file is damaged, is not what its suffix says, has values without a known range, or has
            channels that cannot be converted.
    """
    path = Path(path)
    try:
        _check_format(path)
        decoded = _decode(path)
    except ImageError:
        raise
    except Exception as error:  # decoders raise a dozen kinds of errors that all mean the same to a user
        raise _unreadable(path, error) from error
    upright = _turn_upright(decoded.pixels, decoded.orientation)
    return np.ascontiguousarray(_to_range(_match_channels(upright, decoded.alpha, channels, path), path))


def read_header(path: str | Path) -> Header:
    """Read size and channels of an image without decoding it.

    Raises:
        ImageError: as `read_image`, as far as the header shows it.
    """
    path = Path(path)
    try:
        _check_format(path)
        height, width, channels, orientation = _tiff_header(path) if _is_tiff(path) else _pillow_header(path)
    except ImageError:
        raise
    except Exception as error:
        raise _unreadable(path, error) from error
    return Header(width, height, channels) if orientation >= 5 else Header(height, width, channels)


def _unreadable(path: Path, error: Exception) -> ImageError:
    return ImageError(
        f"{path}: the image is damaged or truncated ({type(error).__name__}: {error}). "
        "Replace or remove it, or leave such files out with on_bad_image: skip."
    )


def _check_format(path: Path) -> None:
    """Refuse a file whose content is not what its suffix says, by its first bytes."""
    with path.open("rb") as file:
        start = file.read(16)
    actual = next((name for magic, name in _MAGIC.items() if start.startswith(magic)), None)
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        actual = "WebP"
    expected = FORMATS.get(path.suffix.lower())
    if expected is None:
        raise ImageError(f"{path}: unknown image suffix; these are read: {', '.join(FORMATS)}.")
    if actual != expected:
        content = f"holds a {actual} image" if actual else "holds no image" if start else "is empty"
        raise ImageError(
            f"{path}: called {path.suffix} but {content}. "
            "Rename, replace or remove it, or leave such files out with on_bad_image: skip."
        )


def _is_tiff(path: Path) -> bool:
    return FORMATS[path.suffix.lower()] == "TIFF"


def _is_deep_png(path: Path) -> bool:
    """Whether a PNG has 16 bit: byte 24 of its header."""
    with path.open("rb") as file:
        return FORMATS[path.suffix.lower()] == "PNG" and file.read(25)[24] == 16


def _decode(path: Path) -> _Decoded:
    if _is_tiff(path):
        return _decode_tiff(path)
    return _decode_deep_png(path) if _is_deep_png(path) else _decode_pillow(path)


def _decode_pillow(path: Path) -> _Decoded:
    with Image.open(path) as image:
        orientation = image.getexif().get(_ORIENTATION, 1)
        mode = "RGBA" if "transparency" in image.info else _PILLOW_MODES.get(image.mode, "RGB")
        pixels = np.array(image.convert(mode))  # a copy: tensors made of it may be written to
    return _Decoded(pixels.reshape(*pixels.shape[:2], -1), mode in ("LA", "RGBA"), orientation)


def _pillow_header(path: Path) -> tuple[int, int, int, int]:
    with Image.open(path) as image:  # reads the header only
        colour = 1 if _PILLOW_MODES.get(image.mode) in ("L", "LA") or image.mode.startswith("I") else 3
        return image.height, image.width, colour, image.getexif().get(_ORIENTATION, 1)


def _decode_deep_png(path: Path) -> _Decoded:
    """Decode with torchvision: Pillow would cut 16-bit colour down to 8 bit without a word."""
    from torchvision.io import ImageReadMode, decode_image, read_file

    pixels = decode_image(read_file(str(path)), mode=ImageReadMode.UNCHANGED).permute(1, 2, 0).numpy()
    with Image.open(path) as image:
        return _Decoded(pixels, pixels.shape[2] in (2, 4), image.getexif().get(_ORIENTATION, 1))


def _tiff_shape(series: Any) -> tuple[str, int, int, int]:
    """Return axes, height, width and channels of a TIFF series: Y, X and at most one more axis, the channels.

    A stack whose third axis has no meaning (Q) has its channels along the shortest axis: arrays of many
    channels are often saved as they lie in memory, channels last.
    """
    axes = series.axes
    if axes == "QYX":
        axes = "CYX" if series.shape[0] <= series.shape[2] else "YXC"
    sizes = dict(zip(axes, series.shape, strict=True))
    if not {"Y", "X"} <= set(sizes) or len(sizes) > 3:
        raise ValueError(f"axes {axes} of shape {series.shape} are not one image with channels")
    height, width = sizes.pop("Y"), sizes.pop("X")
    return axes, height, width, next(iter(sizes.values()), 1)


def _tiff_alpha(page: Any) -> bool:
    return any(sample in (1, 2) for sample in page.extrasamples)  # associated and unassociated alpha


def _tiff_orientation(page: Any) -> int:
    return int(page.tags[_ORIENTATION].value) if _ORIENTATION in page.tags else 1


def _tiff_header(path: Path) -> tuple[int, int, int, int]:
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages.first
        _, height, width, channels = _tiff_shape(tiff.series[0])
        if page.photometric in (tifffile.PHOTOMETRIC.PALETTE, tifffile.PHOTOMETRIC.SEPARATED):
            channels = 3  # Pillow makes RGB of palettes and CMYK
        elif _tiff_alpha(page):
            channels -= 1
        return height, width, channels, _tiff_orientation(page)


def _decode_tiff(path: Path) -> _Decoded:
    """Decode the common 8-bit kinds with Pillow, which knows all compressions, the rest with tifffile.

    Pillow leaves out, or fails over, channels beyond those of the colours and one of transparency.
    """
    with tifffile.TiffFile(path) as tiff:
        page, series = tiff.pages.first, tiff.series[0]
        axes, height, width, channels = _tiff_shape(series)
        colours = _TIFF_COLOURS.get(page.photometric, 1)
        if page.bitspersample <= 8 and channels == colours + _tiff_alpha(page) and axes in ("YX", "YXS"):
            return _decode_pillow(path)
        pixels = series.asarray()
        if axes[-2:] == "YX" and len(axes) == 3:
            pixels = np.moveaxis(pixels, 0, -1)
        return _Decoded(pixels.reshape(height, width, channels), _tiff_alpha(page), _tiff_orientation(page))


def _turn_upright(pixels: Array, orientation: int) -> Array:
    """Undo the eight orientations a camera may note in EXIF."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.transpose(1, 0, 2)
    vertical = slice(None, None, -1 if orientation in (3, 4, 7, 8) else 1)
    horizontal = slice(None, None, -1 if orientation in (2, 3, 6, 7) else 1)
    return pixels[vertical, horizontal]


def _match_channels(pixels: Array, alpha: bool, wanted: int | None, path: Path) -> Array:
    if alpha and pixels.shape[2] != wanted:
        pixels = _lay_on_white(pixels)
    given = pixels.shape[2]
    if wanted is None or wanted == given:
        return pixels
    if given == 1 and wanted == 3:
        return np.repeat(pixels, 3, axis=2)
    if given == 3 and wanted == 1:
        return _as_type(pixels @ _LUMA, pixels.dtype)[:, :, None]
    raise ImageError(
        f"{path}: the image has {given} channels where {wanted} are expected. "
        "Give the number of channels of the images (channels_A, channels_B), or convert this file."
    )


def _lay_on_white(pixels: Array) -> Array:
    white = np.iinfo(pixels.dtype).max if np.issubdtype(pixels.dtype, np.integer) else 1
    colour, opacity = pixels[:, :, :-1].astype(np.float64), pixels[:, :, -1:] / white
    return _as_type(colour * opacity + white * (1 - opacity), pixels.dtype)


def _as_type(values: Array, dtype: npt.DTypeLike) -> Array:
    return (np.rint(values) if np.issubdtype(dtype, np.integer) else values).astype(dtype)


def _to_range(pixels: Array, path: Path) -> Array:
    """Leave 8 bit as it is; map deeper images to float32 in [-1, 1]."""
    if pixels.dtype == np.bool_:
        return pixels.astype(np.uint8) * 255
    if pixels.dtype == np.uint8:
        return pixels
    if np.issubdtype(pixels.dtype, np.unsignedinteger):
        return (pixels * (2.0 / np.iinfo(pixels.dtype).max) - 1.0).astype(np.float32)
    low, high = pixels.min(), pixels.max()
    if np.issubdtype(pixels.dtype, np.floating) and low >= 0 and high <= 1:
        return (pixels * 2.0 - 1.0).astype(np.float32)
    raise ImageError(
        f"{path}: {pixels.dtype} values from {low} to {high} have no known range. "
        "Store unsigned integers (their whole range is used) or floating point numbers between 0 and 1."
    )
