"""What the modules of all formats share: how a stored image is described, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

Array = npt.NDArray[Any]
Bounds = tuple[float, float]

ORIENTATION = 0x0112  # the number of this tag in EXIF and in TIFF
MAX_PIXELS = 2 * (Image.MAX_IMAGE_PIXELS or 0)  # 179 million, where Pillow refuses; here for every format
MAX_VALUES = 4 * MAX_PIXELS  # pixels times channels: as many with four channels each
ROWS = 64  # of a large image at once: what is computed on the way is small beside the image then


OF_FOLDERS = ", or leave such files out with on_bad_image: skip"
"""What messages of the readers say to whoever trains; it is no help to somebody with one picture."""


class ImageError(ValueError):
    """An image file that cannot be used. The message names the file and says what to do."""


class Stored(NamedTuple):
    """How an image lies in its file.

    Attributes:
        height: in pixels, as stored.
        width: in pixels, as stored.
        channels: without alpha.
        dtype: type of the values that `decode` returns and `encode` takes.
        whole: the values that stand for black and white by the type alone; None where it does not tell.
        orientation: as EXIF counts, 1 to 8.
        alpha: whether transparency comes behind the channels.
    """

    height: int
    width: int
    channels: int
    dtype: np.dtype[Any] = np.dtype(np.uint8)
    whole: Bounds | None = (0, 255)
    orientation: int = 1
    alpha: bool = False


class Decoded(NamedTuple):
    """An image as stored: values (H, W, C), whether the last channel is alpha, its orientation and range."""

    pixels: Array
    whole: Bounds | None
    alpha: bool = False
    orientation: int = 1


def whole_range(dtype: np.dtype[Any]) -> Bounds | None:
    """Return black and white of a type: all of unsigned integers, 0..1 of floating point, else None.

    Of 64 bit there is no telling: float32 has 24.
    """
    if dtype.kind == "u" and dtype.itemsize <= 4:
        return 0, int(np.iinfo(dtype).max)
    return (0, 1) if dtype.kind in "bf" else None


def orientation_of(noted: Any) -> int:
    """Return an orientation that a file notes, 1 to 8; anything else, a text for example, means upright."""
    return noted if isinstance(noted, int) and 1 <= noted <= 8 else 1


def check_size(path: Path, height: int, width: int, channels: int = 1) -> None:
    """Refuse an image that has no pixels, or is too large to be decoded, as decompression bombs claim to be.

    Raises:
        ImageError: it is empty, or has more pixels than `MAX_PIXELS` or more values than `MAX_VALUES`.
    """
    if min(height, width, channels) < 1:
        raise ImageError(
            f"{path}: {width}x{height} pixels with {channels} channels are no image. "
            "Replace or remove it, or leave such files out with on_bad_image: skip."
        )
    if height * width > MAX_PIXELS or height * width * channels > MAX_VALUES:
        raise too_large(path, f"{width}x{height} pixels with {channels} channels are")


def too_large(path: Path, what: str) -> ImageError:
    """Return the error about an image with too many pixels."""
    return ImageError(
        f"{path}: {what} more than the {MAX_PIXELS // 10**6} million pixels that are decoded (a "
        "decompression bomb?). Cut it into parts, or leave such files out with on_bad_image: skip."
    )


def by_rows(change: Callable[[Array], Array], pixels: Array) -> Array:
    """Return what a function makes of an image (H, ...), having given it a few rows at a time.

    Args:
        change: takes rows (h, ...) and returns as many, of a shape and type that do not depend on h.
        pixels: the image.
    """
    first = change(pixels[:ROWS])
    changed = np.empty((len(pixels), *first.shape[1:]), first.dtype)
    changed[:ROWS] = first
    for top in range(ROWS, len(pixels), ROWS):
        changed[top : top + ROWS] = change(pixels[top : top + ROWS])
    return changed


def channels_first(shape: tuple[int, ...]) -> bool:
    """Whether the channels of a stack (., ., .) lie first: along the shorter of first and last axis."""
    return shape[0] <= shape[2]
