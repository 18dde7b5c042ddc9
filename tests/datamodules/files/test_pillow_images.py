from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datamodules.files.readers import ImageError, pixels_of, read_image

COLOURS = np.random.default_rng(0).integers(0, 256, (5, 7, 4), dtype=np.uint8)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA"])
def test_an_open_image_has_the_pixels_of_its_file(tmp_path: Path, mode: str, channels: int) -> None:
    path = tmp_path / "picture.png"
    Image.fromarray(COLOURS).convert(mode).save(path)
    if channels == 4 and mode not in ("P", "RGBA"):  # whose palette has alpha too
        with pytest.raises(ImageError, match=r"picture\.png: the image has . channels where 4 are expected"):
            pixels_of(Image.open(path), channels)
    else:
        assert np.array_equal(pixels_of(Image.open(path), channels), read_image(path, channels))


def test_an_open_image_is_turned_upright(tmp_path: Path) -> None:
    path, exif = tmp_path / "picture.jpg", Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(COLOURS[:, :, :3]).save(path, exif=exif)
    pixels = pixels_of(Image.open(path), 3)
    assert pixels.shape == (7, 5, 3)
    assert np.array_equal(pixels, read_image(path))


@pytest.mark.parametrize("mode", ["I;16", "I", "F"])
def test_deep_images_are_refused(mode: str) -> None:
    with pytest.raises(ImageError, match=rf"The image: .* 8 bit .* mode of this one is {mode}"):
        pixels_of(Image.new(mode, (2, 2)), 1)
