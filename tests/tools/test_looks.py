from __future__ import annotations

import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch
from PIL import Image
from support.checkpoints import write_checkpoint
from support.toys import make_model

from gans.inference import to_pil
from gans.tools.looks import film, main, walk


def looks(*arguments: object) -> int:
    """Run `python -m gans.tools.looks ARGUMENTS` and return its exit status."""
    with patch.object(sys, "argv", ["looks", *map(str, arguments)]):
        return main()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    for number, side in enumerate((16, 24, 20)):
        noise = torch.rand(3, side, side, generator=torch.Generator().manual_seed(number)) * 2 - 1
        to_pil(noise)[0].save(folder / f"{number}.png")
    return folder


def test_a_walk_passes_its_looks_and_a_film_returns_to_the_first() -> None:
    model: Any = make_model("StarGANv2").eval()
    images = torch.rand(2, 3, 16, 16) * 2 - 1
    styles = model.random_styles("blond_hair", [3, 4, 5])
    strip = walk(model, images, "blond_hair", styles, 3, ["a", "b"])
    assert list(strip.columns) == ["input", "0.00", "0.50", "1.00", "1.50", "2.00"]
    for column, seed in (("0.00", 3), ("1.00", 4), ("2.00", 5)):
        torch.testing.assert_close(strip.columns[column], model.translate(images, "blond_hair", seed))
    frames = film(model, images, "blond_hair", styles, 4)
    assert len(frames) == 12
    torch.testing.assert_close(frames[4].columns["1"][0], model.translate(images[1], "blond_hair", 4))
    last = model.between(images, "blond_hair", styles[2], styles[0], 0.75)
    torch.testing.assert_close(frames[11].columns["0"][0], last[0])


@pytest.mark.parametrize("by", ["--seeds", "--references"])
def test_strip_and_film_are_written(
    by: str, tmp_path: Path, pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = write_checkpoint(tmp_path / "checkpoints" / "last.ckpt", "StarGANv2")
    (tmp_path / "config.yaml").write_text("")
    lent = [1, 2] if by == "--seeds" else [pictures / "1.png", pictures / "2.png"]
    options = ["--domain", "black_hair", by, *lent, "--steps", 3, "--frames", 2, "--count", 2]
    assert looks(checkpoint, pictures, *options) == 0
    strip, moving = (tmp_path / "looks" / f"black_hair.{suffix}" for suffix in ("png", "gif"))
    assert capsys.readouterr().out.split() == [str(strip), str(moving)]
    with Image.open(moving) as frames:
        assert frames.n_frames == 4  # type: ignore[attr-defined]
    assert np.asarray(Image.open(strip)).std() > 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--domain", "green"], "'green' is no domain; there are black_hair, blond_hair"),
        (["--domain", "black_hair", "--seeds", "1"], "nothing to walk between"),
        (["--domain", "black_hair", "--frames", "0"], "--frames 0: a film has 1 or more"),
    ],
)
def test_mistakes_are_explained(
    options: list[str], message: str, tmp_path: Path, pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = write_checkpoint(tmp_path / "last.ckpt", "StarGANv2")
    assert looks(checkpoint, pictures, *options, "--output", tmp_path / "out") != 0
    assert message in capsys.readouterr().err


def test_other_variants_have_no_looks(
    tmp_path: Path, pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = write_checkpoint(tmp_path / "last.ckpt", "CycleGAN")
    assert looks(checkpoint, pictures, "--domain", "A") == 2
    assert "holds a CycleGAN, which has no looks" in capsys.readouterr().err
