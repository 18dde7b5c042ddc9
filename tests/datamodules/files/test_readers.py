from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps
from support.pictures import random_pixels, write_deep_png, write_image

from datamodules.files.formats import pictures
from datamodules.files.formats.common import ROWS
from datamodules.files.readers import ImageError, read_header, read_image

HEIGHT, WIDTH = 6, 9


def smooth() -> Any:
    rows, columns = np.mgrid[0:48, 0:64]
    return np.stack([rows * 5, columns * 3, 255 - rows * 2], 2).astype(np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".TIFF"])
def test_lossless_files_keep_every_pixel(tmp_path: Path, suffix: str, channels: int) -> None:
    pixels = random_pixels(HEIGHT, WIDTH, channels)
    path = write_image(tmp_path / f"a{suffix}", pixels)
    image = read_image(path)
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, pixels)
    assert read_header(path) == (HEIGHT, WIDTH, channels)


def test_webp_and_jpeg(tmp_path: Path) -> None:
    pixels = random_pixels(HEIGHT, WIDTH)
    np.testing.assert_array_equal(read_image(write_image(tmp_path / "a.webp", pixels, lossless=True)), pixels)
    for name in ("a.jpg", "b.JPEG"):
        image = read_image(write_image(tmp_path / name, smooth(), quality=95))
        assert np.abs(image.astype(int) - smooth()).mean() < 2


@pytest.mark.parametrize("channels", [1, 3])
def test_16_bit_png_is_not_cut_to_8_bit(tmp_path: Path, channels: int) -> None:
    pixels = random_pixels(HEIGHT, WIDTH, channels, dtype=np.uint16)
    path = write_deep_png(tmp_path / "a.png", pixels)
    image = read_image(path)
    assert image.dtype == np.float32
    np.testing.assert_allclose(image, pixels / 65535 * 2 - 1, atol=1e-7)
    assert read_header(path) == (HEIGHT, WIDTH, channels)


@pytest.mark.parametrize(
    ("channels", "options"),
    [
        (1, {}),
        (3, {}),
        (3, {"compression": "zlib", "predictor": True}),
        (5, {}),
        (5, {"photometric": "minisblack", "planarconfig": "contig"}),
        (3, {"byteorder": ">"}),
    ],
)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_tiff_of_any_channels_and_depth(tmp_path: Path, channels: int, options: Any, dtype: Any) -> None:
    pixels = random_pixels(HEIGHT, WIDTH, channels, dtype=dtype)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, pixels.squeeze(), **options)
    image = read_image(path, channels)
    if dtype == np.uint8:
        np.testing.assert_array_equal(image, pixels)
    else:
        np.testing.assert_allclose(image, pixels / 65535 * 2 - 1, atol=1e-7)
    assert read_header(path) == (HEIGHT, WIDTH, channels)


@pytest.mark.parametrize(("channels", "photometric"), [(2, "minisblack"), (3, "minisblack"), (4, "rgb")])
def test_tiff_channels_that_are_no_colours_are_kept(tmp_path: Path, channels: int, photometric: str) -> None:
    pixels = random_pixels(HEIGHT, WIDTH, channels)
    beyond = ["unspecified"] * (channels - (3 if photometric == "rgb" else 1))
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, pixels, photometric=photometric, planarconfig="contig", extrasamples=beyond)
    np.testing.assert_array_equal(read_image(path), pixels)
    assert read_header(path) == (HEIGHT, WIDTH, channels)


def test_tiff_with_channels_first(tmp_path: Path) -> None:
    pixels = random_pixels(HEIGHT, WIDTH, 4)
    tifffile.imwrite(tmp_path / "a.tif", pixels.transpose(2, 0, 1), photometric="minisblack")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), pixels)


def test_floating_point_tiff_covers_0_to_1(tmp_path: Path) -> None:
    pixels = np.array([[0.0, 0.25, 1.0]], np.float32)
    tifffile.imwrite(tmp_path / "a.tif", pixels)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif")[:, :, 0], [[-1.0, -0.5, 1.0]])


@pytest.mark.parametrize(
    "pixels",
    [
        np.array([[0.0, 2.0]], np.float32),
        np.array([[0.5, np.nan]], np.float32),
        np.array([[-5, 9]], np.int16),
    ],
)
def test_values_without_a_known_range_are_refused(tmp_path: Path, pixels: Any) -> None:
    tifffile.imwrite(tmp_path / "ct.tif", pixels)
    with pytest.raises(ImageError, match=r"ct\.tif.*no known range.*Store"):
        read_image(tmp_path / "ct.tif")


def test_transparent_images_lie_on_white(tmp_path: Path) -> None:
    pixels = np.zeros((1, 3, 4), np.uint8)
    pixels[0, :, 3] = [0, 255, 51]  # transparent, opaque, a fifth
    Image.fromarray(pixels).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png", 3)[0, :, 0], [255, 0, 204])
    np.testing.assert_array_equal(read_image(tmp_path / "a.png", 4), pixels)
    assert read_image(tmp_path / "a.png").shape == (1, 3, 3)
    Image.fromarray(pixels).convert("LA").save(tmp_path / "b.png")
    np.testing.assert_array_equal(read_image(tmp_path / "b.png")[0, :, 0], [255, 0, 204])
    assert read_header(tmp_path / "b.png").channels == 1


def test_palettes_cmyk_and_bits_become_plain(tmp_path: Path) -> None:
    red = Image.new("RGB", (WIDTH, HEIGHT), (255, 0, 0))
    red.convert("P", palette=Image.Palette.ADAPTIVE).save(tmp_path / "p.png")
    red.convert("P", palette=Image.Palette.ADAPTIVE).save(tmp_path / "t.png", transparency=0)
    red.convert("CMYK").save(tmp_path / "c.tif")
    red.convert("CMYK").save(tmp_path / "c.jpg", quality=95)
    Image.new("1", (WIDTH, HEIGHT), 1).save(tmp_path / "b.png")
    for name in ("p.png", "c.tif", "c.jpg"):
        image = read_image(tmp_path / name)
        assert np.abs(image.astype(int) - [255, 0, 0]).max() < 4, name
        assert read_header(tmp_path / name).channels == 3
    assert (read_image(tmp_path / "t.png", 3) == 255).all()
    bits = read_image(tmp_path / "b.png")
    assert bits.shape == (HEIGHT, WIDTH, 1)
    assert (bits == 255).all()


def test_grey_and_colour_are_converted(tmp_path: Path) -> None:
    grey, colour = random_pixels(HEIGHT, WIDTH, 1), random_pixels(HEIGHT, WIDTH, 3)
    write_image(tmp_path / "g.png", grey)
    write_image(tmp_path / "c.png", colour)
    np.testing.assert_array_equal(read_image(tmp_path / "g.png", 3), np.repeat(grey, 3, 2))
    expected = np.asarray(Image.fromarray(colour).convert("L")).astype(int)
    assert np.abs(read_image(tmp_path / "c.png", 1)[:, :, 0].astype(int) - expected).max() <= 1
    with pytest.raises(ImageError, match=r"c\.png.*3 channels where 5"):
        read_image(tmp_path / "c.png", 5)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_are_upright(tmp_path: Path, orientation: int) -> None:
    image = Image.fromarray(random_pixels(HEIGHT, WIDTH))
    exif = image.getexif()
    exif[0x0112] = orientation
    image.save(tmp_path / "a.png", exif=exif)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(tmp_path / "a.png")))
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), upright)
    assert read_header(tmp_path / "a.png")[:2] == upright.shape[:2]


def test_deep_tiffs_are_upright(tmp_path: Path) -> None:
    pixels = random_pixels(HEIGHT, WIDTH, dtype=np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", pixels, extratags=[(274, "H", 1, 6, True)])
    np.testing.assert_allclose(
        read_image(tmp_path / "a.tif"), np.rot90(pixels, -1) / 65535 * 2 - 1, atol=1e-7
    )


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.bmp", "a.webp", "a.tif", "deep.png", "deep.tif"])
def test_truncated_files_are_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    deep = random_pixels(60, 60, dtype=np.uint16)
    if name == "deep.png":
        write_deep_png(path, deep)
    elif name == "deep.tif":
        tifffile.imwrite(path, deep)
    else:
        write_image(path, random_pixels(60, 60))
    read_image(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ImageError, match=rf"{name}: the image is damaged.*on_bad_image: skip"):
        read_image(path)


def test_mislabelled_files_are_named(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", random_pixels(4, 4)).rename(tmp_path / "a.jpg")
    (tmp_path / "b.jpg").write_text("<html>not found</html>")
    (tmp_path / "c.png").touch()
    for name, reason in {"a.jpg": "holds a PNG", "b.jpg": "holds no image", "c.png": "is empty"}.items():
        with pytest.raises(ImageError, match=rf"{name}.*{reason}.*skip"):
            read_image(tmp_path / name)
        with pytest.raises(ImageError, match=rf"{name}.*{reason}"):
            read_header(tmp_path / name)


@pytest.mark.parametrize(("given", "wanted"), [(4, 3), (4, 1), (3, 1), (2, 1), (1, 3)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_tall_images_are_what_their_parts_are(tmp_path: Path, given: int, wanted: int, dtype: Any) -> None:
    """Rows are converted a few at a time, whose number the height of an image need not be a multiple of."""
    pixels = random_pixels(2 * ROWS + 5, 6, given, dtype=dtype)
    cuts = [0, 40, ROWS + 20, len(pixels)]
    written = {"whole.png": pixels} | {f"{top}.png": pixels[top:end] for top, end in pairwise(cuts)}
    for name, part in written.items():
        with (tmp_path / name).open("wb") as file:
            pictures.encode(part, "PNG", file)
    whole, *parts = (read_image(tmp_path / name, wanted) for name in written)
    assert whole.shape == (len(pixels), 6, wanted)
    np.testing.assert_array_equal(whole, np.concatenate(parts))
