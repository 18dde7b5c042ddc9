"""The pictures of the pages are there, small, and all made by one program out of the runs of the configs."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image
from support.commands import run, write_toy_config
from support.documented import PAGES

from benchmarks import pictures
from benchmarks.pictures import PICTURES, cut

SHOWN = re.compile(r"!\[([^\]]*)\]\(([^)]+)\)")
MOST_BYTES = 100_000


def test_every_picture_of_a_page_is_there_and_said_to_be_drawn() -> None:
    shown = [(page, *found) for page in PAGES for found in SHOWN.findall(page.read_text(encoding="utf-8"))]
    assert shown
    for page, words, place in shown:
        assert (page.parent / place).resolve().is_relative_to(pictures.FOLDER), f"{page.name}: {place}"
        assert (page.parent / place).is_file(), f"{page.name} shows {place}, which is not there"
        assert "drawn" in words, f"{page.name}: {place} are drawn faces, and its text does not say so"


FILES = sorted(pictures.FOLDER.iterdir())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_picture_is_small_shown_and_made_by_the_program(path: Path) -> None:
    assert path.name in {f"{picture.name}.jpg" for picture in PICTURES}
    assert any(f"pictures/{path.name})" in page.read_text(encoding="utf-8") for page in PAGES)
    assert path.stat().st_size < MOST_BYTES
    with Image.open(path) as opened:
        assert opened.format == "JPEG"
        opened.load()


def test_the_first_rows_are_cut_below_the_header() -> None:
    grid = Image.new("RGB", (50, pictures.HEADER + 8 * 20))
    assert cut(grid, 3, 8).size == (50, pictures.HEADER + 3 * 20)
    assert cut(grid, 8, 8).size == cut(grid, 9, 8).size == grid.size


def test_a_run_that_is_there_is_cut_and_others_are_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[list[str]] = []

    def toy(command: list[str], **_: Any) -> None:
        """Train the variant at toy size instead."""
        trained.append(command)
        folder = command[command.index("--run") + 1]
        config = write_toy_config(tmp_path / "toy.yaml", "CycleGAN", without=["metrics"])
        assert run("fit", "--config", config, "--run", folder) == 0

    monkeypatch.setattr(subprocess, "run", toy)
    for _ in range(2):
        made = pictures.make(["cyclegan"], tmp_path / "runs", tmp_path / "pictures")
    assert [path.name for path in made] == ["cyclegan.jpg", "cyclegan_back.jpg"]
    assert [command[2:5] for command in trained] == [["fit", "--config", "cyclegan"]]


def test_a_config_comes_after_the_one_whose_weights_it_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[list[str]] = []
    monkeypatch.setattr(subprocess, "run", lambda command, **_: trained.append(command))
    pictures.train_where_missing("gan_cls", tmp_path)
    assert [command[command.index("--config") + 1] for command in trained] == ["text_encoder", "gan_cls"]
    weights = tmp_path / "text_encoder" / "checkpoints" / "best.ckpt"
    assert trained[1][-4:-2] == ["--model.text_encoder", str(weights)]


def test_a_run_without_the_grid_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cyclegan").mkdir()
    (tmp_path / "cyclegan" / "config.yaml").write_text(yaml.safe_dump({"sample_grid": {"count": 8}}))
    [picture, *_] = [picture for picture in PICTURES if picture.config == "cyclegan"]
    with pytest.raises(ValueError, match="has no sample grid A2B of the end of its training"):
        pictures.write(picture, tmp_path, tmp_path)
