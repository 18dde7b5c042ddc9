"""TIFF in its many kinds: each compression and depth, what is black, alpha, colours, and several images."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image
from support.pictures import Array, random_pixels

from datamodules.files.readers import ImageError, read_header, read_image
from datamodules.files.value_range import ValueRange
from datamodules.files.writers import Origin, encoding_of, target_of

HEIGHT, WIDTH = 37, 29
LOSSLESS = ["lzw", "deflate", "zstd", "packbits", "lzma"]


def unit(values: Array, white: float) -> Array:
    return np.asarray(values.astype(np.float64).reshape(*values.shape[:2], -1) / white * 2 - 1)


def read_as_unit(path: Path) -> Array:
    image = read_image(path)
    assert read_header(path) == image.shape
    return unit(image, 255) if image.dtype == np.uint8 else np.asarray(image)


@pytest.mark.parametrize("compression", LOSSLESS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32, np.float32])
@pytest.mark.parametrize("layout", ["strips", "tiles", "planes", "predictor"])
def test_every_compression_keeps_every_value(
    tmp_path: Path, compression: str, dtype: Any, layout: str
) -> None:
    values = random_pixels(HEIGHT, WIDTH, 3, dtype=np.uint8 if dtype == np.uint8 else np.uint16)
    white = 1.0 if dtype == np.float32 else float(np.iinfo(dtype).max)
    stored = (values / np.iinfo(values.dtype).max * white).astype(dtype)
    layouts: dict[str, dict[str, Any]] = {
        "strips": {"rowsperstrip": 5},
        "tiles": {"tile": (16, 16)},
        "planes": {"planarconfig": "separate"},
        "predictor": {"predictor": compression not in ("packbits",)},
    }
    shown = np.moveaxis(stored, 2, 0) if layout == "planes" else stored
    tifffile.imwrite(tmp_path / "a.tif", shown, photometric="rgb", compression=compression, **layouts[layout])
    np.testing.assert_allclose(read_as_unit(tmp_path / "a.tif"), unit(stored, white), atol=1e-6)


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt", "packbits", None])
@pytest.mark.parametrize("zero", ["white", "black"])
def test_faxes_are_read_as_pillow_reads_them(tmp_path: Path, compression: str | None, zero: str) -> None:
    picture = Image.fromarray(random_pixels(HEIGHT, WIDTH, 1).squeeze() > 99)
    picture.save(tmp_path / "a.tif", compression=compression, tiffinfo={262: 0 if zero == "white" else 1})
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        assert tiff.pages.first.photometric == (0 if zero == "white" else 1)
    expected = np.asarray(Image.open(tmp_path / "a.tif").convert("L"))
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif")[:, :, 0], expected)
    assert 0 < expected.mean() < 255


@pytest.mark.parametrize("bits", [2, 4])
def test_few_bits_are_read_as_pillow_reads_them(tmp_path: Path, bits: int) -> None:
    values = random_pixels(HEIGHT, WIDTH, 1).squeeze() >> (8 - bits)
    tifffile.imwrite(tmp_path / "a.tif", values, bitspersample=bits, photometric="miniswhite")
    expected = np.asarray(Image.open(tmp_path / "a.tif").convert("L"))
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif")[:, :, 0], expected)
    assert expected.max() == 255


@pytest.mark.parametrize("bits", [10, 12, 14])
@pytest.mark.parametrize("channels", [1, 3])
def test_12_bits_are_written_as_12_bits(tmp_path: Path, bits: int, channels: int) -> None:
    """White is the greatest number of the bits, and in the file of a prediction too."""
    values = random_pixels(HEIGHT, WIDTH, channels, dtype=np.uint16) >> (16 - bits)
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, values.squeeze(), bitspersample=bits, photometric="rgb" if channels == 3 else "minisblack"
    )
    white = 2**bits - 1
    np.testing.assert_allclose(read_as_unit(path), unit(values, white), atol=1e-6)
    target = target_of(Origin(path))
    assert list(target.bounds) == [0, white]
    content = io.BytesIO()
    encoding_of(values, "a.tif", target).write(content)
    (tmp_path / "b.tif").write_bytes(content.getvalue())
    np.testing.assert_array_equal(read_image(tmp_path / "b.tif"), read_image(path))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_where_0_is_white_the_negative_is_stored(tmp_path: Path, dtype: Any) -> None:
    values = random_pixels(HEIGHT, WIDTH, 1, dtype=dtype).squeeze()
    white = np.iinfo(dtype).max
    tifffile.imwrite(tmp_path / "black.tif", values, photometric="minisblack")
    tifffile.imwrite(tmp_path / "white.tif", white - values, photometric="miniswhite")
    for value_range in (None, [0, white // 2], "p1-p99"):
        black, turned = (
            read_image(tmp_path / name, value_range=ValueRange.parse(value_range))
            for name in ("black.tif", "white.tif")
        )
        np.testing.assert_array_equal(turned, black)
    np.testing.assert_allclose(read_as_unit(tmp_path / "white.tif"), unit(values, white), atol=1e-6)


def test_where_0_is_white_and_nothing_is_black_is_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((4, 5), np.float32), photometric="miniswhite")
    with pytest.raises(ImageError, match=r"a\.tif: a TIFF of float32 in which 0 is white.*minisblack"):
        read_header(tmp_path / "a.tif")


def test_complex_numbers_are_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((4, 5), np.complex64))
    with pytest.raises(ImageError, match=r"a\.tif: a TIFF of complex64"):
        read_image(tmp_path / "a.tif", value_range=ValueRange.parse([0, 1]))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_colours_multiplied_by_their_alpha_are_divided(tmp_path: Path, dtype: Any) -> None:
    white = np.iinfo(dtype).max
    straight = random_pixels(HEIGHT, WIDTH, 4, dtype=dtype)
    straight[:5, :, 3], straight[5:9, :, 3] = 0, white
    opacity = straight[:, :, 3:] / white
    stored = np.concatenate([np.rint(straight[:, :, :3] * opacity).astype(dtype), straight[:, :, 3:]], axis=2)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, stored, photometric="rgb", extrasamples=["assocalpha"])
    if dtype == np.uint8:
        np.testing.assert_array_equal(read_image(path, 4), np.asarray(Image.open(path)))
    on_white = straight[:, :, :3] * opacity + white * (1 - opacity)
    np.testing.assert_allclose(read_as_unit(path), unit(on_white, white), atol=3 * 2 / white)


def test_deep_and_shallow_cmyk_are_what_pillow_makes_of_them(tmp_path: Path) -> None:
    inks = random_pixels(HEIGHT, WIDTH, 4)
    tifffile.imwrite(tmp_path / "8.tif", inks, photometric="separated")
    tifffile.imwrite(tmp_path / "16.tif", inks.astype(np.uint16) * 257, photometric="separated")
    expected = np.asarray(Image.open(tmp_path / "8.tif").convert("RGB"))
    np.testing.assert_array_equal(read_image(tmp_path / "8.tif"), expected)
    np.testing.assert_allclose(read_as_unit(tmp_path / "16.tif"), unit(expected, 255), atol=1.01 / 255)


@pytest.mark.parametrize("photometric", ["cielab", "palette"])
def test_lab_and_palettes_are_what_pillow_makes_of_them(tmp_path: Path, photometric: str) -> None:
    path = tmp_path / "a.tif"
    if photometric == "cielab":
        tifffile.imwrite(path, random_pixels(HEIGHT, WIDTH, 3), photometric="cielab")
    else:
        Image.fromarray(random_pixels(HEIGHT, WIDTH)).quantize(50).save(path, compression="tiff_lzw")
    np.testing.assert_array_equal(read_image(path), np.asarray(Image.open(path).convert("RGB")))


def test_deep_palettes_are_looked_up(tmp_path: Path) -> None:
    palette = random_pixels(3, 65536, 1, dtype=np.uint16).squeeze()
    indices = random_pixels(HEIGHT, WIDTH, 1, dtype=np.uint16).squeeze()
    tifffile.imwrite(tmp_path / "a.tif", indices, photometric="palette", colormap=palette)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), palette.T[indices] >> 8)
    assert read_header(tmp_path / "a.tif") == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize("options", [{"compression": "jpeg"}, {"compression": "jpeg", "quality": 30}])
def test_photographs_in_tiff_are_what_pillow_makes_of_them(tmp_path: Path, options: Any) -> None:
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    smooth = np.stack([rows * 5, columns * 7, 255 - rows * 3], axis=2).astype(np.uint8)
    path = tmp_path / "a.tif"
    Image.fromarray(smooth).save(path, **options)
    ours, theirs = read_image(path).astype(int), np.asarray(Image.open(path)).astype(int)
    assert np.abs(ours - theirs).max() <= 2  # two versions of one decoder
    assert np.abs(ours - smooth).mean() < 6


def test_brightness_and_colour_without_jpeg(tmp_path: Path) -> None:
    """Pillow 12 does not read what it writes here, Pillow 13 does."""
    path = tmp_path / "a.tif"
    picture = Image.fromarray(random_pixels(16, 16)).convert("YCbCr")
    picture.save(path)
    np.testing.assert_array_equal(read_image(path), np.asarray(picture.convert("RGB")))


@pytest.mark.parametrize("kind", ["colour", "palette", "sizes", "grey in colour"])
def test_of_several_images_none_is_cut_off(tmp_path: Path, kind: str) -> None:
    colour, grey = Image.fromarray(random_pixels(6, 9)), Image.fromarray(random_pixels(6, 9, 1).squeeze())
    first, second = {
        "colour": (colour, colour),
        "palette": (colour.quantize(9), colour.quantize(9)),
        "sizes": (grey, grey.resize((5, 5))),
        "grey in colour": (grey, colour),
    }[kind]
    path = tmp_path / "a.tif"
    first.save(path, save_all=True, append_images=[second])
    for read in (read_image, read_header):
        with pytest.raises(
            ImageError, match=r"a\.tif: a TIFF of .* images.*Split it into one file per image"
        ):
            read(path)


def test_small_copies_of_an_image_are_no_further_images(tmp_path: Path) -> None:
    pixels = random_pixels(40, 60)
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(pixels, photometric="rgb", metadata=None)
        file.write(pixels[::4, ::4], photometric="rgb", subfiletype=1, metadata=None)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), pixels)


def test_alpha_is_the_only_channel_beyond_the_colours(tmp_path: Path) -> None:
    """With more of them all are channels, wherever alpha is."""
    pixels = random_pixels(6, 9, 5)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, pixels, photometric="rgb", extrasamples=["unassalpha", "unspecified"])
    np.testing.assert_array_equal(read_image(path), pixels)
    assert read_header(path) == (6, 9, 5)
