"""The round-trip table: file -> [-1, 1] -> the same picture in the same format and depth.

`pytest -n 0 -v tests/datamodules/files/test_round_trips.py` prints it: one line per format and depth.
"""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image
from support.medical import write_dicom, write_nifti
from support.pictures import Array, random_pixels, write_deep_png, write_image

from datamodules.files.formats.common import ROWS
from datamodules.files.readers import FORMATS, format_of, module_of, read_image, read_stored
from datamodules.files.value_range import ValueRange, from_unit
from datamodules.files.writers import Origin, encoding_of, target_of

HEIGHT, WIDTH = 2 * ROWS + 3, 7  # rows are read and written a few at a time


class Trip(NamedTuple):
    """A kind of file: its name, how its stored values are written, these values, and the declared range."""

    name: str
    write: Callable[[Path, Any], object]
    pixels: Array
    value_range: list[float] | str | None = None


def npy(path: Path, pixels: Array) -> None:
    np.save(path, pixels)


def many_channels(path: Path, pixels: Array) -> None:
    tifffile.imwrite(path, pixels, photometric="minisblack", planarconfig="contig")


def deep_pixmap(path: Path, pixels: Array) -> None:
    white = 2 ** int(pixels.max()).bit_length() - 1
    kind = 5 if pixels.shape[2] == 1 else 6
    start = f"P{kind}\n{pixels.shape[1]} {pixels.shape[0]}\n{white}\n"
    path.write_bytes(start.encode() + pixels.astype(">u2").tobytes())


def jpeg2000(path: Path, pixels: Array) -> None:
    bits = int(pixels.max()).bit_length()
    path.write_bytes(
        imagecodecs.jpeg2k_encode(pixels.squeeze(), level=0, codecformat="jp2", bitspersample=bits)
    )


def floats(channels: int, low: float = 0, high: float = 1, dtype: Any = np.float32) -> Array:
    unit = np.random.default_rng(0).random((HEIGHT, WIDTH, channels))
    return (low + unit * (high - low)).astype(dtype).squeeze()


def ints(channels: int, dtype: Any) -> Array:
    return random_pixels(HEIGHT, WIDTH, channels, dtype=dtype)


def hounsfield(low: int = -1000, high: int = 400) -> Array:
    return np.random.default_rng(0).integers(low, high, (HEIGHT, WIDTH), np.int16, endpoint=True)


TRIPS = {
    "PNG grey 8": Trip("a.png", write_image, ints(1, np.uint8)),
    "PNG RGB 8": Trip("a.png", write_image, ints(3, np.uint8)),
    "PNG grey 16": Trip("a.PNG", write_deep_png, ints(1, np.uint16)),
    "PNG RGB 16": Trip("a.png", write_deep_png, ints(3, np.uint16)),
    "BMP RGB 8": Trip("a.bmp", write_image, ints(3, np.uint8)),
    "PGM 8": Trip("a.pgm", write_image, ints(1, np.uint8)),
    "PPM 8": Trip("a.ppm", write_image, ints(3, np.uint8)),
    "PPM 16": Trip("a.ppm", deep_pixmap, ints(3, np.uint16)),
    "PNM 10 of 16 bits": Trip("a.pnm", deep_pixmap, ints(1, np.uint16) >> 6),
    "JPEG 2000 RGB 8": Trip("a.jp2", jpeg2000, ints(3, np.uint8)),
    "JPEG 2000 RGB 16": Trip("a.jp2", jpeg2000, ints(3, np.uint16)),
    "JPEG 2000 12 of 16 bits": Trip("a.jp2", jpeg2000, ints(1, np.uint16) >> 4),
    "TIFF grey 8": Trip("a.tif", write_image, ints(1, np.uint8)),
    "TIFF RGB 8": Trip("a.tif", tifffile.imwrite, ints(3, np.uint8)),
    "TIFF 4 channels 8": Trip("a.tif", many_channels, ints(4, np.uint8)),
    "TIFF grey 16": Trip("a.tiff", tifffile.imwrite, ints(1, np.uint16).squeeze()),
    "TIFF grey 12 of 16 bits": Trip(
        "a.tif",
        lambda path, pixels: tifffile.imwrite(path, pixels, bitspersample=12),
        ints(1, np.uint16).squeeze() >> 4,
    ),
    "TIFF grey 16, 0 is white": Trip(
        "a.tif",
        lambda path, pixels: tifffile.imwrite(path, pixels, photometric="miniswhite"),
        ints(1, np.uint16).squeeze(),
    ),
    "TIFF RGB 16": Trip("a.tif", tifffile.imwrite, ints(3, np.uint16)),
    "TIFF 5 channels 16": Trip("a.tif", tifffile.imwrite, ints(5, np.uint16)),
    "TIFF grey float32": Trip("a.tif", tifffile.imwrite, floats(1)),
    "TIFF RGB float32": Trip("a.tif", tifffile.imwrite, floats(3)),
    "TIFF int16 window": Trip("a.tif", tifffile.imwrite, hounsfield(), [-1000, 400]),
    "TIFF float32 percentiles": Trip("a.tif", tifffile.imwrite, floats(1, -3, 8), "p0-p100"),
    "NumPy bool": Trip("a.npy", npy, ints(1, np.uint8).squeeze() > 99),
    "NumPy uint8": Trip("a.npy", npy, ints(3, np.uint8)),
    "NumPy uint8 window": Trip("a.npy", npy, ints(1, np.uint8).squeeze() % 9, [0, 10]),
    "NumPy uint16 big endian": Trip("a.npy", npy, ints(1, np.uint16).squeeze().astype(">u2")),
    "NumPy float32": Trip("a.npy", npy, floats(1)),
    "NumPy float64 channels first": Trip("a.npy", npy, np.moveaxis(floats(2, -1, 1, float), 2, 0), [-1, 1]),
    "DICOM grey 8": Trip("a.dcm", write_dicom, ints(1, np.uint8).squeeze()),
    "DICOM RGB 8": Trip("a.dcm", write_dicom, ints(3, np.uint8)),
    "DICOM 12 of 16 bits": Trip(
        "a.dcm", lambda path, pixels: write_dicom(path, pixels, bits=12), ints(1, np.uint16).squeeze() % 4096
    ),
    "DICOM CT window": Trip(
        "a.dcm",
        lambda path, pixels: write_dicom(path, pixels, rescale=(1, -1024)),
        hounsfield(24, 1424),
        [-1000, 400],
    ),
    "DICOM negative window": Trip(
        "a.dcm",
        lambda path, pixels: write_dicom(path, pixels, rescale=(1, -1024), kind="MONOCHROME1"),
        (65535 - hounsfield(24, 1424).astype(np.int32)).astype(np.uint16),
        [-1000, 400],
    ),
    "NIfTI uint8": Trip("a.nii", write_nifti, ints(1, np.uint8).squeeze()),
    "NIfTI int16 window": Trip("a.nii.gz", write_nifti, hounsfield()[:, :, None], [-1000, 400]),
    "NIfTI uint16 rescaled": Trip(
        "a.nii", lambda path, pixels: write_nifti(path, pixels, (2, -1000)), ints(1, np.uint16).squeeze()
    ),
    "NIfTI float32 percentiles": Trip("a.nii.gz", write_nifti, floats(1, -3, 8), "p0-p100"),
}


def stored(path: Path) -> Array:
    pixels: Array = module_of(str(format_of(path))).decode(path).pixels
    return pixels


def there_and_back(path: Path, value_range: ValueRange) -> Path:
    """Read a file, do nothing in [-1, 1], and write it into the folder `back`."""
    image = read_image(path, value_range=value_range)
    unit = image / np.float32(127.5) - 1 if image.dtype == np.uint8 else image
    assert np.abs(unit).max() <= 1
    target = target_of(Origin(path, value_range))
    encoding = encoding_of(from_unit(unit, target.bounds, target.dtype), path.name, target)
    back = path.parent / "back" / encoding.name
    back.parent.mkdir()
    with back.open("wb") as file:
        encoding.write(file)
    return back


@pytest.mark.parametrize("kind", TRIPS)
def test_round_trip(tmp_path: Path, kind: str) -> None:
    trip = TRIPS[kind]
    path = tmp_path / trip.name
    trip.write(path, trip.pixels)
    back = there_and_back(path, ValueRange.parse(trip.value_range))
    assert back.name == trip.name
    assert read_stored(back) == read_stored(path)
    given, written = stored(path), stored(back)
    assert written.dtype == given.dtype
    assert np.ptp(given.astype(float)) > 0
    if trip.pixels.dtype.kind == "f":
        scale = float(np.abs(given).max())
        np.testing.assert_allclose(written, given, rtol=0, atol=scale * 2**-22)
    else:
        np.testing.assert_array_equal(written, given)


def test_every_format_without_loss_makes_the_trip() -> None:
    lossy = {"JPEG", "WebP", "AVIF", "GIF"}
    assert {format_of(Path(trip.name)) for trip in TRIPS.values()} == {*FORMATS.values()} - lossy


def test_arrays_keep_their_axes(tmp_path: Path) -> None:
    shapes: dict[str, tuple[int, ...]] = {"plain": (5, 7), "first": (3, 5, 7), "last": (5, 7, 3)}
    for name, shape in shapes.items():
        path = tmp_path / name / "a.npy"
        path.parent.mkdir()
        np.save(path, random_pixels(1, int(np.prod(shape))).ravel()[: np.prod(shape)].reshape(shape))
        np.testing.assert_array_equal(np.load(there_and_back(path, ValueRange())), np.load(path))


@pytest.mark.parametrize(("name", "longest"), [("a.jpg", 65500), ("a.webp", 16383), ("a.avif", 32768)])
def test_sides_that_a_format_cannot_have_become_png(name: str, longest: int) -> None:
    for side, written in ((longest, name), (longest + 1, "a.png")):
        encoding = encoding_of(np.zeros((1, side, 1), np.uint8), name)
        assert encoding.name == written
        encoding.write(content := BytesIO())
        with Image.open(content) as picture:
            assert picture.size == (side, 1)
