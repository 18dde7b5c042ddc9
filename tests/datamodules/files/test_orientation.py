"""The orientation that a file notes is applied once: in every format, in headers, whole images and tiles."""

from __future__ import annotations

import itertools
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps
from support.pictures import Array, random_pixels, write_deep_png

from datamodules import UnpairedImages
from datamodules.files.readers import pixels_of, read_header, read_image

HEIGHT, WIDTH = 40, 60
EXIF = ["a.jpg", "a.png", "a.webp", "a.avif", "a.tif"]


def marked() -> Array:
    """A picture of which no turn looks like another one."""
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[:16, :24] = 255
    pixels[:, :8, 0] = 200
    return pixels


def save(path: Path, orientation: Any) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(marked()).save(path, exif=exif, quality=95)


def upright(path: Path) -> Array:
    with Image.open(path) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


@pytest.mark.parametrize(("name", "orientation"), itertools.product(EXIF, range(1, 9)))
def test_each_orientation_is_that_of_pillow(tmp_path: Path, name: str, orientation: int) -> None:
    path = tmp_path / name
    save(path, orientation)
    expected = upright(path)
    assert expected.shape[:2] == ((WIDTH, HEIGHT) if orientation >= 5 else (HEIGHT, WIDTH))
    np.testing.assert_array_equal(read_image(path), expected)
    assert read_header(path) == expected.shape
    with Image.open(path) as image:
        np.testing.assert_array_equal(pixels_of(image, 3), expected)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp"])
def test_what_is_no_orientation_is_ignored(tmp_path: Path, name: str, orientation: Any) -> None:
    path = tmp_path / name
    save(path, orientation)
    assert read_header(path) == read_image(path).shape == (HEIGHT, WIDTH, 3)
    np.testing.assert_array_equal(read_image(path), upright(path))


@pytest.mark.parametrize("tag", [("H", 1, 0), ("H", 1, 9), ("I", 1, 2**31), ("s", 0, "6"), ("H", 2, (6, 6))])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_what_is_no_orientation_of_a_tiff_is_ignored(tmp_path: Path, tag: Any, dtype: Any) -> None:
    pixels = random_pixels(HEIGHT, WIDTH, dtype=dtype)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, pixels, photometric="rgb", extratags=[(274, *tag, True)])
    assert read_header(path) == (HEIGHT, WIDTH, 3)
    white = np.iinfo(dtype).max
    image = read_image(path)
    unit = image / 127.5 - 1 if dtype == np.uint8 else image
    np.testing.assert_allclose(unit, pixels / white * 2 - 1, atol=1e-6)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["grey 8", "RGB 8", "palette", "bits", "RGB 16", "float", "lab"])
def test_each_kind_of_tiff_is_turned_once(tmp_path: Path, kind: str, orientation: int) -> None:
    colour, path = marked(), tmp_path / "a.tif"
    grey = colour[:, :, 0]
    kinds: dict[str, dict[str, Any]] = {
        "grey 8": {"data": grey},
        "RGB 8": {"data": colour, "photometric": "rgb"},
        "palette": {
            "data": grey,
            "photometric": "palette",
            "colormap": np.arange(768, dtype=np.uint16).reshape(3, 256),
        },
        "bits": {"data": grey > 99},
        "RGB 16": {"data": colour.astype(np.uint16) * 257, "photometric": "rgb"},
        "float": {"data": grey.astype(np.float32) / 255},
        "lab": {"data": colour, "photometric": "cielab"},
    }
    options = kinds[kind]
    tifffile.imwrite(path, **options)
    plain = read_image(path)
    tifffile.imwrite(path, **options, extratags=[(274, "H", 1, orientation, True)])
    turns = {1: 0, 3: 2, 6: -1, 8: 1, 2: 0, 4: 2, 7: -1, 5: 1}[orientation]
    mirrored = plain[:, ::-1] if orientation in (2, 4, 5, 7) else plain
    np.testing.assert_array_equal(read_image(path), np.rot90(mirrored, turns))
    assert read_header(path) == read_image(path).shape


@pytest.mark.parametrize("orientation", [1, 3, 6, 7])
@pytest.mark.parametrize("name", ["a.tif", "a.jpg", "deep.tif"])
def test_tiles_are_parts_of_the_upright_image(tmp_path: Path, name: str, orientation: int) -> None:
    path = tmp_path / name
    if name == "deep.tif":
        tag = (274, "H", 1, orientation, True)
        tifffile.imwrite(path, marked().astype(np.uint16) * 257, photometric="rgb", extratags=[tag])
    else:
        save(path, orientation)
    options: dict[str, Any] = {"faces_count": 2, "test_count": 2, "size": 16, "predict_dir": str(tmp_path)}
    (whole,) = (batch.finish().images for batch in UnpairedImages(**options).predict_dataloader())
    with pytest.warns(UserWarning, match="Tiles differ"):
        batches = [batch.finish() for batch in UnpairedImages(**options, tile=32).predict_dataloader()]
    pieces = [
        (image, tile) for batch in batches for image, tile in zip(batch.images, batch.tiles, strict=True)
    ]
    assert len(pieces) > 4
    for image, tile in pieces:
        assert (tile.height, tile.width) == whole.shape[2:]
        there = whole[0, :, tile.top : tile.top + 32, tile.left : tile.left + 32]
        assert (image == there).all()


def test_a_deep_png_is_upright(tmp_path: Path) -> None:
    pixels = random_pixels(6, 9, 3, dtype=np.uint16)
    path = write_deep_png(tmp_path / "a.png", pixels)
    exif = Image.Exif()
    exif[0x0112] = 6
    content, noted = path.read_bytes(), exif.tobytes().removeprefix(b"Exif\0\0")
    chunk = len(noted).to_bytes(4, "big") + b"eXIf" + noted
    chunk += zlib.crc32(b"eXIf" + noted).to_bytes(4, "big")
    path.write_bytes(content[:33] + chunk + content[33:])
    np.testing.assert_allclose(read_image(path), np.rot90(pixels, -1) / 65535 * 2 - 1, atol=1e-7)
    assert read_header(path) == (9, 6, 3)
