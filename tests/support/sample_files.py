"""One small image file of each format, depth and compression that is read."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import tifffile
from PIL import Image
from support.medical import write_dicom, write_nifti
from support.pictures import Array, random_pixels

HEIGHT, WIDTH = 22, 18
Writer = Callable[[Path], object]


def _pixels(channels: int = 3, dtype: Any = np.uint8) -> Array:
    """Return a smooth picture (H, W, C) over the whole range of a type, with a little noise."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    ramps = [(rows * (3 + i) + columns * (7 - i)) % 97 / 97 for i in range(channels)]
    noise = random_pixels(HEIGHT, WIDTH, channels, dtype=np.uint8) / 2550
    unit = np.stack(ramps, axis=2) * 0.9 + noise
    return (unit * (np.iinfo(dtype).max if np.dtype(dtype).kind in "iu" else 1)).astype(dtype)


def _pillow(mode: str, **options: Any) -> Writer:
    picture = Image.fromarray(_pixels(4)).convert(mode) if mode != "P" else _palette()
    return lambda path: picture.save(path, **options)


def _palette() -> Image.Image:
    return Image.fromarray(_pixels()).convert("P", palette=Image.Palette.ADAPTIVE, colors=13)


def _several(**options: Any) -> Writer:
    """Write an animation of two pictures."""
    first, second = Image.fromarray(_pixels()), Image.fromarray(255 - _pixels())
    return lambda path: first.save(path, save_all=True, append_images=[second], **options)


def _oriented(orientation: int, **options: Any) -> Writer:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return _pillow("RGB", exif=exif, **options)


def _deep_png(channels: int) -> Writer:
    return lambda path: path.write_bytes(imagecodecs.png_encode(_pixels(channels, np.uint16).squeeze()))


def _tiff(pixels: Array, **options: Any) -> Writer:
    return lambda path: tifffile.imwrite(path, pixels, **options)


def _jpeg2000(bits: int, channels: int) -> Writer:
    pixels = (
        (_pixels(channels, np.uint16) >> (16 - bits)).squeeze().astype(np.uint8 if bits == 8 else np.uint16)
    )
    content = imagecodecs.jpeg2k_encode(pixels, level=0, codecformat="jp2", bitspersample=bits)
    return lambda path: path.write_bytes(content)


def _portable(start: bytes, values: Array, plain: bool = False) -> Writer:
    body = " ".join(map(str, values.ravel())).encode() if plain else values.tobytes()
    return lambda path: path.write_bytes(start % (WIDTH, HEIGHT) + body)


def _array(values: Array) -> Writer:
    return lambda path: np.save(path, values)


def _dicom(pixels: Array, compressed: str = "", **options: Any) -> Writer:
    def write(path: Path) -> None:
        data = pydicom.dcmread(write_dicom(path, pixels, **options))
        if compressed == "RLE":
            data.compress(pydicom.uid.RLELossless)
        elif compressed == "deflate":
            data.file_meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
        elif compressed:
            encoded = io.BytesIO()
            Image.fromarray(pixels).save(encoded, compressed)
            data.PixelData = pydicom.encaps.encapsulate([encoded.getvalue()])
            data["PixelData"].is_undefined_length = True
            kind = "JPEGBaseline8Bit" if compressed == "JPEG" else "JPEG2000Lossless"
            data.file_meta.TransferSyntaxUID = getattr(pydicom.uid, kind)
        data.save_as(path, enforce_file_format=True)

    return write


def _nifti(voxels: Array, rescale: tuple[float, float] | None = None) -> Writer:
    return lambda path: write_nifti(path, voxels, rescale)


_GREY, _DEEP, _BITS = _pixels(1).squeeze(), _pixels(1, np.uint16).squeeze(), _pixels(1).squeeze() > 99
_BILEVEL = Image.fromarray(_BITS)
_FLOAT = _pixels(1, np.float32).squeeze()

WRITERS: dict[str, Writer] = {
    "grey.jpg": _pillow("L"),
    "colour.jpeg": _oriented(6, quality=90),
    "progressive.jfif": _pillow("RGB", progressive=True),
    "cmyk.jpg": _pillow("CMYK"),
    "bits.png": _pillow("1"),
    "grey.png": _pillow("L", transparency=7),
    "grey_alpha.png": _pillow("LA"),
    "colour.png": _oriented(8),
    "alpha.png": _pillow("RGBA"),
    "palette.png": _pillow("P", transparency=bytes(range(0, 250, 25))),
    "animated.png": _several(),
    **{f"deep_{channels}.png": _deep_png(channels) for channels in (1, 2, 3, 4)},
    "lossy.webp": _pillow("RGB"),
    "lossless.webp": _pillow("RGBA", lossless=True),
    "animated.webp": _several(),
    "grey.bmp": _pillow("L"),
    "colour.bmp": _pillow("RGB"),
    "bits.bmp": _pillow("1"),
    "palette.gif": _pillow("P", transparency=3),
    "animated.gif": _several(),
    "colour.avif": _oriented(3),
    "alpha.avif": _pillow("RGBA"),
    "grey_8.jp2": _jpeg2000(8, 1),
    "colour_8.jp2": _jpeg2000(8, 3),
    "colour_12.jp2": _jpeg2000(12, 3),
    "grey_16.jp2": _jpeg2000(16, 1),
    "bits.pbm": _pillow("1"),
    "grey.pgm": _pillow("L"),
    "colour.ppm": _pillow("RGB"),
    "deep.pgm": _portable(b"P5\n%d %d\n4095\n", (_DEEP >> 4).astype(">u2")),
    "deep.ppm": _portable(b"P6 # deep\n%d %d\n65535\n", _pixels(3, np.uint16).astype(">u2")),
    "plain.pnm": _portable(b"P2\n%d %d\n255\n", _GREY, plain=True),
    "plain_deep.pnm": _portable(b"P3\n%d %d\n65535\n", _pixels(3, np.uint16), plain=True),
    "grey.tif": _tiff(_GREY, photometric="miniswhite"),
    "colour.tif": _oriented(5),
    "alpha.tif": _tiff(_pixels(4), photometric="rgb", extrasamples=["assocalpha"]),
    "palette.tif": _pillow("P", compression="packbits"),
    "cmyk.tif": _tiff(_pixels(4), photometric="separated"),
    "lab.tif": _tiff(_pixels(3), photometric="cielab"),
    "ycbcr_jpeg.tif": _pillow("RGB", compression="jpeg"),
    "colour_jpeg.tif": _tiff(_pixels(), photometric="rgb", compression="jpeg", tile=(16, 16)),
    "webp.tif": _tiff(_pixels(), photometric="rgb", compression="webp"),
    "jpeg2000.tif": _tiff(_pixels(3, np.uint16), photometric="rgb", compression="jpeg2000"),
    "group3.tif": lambda path: _BILEVEL.save(path, compression="group3"),
    "group4.tif": lambda path: _BILEVEL.save(path, compression="group4"),
    "huffman.tif": lambda path: _BILEVEL.save(path, compression="tiff_ccitt"),
    "bits.tif": _tiff(_BITS),
    "deep_12.tif": _tiff(_DEEP >> 4, bitspersample=12),
    "deep.tif": _tiff(_DEEP, compression="lzw", predictor=True, rowsperstrip=5),
    "deep_colour.tif": _tiff(_pixels(3, np.uint16), photometric="rgb", compression="deflate", byteorder=">"),
    "planes.tif": _tiff(
        np.moveaxis(_pixels(3, np.uint16), 2, 0),
        photometric="rgb",
        planarconfig="separate",
        compression="zstd",
    ),
    "float.tif": _tiff(_FLOAT, compression="deflate", predictor=True, tile=(16, 16)),
    "many.tiff": _tiff(_pixels(5), photometric="minisblack", planarconfig="contig", bigtiff=True),
    "pages.tiff": _tiff(np.moveaxis(_pixels(3), 2, 0), photometric="minisblack", metadata=None),
    "bits.npy": _array(_BITS),
    "grey.npy": _array(_DEEP),
    "colour.npy": _array(_pixels()),
    "first.npy": _array(np.moveaxis(_pixels(3, np.float32), 2, 0)),
    "grey.dcm": _dicom(_GREY),
    "colour.dcm": _dicom(_pixels()),
    "negative.dcm": _dicom(_DEEP >> 4, kind="MONOCHROME1", bits=12),
    "deep.dcm": _dicom(_DEEP >> 4, bits=12, rescale=(2, -1000)),
    "signed.dcm": _dicom(_pixels(1, np.int16).squeeze()),
    "rle.dcm": _dicom(_DEEP, compressed="RLE"),
    "deflated.dcm": _dicom(_DEEP, compressed="deflate"),
    "jpeg.dcm": _dicom(_GREY, compressed="JPEG"),
    "jpeg2000.dcm": _dicom(_GREY, compressed="JPEG2000"),
    "grey.nii": _nifti(_GREY),
    "deep.nii": _nifti(_pixels(1, np.int16), (0.5, -3)),
    "float.nii": _nifti(_FLOAT),
    "grey.nii.gz": _nifti(_DEEP),
}


def sample_files() -> Iterator[tuple[str, bytes]]:
    """Make the content of every file, by its name."""
    with tempfile.TemporaryDirectory() as folder:
        for name, write in WRITERS.items():
            path = Path(folder) / name
            write(path)
            yield name, path.read_bytes()
