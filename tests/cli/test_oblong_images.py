"""Images that are no squares, from the command line: trained on, gone on with, predicted and exported."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image
from support.commands import run, write_toy_config
from support.pictures import write_folder

from gans import load
from gans.tools.export.card import sizes
from gans.tools.export.variants import ONE_WAY


@pytest.mark.parametrize("name", ["StyleGAN2", "GAN"])
def test_oblong_images_of_a_folder(name: str, tmp_path: Path) -> None:
    write_folder(tmp_path / "set", 6, (30, 40))
    config = write_toy_config(tmp_path / "oblong.yaml", name)
    assert run("fit", "--config", config, "--data.root", tmp_path / "set", "--data.size", "16x24") == 0
    (last,) = (tmp_path / "runs").rglob("last.ckpt")
    assert run("fit", "--ckpt_path", last, "--trainer.max_epochs", 2) == 0
    assert run("predict", "--ckpt_path", last, "--data.predict_count", 2, "--output", tmp_path / "made") == 0
    made = [Image.open(path).size for path in sorted((tmp_path / "made").glob("*.png"))]
    assert made == [(24, 16)] * 2
    program = ONE_WAY[name](load(last))
    assert "always 24 x 16 pixels" in sizes(program)
    images = program.module(*program.example(program.cases()[1]))
    assert images.shape == (2, *program.output[1:]) == (2, 3, 16, 24)
    assert isinstance(images, torch.Tensor)


def test_a_model_of_squares_refuses_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = write_toy_config(tmp_path / "oblong.yaml", "DCGAN")
    assert run("fit", "--config", config, "--data.size", "16x24") != 0
    refused = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert len(refused) == 1
    assert "data.size is 16x24, but DCGAN takes squares" in refused[0]
