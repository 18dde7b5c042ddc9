"""PNG of 16 bit: every kind keeps every value, and a damaged one is named without ending the process."""

from __future__ import annotations

import itertools
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.pictures import Array, random_pixels, write_deep_png

from datamodules.files.readers import read_header, read_image

HEIGHT, WIDTH = 21, 19  # neither divides by 8, so that the passes of Adam7 have sizes of their own
DAMAGED = Path(__file__).with_name("damaged_16_bit.png")


def on_white(pixels: Array) -> Array:
    """Return what is seen of colours (H, W, C) with alpha as the last channel, in [-1, 1]."""
    colour, opacity = pixels[:, :, :-1] / 65535, pixels[:, :, -1:] / 65535
    return np.asarray((colour * opacity + 1 - opacity) * 2 - 1)


@pytest.mark.parametrize(("channels", "interlaced"), itertools.product([1, 2, 3, 4], [False, True]))
def test_every_kind_keeps_every_value(tmp_path: Path, channels: int, interlaced: bool) -> None:
    pixels = random_pixels(HEIGHT, WIDTH, channels, dtype=np.uint16)
    path = write_deep_png(tmp_path / "a.png", pixels, interlaced=interlaced)
    unit = pixels / 65535 * 2 - 1
    if channels in (2, 4):
        np.testing.assert_allclose(read_image(path), on_white(pixels), atol=2 / 65535)
        np.testing.assert_allclose(read_image(path, channels), unit, atol=1e-6)
    else:
        np.testing.assert_allclose(read_image(path), unit, atol=1e-6)
    assert read_header(path) == (HEIGHT, WIDTH, channels - (channels in (2, 4)))


@pytest.mark.parametrize("channels", [1, 3])
def test_one_value_may_be_transparent(tmp_path: Path, channels: int) -> None:
    """The chunk tRNS names it with all 16 bits: what shares the upper eight is not transparent."""
    pixels = random_pixels(HEIGHT, WIDTH, channels, dtype=np.uint16)
    pixels[2, 3], pixels[5, 7] = 0x1234, 0x1235
    hole = struct.pack(f">{channels}H", *pixels[2, 3])
    path = write_deep_png(tmp_path / "a.png", pixels, transparent=hole)
    expected = pixels / 65535 * 2 - 1
    expected[2, 3] = 1
    np.testing.assert_allclose(read_image(path), expected, atol=2 / 65535)
    assert read_header(path) == (HEIGHT, WIDTH, channels)


def test_a_damaged_one_does_not_end_the_process() -> None:
    """torchvision's decoder ends it with a segmentation fault, so it is read in another process here."""
    program = (
        "import sys\n"
        "from datamodules.files.readers import ImageError, read_image\n"
        "try:\n"
        "    read_image(sys.argv[1])\n"
        "except ImageError as error:\n"
        "    sys.stdout.write(str(error))\n"
    )
    assert DAMAGED.stat().st_size == 1109
    answer = subprocess.run([sys.executable, "-c", program, DAMAGED], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith(f"{DAMAGED}: the image is damaged or truncated (")
