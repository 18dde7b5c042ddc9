from __future__ import annotations

import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from PIL import Image
from support.pictures import random_pixels, write_deep_png, write_image

from datamodules import SharpImages
from datamodules.files.readers import read_image
from gans.tools import sub_images
from gans.tools.sub_images import cut_folder, main, places, resized, smaller_copies


def run(*arguments: object) -> int:
    with patch.object(sys, "argv", ["sub_images", *map(str, arguments)]):
        return main()


@pytest.mark.parametrize(
    ("sides", "rows", "columns"),
    [
        ((1404, 2040), 5, 8),  # a picture of DIV2K: rows from 0 to 720 and the one that ends at the edge
        ((480, 480), 1, 1),
        ((481, 719), 2, 2),
        ((720, 960), 2, 3),
        ((100, 500), 1, 2),
    ],
)
def test_squares_stand_where_the_authors_cut(sides: tuple[int, int], rows: int, columns: int) -> None:
    found = places(*sides, 480, 240)
    assert len(found) == rows * columns
    assert found == sorted(found)
    height, width = sides
    covered = np.zeros((height, width), bool)
    for top, left in found:
        assert top + min(480, height) <= height
        assert left + min(480, width) <= width
        covered[top : top + 480, left : left + 480] = True
    assert covered.all()


def test_squares_are_the_picture_and_are_numbered_row_by_row(tmp_path: Path) -> None:
    pixels = random_pixels(12, 17)
    write_image(tmp_path / "in" / "sub" / "0001.png", pixels)
    assert run(tmp_path / "in", tmp_path / "out", "--size", 8, "--step", 4) == 0
    files = sorted((tmp_path / "out").rglob("*.png"))
    assert [file.name for file in files] == [f"0001_s{number:03d}.png" for number in range(1, 9)]
    assert files[0].parent == tmp_path / "out" / "sub"
    for file, (top, left) in zip(files, places(12, 17, 8, 4), strict=True):
        assert np.array_equal(np.asarray(Image.open(file)), pixels[top : top + 8, left : left + 8])
    data = SharpImages(folder=str(tmp_path / "out"), scale=2, size=4)
    assert data.preview(1).target.shape == (1, 3, 8, 8)


def test_grey_and_deep_pictures_stay_what_they_are(tmp_path: Path) -> None:
    deep = np.arange(100, dtype=np.uint16).reshape(10, 10, 1) * 650
    write_image(tmp_path / "in" / "grey.png", random_pixels(10, 10, 1))
    write_deep_png(tmp_path / "in" / "deep.png", deep)
    assert cut_folder(tmp_path / "in", tmp_path / "out", 8, 2) == 8
    assert Image.open(tmp_path / "out" / "grey_s001.png").mode == "L"
    expected = read_image(tmp_path / "in" / "deep.png")[2:, 2:]
    assert np.array_equal(read_image(tmp_path / "out" / "deep_s004.png"), expected)


def test_an_interrupted_command_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        write_image(tmp_path / "in" / f"{number}.png", random_pixels(12, 12, seed=number))
    written, write, room = list[str](), sub_images._write, 5

    def write_while_there_is_room(file: Path, pixels: Any) -> None:
        if len(written) == room:
            raise OSError("no space left")
        written.append(file.name)
        write(file, pixels)

    monkeypatch.setattr(sub_images, "_write", write_while_there_is_room)
    monkeypatch.setattr(sub_images, "ThreadPoolExecutor", _InOrder)
    with pytest.raises(OSError, match="no space left"):
        cut_folder(tmp_path / "in", tmp_path / "out", 8, 4)
    assert len(list((tmp_path / "out").iterdir())) == 5
    written, room = [], 12
    assert cut_folder(tmp_path / "in", tmp_path / "out", 8, 4) == 12
    assert written[0] == "1_s001.png", "the first picture is whole"
    assert len(list((tmp_path / "out").iterdir())) == 12


class _InOrder:
    """Does what a pool of threads does, one after the other."""

    def __enter__(self) -> _InOrder:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    map = staticmethod(map)


def test_copies_have_the_sizes_of_the_authors(tmp_path: Path) -> None:
    write_image(tmp_path / "in" / "a.png", random_pixels(1000, 630))
    copies = list(smaller_copies(read_image(tmp_path / "in" / "a.png")))
    assert [copy.shape[:2] for copy in copies] == [(750, 472), (500, 315), (333, 210), (634, 400)]
    assert cut_folder(tmp_path / "in", tmp_path / "out", 400, 200, copies=True) == 4 * 3 + 3 * 2 + 2 + 1 + 3
    assert (tmp_path / "out" / "aT3_s001.png").is_file()
    assert Image.open(tmp_path / "out" / "aT2_s001.png").size == (210, 333)


def test_resizing_is_pillow_s_of_the_whole_picture() -> None:
    waves = np.sin(np.arange(30) / 5)[:, None, None] + np.cos(np.arange(41) / 7)[:, None] + np.zeros(3)
    pixels = (127 + 50 * waves).astype(np.uint8)
    whole = Image.fromarray(pixels).resize((20, 15), Image.Resampling.LANCZOS)
    assert np.array_equal(resized(pixels, 15, 20), np.asarray(whole))
    deep = resized((pixels / 127.5 - 1).astype(np.float32), 15, 20)
    assert np.abs((deep + 1) * 127.5 - np.asarray(whole)).max() < 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("in", "out", "--size", 0), "--size: 0 must be at least 1"),
        (("in", "out", "--step", 0), "--step: 0 must be at least 1"),
        (("in", "in/out"), "lies in"),
        (("nowhere", "out"), "nowhere: no such folder"),
    ],
)
def test_mistakes_are_named(
    arguments: Any,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    write_image(tmp_path / "in" / "a.png", random_pixels(9, 9))
    assert run(*arguments) != 0
    assert said in capsys.readouterr().err
