"""Pictures that people give the page: bounded, read by our readers, as 8 bit."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from datamodules.files.formats.common import OF_FOLDERS, ImageError
from datamodules.files.readers import read_header, read_image
from datamodules.files.value_range import from_unit
from gans.tools.playground.calls import Given, written

MOST_BYTES = 20 * 2**20
MOST_PIXELS = 2**24  # 4096 x 4096

OPEN = "from PIL import Image"
READ = f"from {__name__} import open_picture"


class Picture(NamedTuple):
    """A picture that was given.

    Attributes:
        image: as it was read: grey or RGB, upright.
        name: of its file.
        plain: whether Pillow by itself reads the same from the file.
    """

    image: Image.Image
    name: str
    plain: bool

    def given(self, side: int | None = None, square: bool = False, name: str = "picture") -> Given:
        """Return the picture as an argument of calls; see `open_picture`."""
        image = fitted(self.image, side, square)
        if self.plain and side is None:
            return Given(image, name, f"{name} = Image.open({written(self.name)})", (OPEN,))
        asked = [written(self.name), *([str(side)] if side else []), *(["square=True"] if square else [])]
        return Given(image, name, f"{name} = open_picture({', '.join(asked)})", (READ,))


def read_upload(path: str | Path) -> Picture:
    """Read a picture that a person gave.

    Raises:
        ImageError: if it is too large, damaged, no picture, or neither grey nor in colours; the message names
            the file alone, not its folder.
    """
    path = Path(path)
    try:
        _refuse_large(path)
        image = open_picture(path)
    except ImageError as error:
        raise ImageError(str(error).replace(str(path), path.name).replace(OF_FOLDERS, "")) from error
    return Picture(image, path.name, _is_plain(path))


def open_picture(path: str | Path, side: int | None = None, square: bool = False) -> Image.Image:
    """Open an image file of any format, depth and range as a picture of 8 bit, upright, on white.

    Args:
        path: the file.
        side: of the shorter side in pixels, to which the picture is brought; by default it stays as it is.
        square: whether the middle alone is kept.

    Raises:
        ImageError: as `datamodules.files.readers.read_image`, or if it has other than 1 or 3 channels.
    """
    pixels = read_image(path)
    if pixels.shape[2] not in (1, 3):
        raise ImageError(
            f"{path}: the image has {pixels.shape[2]} channels, and pictures are grey or in colours. Use the "
            "command predict for others."
        )
    if pixels.dtype != np.uint8:
        pixels = from_unit(pixels, (0, 255), np.dtype(np.uint8))
    return fitted(Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels), side, square)


def fitted(image: Image.Image, side: int | None, square: bool = False) -> Image.Image:
    """Return an image brought to a shorter side of so many pixels, as it is or its middle alone."""
    if side is None:
        return image
    if square:
        return ImageOps.fit(image, (side, side), Image.Resampling.LANCZOS)
    shorter = min(image.size)
    width, height = (max(1, round(length * side / shorter)) for length in image.size)
    return image.resize((width, height), Image.Resampling.LANCZOS)


def _refuse_large(path: Path) -> None:
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise ImageError(
            f"{path}: the file has {size / 2**20:.0f} MB, and this page takes {MOST_BYTES // 2**20} at most. "
            "The command predict takes larger ones."
        )
    header = read_header(path)
    if header.height * header.width > MOST_PIXELS:
        raise ImageError(
            f"{path}: {header.width} x {header.height} pixels are more than the {MOST_PIXELS / 1e6:.0f} "
            "million that this page takes. The command predict takes larger ones."
        )


def _is_plain(path: Path) -> bool:
    """Tell whether Pillow opens the file as the same picture of 8 bit: no alpha, no palette, no depth."""
    try:
        with Image.open(path) as image:
            return image.mode in ("L", "RGB") and "transparency" not in image.info
    except OSError:
        return False
