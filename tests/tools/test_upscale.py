"""One command from the authors' file, or a checkpoint, and a folder to larger pictures."""

from __future__ import annotations

import sys
from pathlib import Path
from unittest.mock import patch

import pytest
from PIL import Image
from support.commands import run
from support.official import convert, save, small
from support.parity import official_state
from support.pictures import random_pixels, write_image

import gans
from gans.tools.upscale import main


def upscale(*arguments: object) -> int:
    """Run the tool; `predict` runs in this process, which ends the run of the first."""
    with patch.object(sys, "argv", ["upscale", *map(str, arguments)]):
        return main(lambda predict: run(*predict))


def test_the_authors_file_enlarges_a_folder_as_its_checkpoint_does(tmp_path: Path) -> None:
    weights = save({"params_ema": official_state("rrdbnet_x2")}, tmp_path / "RealESRGAN_x2plus.pth")
    images = {"a.png": random_pixels(9, 7), "sub/b.png": random_pixels(12, 10, seed=1)}
    for name, pixels in images.items():
        write_image(tmp_path / "in" / name, pixels)
    assert upscale(weights, tmp_path / "in", tmp_path / "out", "--trainer.accelerator", "cpu") == 0
    assert convert(weights, tmp_path / "own.ckpt") == 0
    model = gans.load(tmp_path / "own.ckpt")
    assert isinstance(model, gans.RealESRGAN)
    for name, pixels in images.items():
        with Image.open(tmp_path / "out" / name) as made:
            assert list(made.getdata()) == list(model.upscale(Image.fromarray(pixels)).getdata())
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "RealESRGAN_x2plus.pth",
        "in",
        "out",
        "own.ckpt",
    ]


def test_one_image_a_checkpoint_and_every_option(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint = small(tmp_path, "SRResNet")  # of scale 3
    image = write_image(tmp_path / "photo.png", random_pixels(40, 30))
    options = ("--outscale", 2.5, "--suffix", "_x", "--tile", 24, "--overlap", 20)
    assert upscale(checkpoint, image, tmp_path / "out", *options, "--trainer.accelerator", "cpu") == 0
    (made,) = (tmp_path / "out").iterdir()
    assert made.name == "photo_x.png"
    with Image.open(made) as picture:
        assert picture.size == (75, 100)
    assert "where tiles meet" in capsys.readouterr().out


def test_what_enlarges_nothing_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_image(tmp_path / "in" / "a.png", random_pixels(9, 7))

    def said(weights: Path, images: Path) -> str:
        assert upscale(weights, images, tmp_path / "out") != 0
        return capsys.readouterr().err

    other = small(tmp_path, "DCGAN")
    assert "holds a DCGAN: models of SRResNet" in said(other, tmp_path / "in")
    assert "no such image or folder" in said(other, tmp_path / "nowhere")
    assert "there is no such checkpoint" in said(tmp_path / "none.pth", tmp_path / "in")
    assert "is refused" in said(tmp_path / "in" / "a.png", tmp_path / "in")
    assert convert(other, tmp_path / "official") == 0
    assert "holds a DCGAN" in said(tmp_path / "official" / "netG.pth", tmp_path / "in")
    assert not (tmp_path / "out").exists()


def test_predict_says_what_takes_the_authors_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = save({"params": official_state("rrdbnet_x2")}, tmp_path / "x.pth")
    write_image(tmp_path / "in" / "a.png", random_pixels(9, 7))
    assert run("predict", "--config", "esrgan", "--ckpt_path", weights, "--data.predict_dir", tmp_path / "in")
    assert "python -m gans.tools.upscale takes those of super-resolution" in capsys.readouterr().err
