"""TIFF of any number of channels, any depth and any compression that imagecodecs knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import tifffile
from tifffile import PHOTOMETRIC

from datamodules.files.formats import pictures
from datamodules.files.formats.common import (
    ORIENTATION,
    Array,
    Bounds,
    Decoded,
    ImageError,
    Stored,
    by_rows,
    channels_first,
    check_size,
    orientation_of,
    whole_range,
)
from datamodules.files.formats.tiff_colours import from_palette, from_ycbcr, separated_to_rgb, straight

_LAB = (PHOTOMETRIC.CIELAB, PHOTOMETRIC.ICCLAB, PHOTOMETRIC.ITULAB)
_COLOURS = (PHOTOMETRIC.RGB, PHOTOMETRIC.YCBCR, PHOTOMETRIC.SEPARATED, PHOTOMETRIC.PALETTE, *_LAB)
_NOT_WHOLE = 1 | 4  # bits of a page that is a smaller copy or a mask of another one
_JPEG = (7, 34892, 33007)  # compressions whose decoder makes RGB of YCbCr
_OLD_JPEG = 6


def describe(path: Path) -> Stored:
    """Read the header.

    Raises:
        ImageError: the file holds several images, or values of which nobody knows what is white.
    """
    with tifffile.TiffFile(path) as tiff:
        return _describe(path, _only_image(path, tiff))


def decode(path: Path) -> Decoded:
    """Decode with tifffile; subsampled and L*a*b* colours, which it leaves as they are, with Pillow.

    Raises:
        ImageError: as `describe`.
    """
    with tifffile.TiffFile(path) as tiff:
        series = _only_image(path, tiff)
        page, stored = series.keyframe, _describe(path, series)
        axes, height, width, samples = _shape(path, series)
        check_size(path, height, width, samples)
        check_size(path, *page.chunks[:2])  # what is decoded at once: a tile or strip
        if _for_pillow(page):
            return pictures.decode(path)
        values = series.asarray()
        if axes[-2:] == "YX" and len(axes) == 3:
            values = np.moveaxis(values, 0, -1)
        pixels = _as_shown(values.reshape(height, width, samples), page)
        return Decoded(pixels, stored.whole, _alpha(page), stored.orientation)


def encode(values: Array, source: Path | None, file: BinaryIO) -> None:
    """Write (H, W, C) of any type, without compression; three channels are colours, others have no meaning.

    Args:
        values: to be written.
        file: to write to.
        source: the TIFF that it is made like; its last channel is alpha again where it was, and unsigned
            integers have as many bits.
    """
    channels = values.shape[2]
    like = describe(source) if source else None
    alpha = like is not None and channels == 4 and like.channels == 3
    colours = 3 if channels == 3 or alpha else 1
    tifffile.imwrite(
        file,
        values[:, :, 0] if channels == 1 else values,
        photometric="rgb" if colours == 3 else "minisblack",
        planarconfig=None if channels == 1 else "contig",
        extrasamples=["unassalpha" if alpha else "unspecified"] * (channels - colours),
        bitspersample=_odd_bits(like) if like and like.dtype == values.dtype else None,
    )


def describe_stack(path: Path) -> tuple[int, Stored] | None:
    """Read the header of a stack: its number of pages, and how one lies in the file; None if it is no stack.

    Raises:
        ImageError: there are more axes than those of a stack, transparency, or values of no known range.
    """
    with tifffile.TiffFile(path) as tiff:
        series = _stack(tiff)
        if series is None:
            return None
        page, sizes = series.keyframe, dict(zip(series.axes, series.shape, strict=True))
        further = [axis for axis in sizes if axis not in "YXS"]
        turned = ORIENTATION in page.tags and orientation_of(page.tags[ORIENTATION].value) != 1
        if len(further) > 1 or _alpha(page) or turned or _for_pillow(page):
            raise ImageError(
                f"{path}: a TIFF with axes {series.axes} of {'x'.join(map(str, series.shape))}. Stacks of "
                "upright grey or RGB pages without transparency are read, and one further axis."
            )
        dtype, whole = _type(path, page, np.dtype(series.dtype))
        colours = page.photometric == PHOTOMETRIC.PALETTE or _is_cmyk(page)
        channels = 3 if colours else sizes.get("S", 1)
        return sizes[further[0]], Stored(sizes["Y"], sizes["X"], channels, dtype, whole)


def decode_stack(path: Path) -> Array:
    """Decode all pages of a stack, one below the other, (N * H, W, C)."""
    with tifffile.TiffFile(path) as tiff:
        series = _stack(tiff)
        page, axes = series.keyframe, series.axes
        check_size(path, *page.chunks[:2])
        order = sorted(range(len(axes)), key=lambda index: "YXS".find(axes[index]))  # the further one first
        pages = series.asarray().transpose(order)
        width = pages.shape[2]
        return _as_shown(pages.reshape(-1, width, pages.shape[3] if pages.ndim == 4 else 1), page)


def encode_stack(pages: Array, source: Path, file: BinaryIO) -> None:
    """Write (N, H, W, C) without compression, with the resolution of the source.

    Its description, which may tell the axes, goes along where the values lie in the file as they did.
    """
    with tifffile.TiffFile(source) as tiff:
        page = tiff.pages.first
        like = describe_stack(source)
        alike = page.photometric == PHOTOMETRIC.MINISBLACK or (
            page.photometric == PHOTOMETRIC.RGB and page.planarconfig == tifffile.PLANARCONFIG.CONTIG
        )
        bits = _odd_bits(like[1]) if like and like[1].dtype == pages.dtype else None
        tifffile.imwrite(
            file,
            pages if pages.shape[3] > 1 else pages[..., 0],
            photometric="rgb" if pages.shape[3] == 3 else "minisblack",
            planarconfig="contig" if pages.shape[3] == 3 else None,
            description=(page.description.encode() or None) if alike else None,
            metadata=None,  # else tifffile adds a description of its own
            resolution=page.resolution,
            resolutionunit=page.resolutionunit,
            bitspersample=bits,
        )


def _stack(tiff: Any) -> Any:
    """Return the series of the pages of a stack; None where there is one picture, or several unlike ones."""
    images = [series for series in tiff.series if not series.keyframe.subfiletype & _NOT_WHOLE]
    single = len(images) != 1 or set(images[0].axes) <= set("YXS") or not {"Y", "X"} <= set(images[0].axes)
    return None if single else images[0]


def _odd_bits(stored: Stored) -> int | None:
    """Return the bits per sample where they are less than the type has."""
    if stored.dtype.kind != "u" or stored.whole is None or stored.whole == whole_range(stored.dtype):
        return None
    return int(stored.whole[1]).bit_length()


def _only_image(path: Path, tiff: Any) -> Any:
    """Return the series of the one image in a TIFF, whose smaller copies and masks do not count."""
    images = [series for series in tiff.series if not series.keyframe.subfiletype & _NOT_WHOLE]
    if len(images) != 1:
        raise _several(path, f"{len(images)} images")
    series = images[0]
    if series.keyframe.photometric in _COLOURS and not set(series.axes) <= set("YXS"):
        raise _several(path, f"several colour images ({'x'.join(map(str, series.shape))})")
    return series


def _several(path: Path, what: str) -> ImageError:
    return ImageError(
        f"{path}: a TIFF of {what}, and one is read. Split it into one file per image; "
        "or, if its pages are slices, say so: --data.slices k."
    )


def _describe(path: Path, series: Any) -> Stored:
    page = series.keyframe
    height, width, channels = _shape(path, series)[1:]
    dtype, whole = _type(path, page, np.dtype(series.dtype))
    if page.photometric == PHOTOMETRIC.PALETTE or _is_cmyk(page):
        channels = 3
    elif _alpha(page):
        channels -= 1
    orientation = orientation_of(page.tags[ORIENTATION].value if ORIENTATION in page.tags else 1)
    return Stored(height, width, channels, dtype, whole, orientation, _alpha(page))


def _type(path: Path, page: Any, dtype: np.dtype[Any]) -> tuple[np.dtype[Any], Bounds | None]:
    """Return the type of the values that are shown, and which of them are black and white."""
    if dtype.kind not in "buif":
        raise ImageError(f"{path}: a TIFF of {dtype} is not read; store numbers that are not complex.")
    if dtype.kind not in "bu" and page.photometric == PHOTOMETRIC.MINISWHITE:
        raise ImageError(
            f"{path}: a TIFF of {dtype} in which 0 is white does not say what is black. "
            "Store it with 0 as black (photometric minisblack)."
        )
    if page.bitspersample <= 8 or page.photometric == PHOTOMETRIC.PALETTE or dtype.kind == "b":
        dtype = np.dtype(np.int8) if dtype.kind == "i" else np.dtype(np.uint8)
        return dtype, whole_range(dtype)
    return dtype, (
        0,
        2**page.bitspersample - 1,
    ) if dtype.kind == "u" and dtype.itemsize <= 4 else whole_range(dtype)


def _shape(path: Path, series: Any) -> tuple[str, int, int, int]:
    """Return axes, height, width and channels of a TIFF series: Y, X and at most one more axis, the channels.

    A stack whose third axis has no meaning (Q) has its channels along the shortest axis: arrays of many
    channels are often saved as they lie in memory, channels last.
    """
    axes = series.axes
    if axes == "QYX":
        axes = "CYX" if channels_first(series.shape) else "YXC"
    sizes = dict(zip(axes, series.shape, strict=True))
    if not {"Y", "X"} <= set(sizes) or len(sizes) > 3:
        raise _several(path, f"axes {axes} and shape {'x'.join(map(str, series.shape))}")
    height, width = sizes.pop("Y"), sizes.pop("X")
    return axes, height, width, next(iter(sizes.values()), 1)


def _for_pillow(page: Any) -> bool:
    subsampled = _is_raw_ycbcr(page) and (page.subsampling not in (None, (1, 1)) or page.bitspersample != 8)
    return bool(subsampled or page.photometric in _LAB or page.compression == _OLD_JPEG)


def _is_raw_ycbcr(page: Any) -> bool:
    return bool(page.photometric == PHOTOMETRIC.YCBCR and page.compression not in _JPEG)


def _as_shown(pixels: Array, page: Any) -> Array:
    """Return stored values (H, W, C) with 0 as black, straight alpha, colours as RGB, and at least 8 bit."""
    if page.photometric == PHOTOMETRIC.PALETTE:
        return from_palette(pixels, page.colormap)
    if _is_raw_ycbcr(page):
        return from_ycbcr(pixels)
    colours = pixels.shape[2] - _alpha(page)
    if pixels.dtype.kind in "bu":
        white = 2**page.bitspersample - 1
        if page.bitspersample < 8:
            pixels, white = np.rint(pixels * (255 / white)).astype(np.uint8), 255
        if page.photometric == PHOTOMETRIC.MINISWHITE:
            pixels = pixels.copy()
            pixels[:, :, :colours] = white - pixels[:, :, :colours]
    else:
        white = 1
    if _alpha(page) and page.extrasamples[-1] == tifffile.EXTRASAMPLE.ASSOCALPHA:
        pixels = by_rows(lambda rows: straight(rows, white), pixels)
    return by_rows(lambda rows: separated_to_rgb(rows, white), pixels) if _is_cmyk(page) else pixels


def _alpha(page: Any) -> bool:
    """Whether the last channel is alpha; of what has more beyond the colours, all are channels."""
    return len(page.extrasamples) == 1 and page.extrasamples[0] in (1, 2)  # associated, unassociated


def _is_cmyk(page: Any) -> bool:
    return bool(page.photometric == PHOTOMETRIC.SEPARATED and page.samplesperpixel - _alpha(page) == 4)
