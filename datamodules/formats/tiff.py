"""TIFF of any number of channels and any depth."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import tifffile

from datamodules.formats import pictures
from datamodules.formats.common import (
    ORIENTATION,
    Array,
    Decoded,
    Stored,
    channels_first,
    refuse_bomb,
    whole_range,
)

_COLOURS: dict[int | None, int] = {  # channels, where a colour is not one number
    tifffile.PHOTOMETRIC.RGB: 3,
    tifffile.PHOTOMETRIC.YCBCR: 3,
    tifffile.PHOTOMETRIC.CIELAB: 3,
    tifffile.PHOTOMETRIC.SEPARATED: 4,
}


def describe(path: Path) -> Stored:
    """Read the header."""
    with tifffile.TiffFile(path) as tiff:
        page, series = tiff.pages.first, tiff.series[0]
        axes, height, width, channels = _shape(series)
        dtype = np.dtype(np.uint8) if _for_pillow(page, axes, channels) else np.dtype(series.dtype)
        if page.photometric in (tifffile.PHOTOMETRIC.PALETTE, tifffile.PHOTOMETRIC.SEPARATED):
            channels = 3  # Pillow makes RGB of palettes and CMYK
        elif _alpha(page):
            channels -= 1
        return Stored(height, width, channels, dtype, whole_range(dtype), _orientation(page))


def decode(path: Path) -> Decoded:
    """Decode the common 8-bit kinds with Pillow, which knows all compressions, the rest with tifffile.

    Pillow leaves out, or fails over, channels beyond those of the colours and one of transparency.
    """
    with tifffile.TiffFile(path) as tiff:
        page, series = tiff.pages.first, tiff.series[0]
        axes, height, width, channels = _shape(series)
        refuse_bomb(path, height, width, channels)
        if _for_pillow(page, axes, channels):
            return pictures.decode(path)
        pixels = series.asarray()
        if axes[-2:] == "YX" and len(axes) == 3:
            pixels = np.moveaxis(pixels, 0, -1)
        pixels = pixels.reshape(height, width, channels)
        return Decoded(pixels, whole_range(pixels.dtype), _alpha(page), _orientation(page))


def encode(values: Array, source: Path | None, file: BinaryIO) -> None:
    """Write (H, W, C) of any type, without compression; three channels are colours, others have no meaning.

    Args:
        values: to be written.
        file: to write to.
        source: the TIFF that it is made like; its last channel is alpha again where it was.
    """
    channels = values.shape[2]
    alpha = source is not None and channels == 4 and describe(source).channels == 3
    colours = 3 if channels == 3 or alpha else 1
    tifffile.imwrite(
        file,
        values[:, :, 0] if channels == 1 else values,
        photometric="rgb" if colours == 3 else "minisblack",
        planarconfig=None if channels == 1 else "contig",
        extrasamples=["unassalpha" if alpha else "unspecified"] * (channels - colours),
    )


def _for_pillow(page: Any, axes: str, channels: int) -> bool:
    usual = _COLOURS.get(page.photometric, 1) + _alpha(page)
    return bool(page.bitspersample <= 8 and channels == usual and axes in ("YX", "YXS"))


def _shape(series: Any) -> tuple[str, int, int, int]:
    """Return axes, height, width and channels of a TIFF series: Y, X and at most one more axis, the channels.

    A stack whose third axis has no meaning (Q) has its channels along the shortest axis: arrays of many
    channels are often saved as they lie in memory, channels last.
    """
    axes = series.axes
    if axes == "QYX":
        axes = "CYX" if channels_first(series.shape) else "YXC"
    sizes = dict(zip(axes, series.shape, strict=True))
    if not {"Y", "X"} <= set(sizes) or len(sizes) > 3:
        raise ValueError(f"axes {axes} of shape {series.shape} are not one image with channels")
    height, width = sizes.pop("Y"), sizes.pop("X")
    return axes, height, width, next(iter(sizes.values()), 1)


def _alpha(page: Any) -> bool:
    return any(sample in (1, 2) for sample in page.extrasamples)  # associated and unassociated alpha


def _orientation(page: Any) -> int:
    return int(page.tags[ORIENTATION].value) if ORIENTATION in page.tags else 1
