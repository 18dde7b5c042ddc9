from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from datamodules.unpaired.module import UnpairedImages
from gans.callbacks.predicting.write_predictions import WritePredictions, save_image
from gans.protocol import Predictions

CONTENT = {  # suffix -> what Pillow calls the format that such a file must hold
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jfif": "JPEG",
    ".webp": "WEBP",
    ".avif": "AVIF",
    ".bmp": "BMP",
    ".tiff": "TIFF",
    ".jp2": "JPEG2000",
    ".ppm": "PPM",
    ".pgm": "PPM",
    ".pnm": "PPM",
}


def gradient(channels: int) -> torch.Tensor:
    """Return an image (C, 2, 3) whose values are those of some bytes."""
    pixels = torch.arange(channels * 6).view(channels, 2, 3) * 5
    return pixels.float() / 127.5 - 1


@pytest.mark.parametrize(
    ("channels", "name", "written", "mode"),
    [
        (3, "a.png", "a.png", "RGB"),
        (1, "a.png", "a.png", "L"),
        (4, "a.png", "a.png", "RGBA"),
        (3, "a.JPG", "a.JPG", "RGB"),
        (3, "a.webp", "a.webp", "RGB"),
        (3, "more/a.bmp", "more/a.bmp", "RGB"),
        (3, "a.tiff", "a.tiff", "RGB"),
        (4, "a.jpg", "a.png", "RGBA"),
        (3, "a", "a.png", "RGB"),
        (3, "a.gif", "a.png", "RGB"),
        (1, "a.gif", "a.png", "L"),
        (3, "a.jfif", "a.jfif", "RGB"),
        (3, "a.avif", "a.avif", "RGB"),
        (4, "a.avif", "a.avif", "RGBA"),
        (3, "a.jp2", "a.jp2", "RGB"),
        (1, "a.jp2", "a.jp2", "L"),
        (4, "a.jp2", "a.jp2", "RGBA"),
        (3, "a.ppm", "a.ppm", "RGB"),
        (1, "a.ppm", "a.png", "L"),
        (1, "a.pgm", "a.pgm", "L"),
        (3, "a.pgm", "a.png", "RGB"),
        (1, "a.pbm", "a.png", "L"),
        (1, "a.pnm", "a.pnm", "L"),
        (3, "a.pnm", "a.pnm", "RGB"),
        (4, "a.pnm", "a.png", "RGBA"),
    ],
)
def test_the_format_is_that_of_the_input_where_it_can_be(
    tmp_path: Path, channels: int, name: str, written: str, mode: str
) -> None:
    path = save_image(gradient(channels), tmp_path, name)
    assert path == tmp_path / written
    with Image.open(path) as picture:
        assert (picture.mode, picture.size) == (mode, (3, 2))
        assert picture.format == CONTENT[path.suffix.lower()]


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif", "a.jp2", "a.ppm", "a.pnm", "a.gif"])
def test_lossless_formats_keep_every_value(tmp_path: Path, name: str) -> None:
    pixels = np.asarray(Image.open(save_image(gradient(3), tmp_path, name)))
    expected = np.arange(18, dtype=np.uint8).reshape(3, 2, 3).transpose(1, 2, 0) * 5
    np.testing.assert_array_equal(pixels, expected)


def test_values_out_of_range_are_clipped(tmp_path: Path) -> None:
    image = torch.tensor([-2.0, -1.0, 1.0, 2.0, float("nan")]).view(1, 1, 5)
    pixels = np.asarray(Image.open(save_image(image, tmp_path, "a.png")))
    assert pixels.tolist() == [[0, 0, 255, 255, 128]]


def test_other_numbers_of_channels_become_tiff(tmp_path: Path) -> None:
    path = save_image(gradient(5), tmp_path, "a.png")
    assert path.name == "a.tiff"
    assert tifffile.imread(path).shape == (2, 3, 5)


@pytest.mark.parametrize("name", ["../a.png", "/a.png"])
def test_names_do_not_lead_out_of_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="outside of"):
        save_image(gradient(3), tmp_path / "out", name)


def write(folder: Path, prediction: Any, data: Any = None) -> None:
    trainer: Any = SimpleNamespace(default_root_dir=str(folder), datamodule=data)
    module: Any = torch.nn.Identity()
    writer = WritePredictions()
    writer.write_on_batch_end(trainer, module, prediction, None, None, 0, 0)
    writer.on_predict_end(trainer, module)


def test_every_picture_of_a_batch_gets_its_name(tmp_path: Path) -> None:
    write(tmp_path, Predictions(torch.zeros(2, 3, 4, 4), ["a.png", "more/b.jpg"]))
    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")} == {
        "a.png",
        "more/b.jpg",
    }


def test_a_variant_that_predicts_something_else_is_told(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"Identity\.predict_step returned Tensor"):
        write(tmp_path, torch.zeros(2))


def test_pictures_of_a_folder_keep_depth_and_range(tmp_path: Path) -> None:
    deep = np.array([[0, 1000, 65535]], np.uint16)
    (tmp_path / "in").mkdir()
    Image.fromarray(deep).save(tmp_path / "in" / "deep.png")
    np.save(tmp_path / "in" / "ct.npy", np.array([[-2000, -300, 400]], np.int16))
    data = Unlearned(tmp_path / "in", [-1000, 400])
    ct = Predictions(torch.tensor([[[[-1.0, 0, 1]]]] * 2), ["a/ct.npy", "b/ct.npy"], ["ct.npy"] * 2)
    write(tmp_path / "out", ct, data)
    for name in ("a", "b"):
        written = np.load(tmp_path / "out" / name / "ct.npy")
        assert written.dtype == np.int16
        assert written.tolist() == [[-1000, -300, 400]]
    unit = torch.from_numpy(deep.astype(np.float32)) / 65535 * 2 - 1
    data = Unlearned(tmp_path / "in", None)
    write(tmp_path / "out", Predictions(unit[None, None], ["deep.png"]), data)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out" / "deep.png")), deep)


class Unlearned(UnpairedImages):
    """A data module of drawn faces that are never drawn, with a folder to predict."""

    def __init__(self, folder: Path, value_range: list[float] | None) -> None:
        super().__init__(predict_dir=str(folder), value_range=value_range)
