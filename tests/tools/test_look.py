"""A set of images as training would see it, told before."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from PIL import Image
from support.pictures import random_pixels, write_image

from gans.tools import look


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["look", *map(str, arguments)])
    return look.main()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "set"
    for place, seeds in (
        ("trainA", range(5)),
        ("trainB", range(20, 25)),
        ("testA", (30, 31)),
        ("testB", (40,)),
    ):
        (root / place).mkdir(parents=True)
        for seed in seeds:
            write_image(root / place / f"{seed}.png", random_pixels(20, 16, 3, seed))
    write_image(root / "trainA" / "again.bmp", random_pixels(20, 16, 3, 0))  # the same in another format
    write_image(root / "testA" / "leak.png", random_pixels(20, 16, 3, 1))
    write_image(root / "trainB" / "large.png", random_pixels(40, 50, 1, 50))
    (root / "trainB" / "damaged.png").write_bytes(b"\x89PNG\r\n\x1a\n no more")
    (root / "trainB" / "notes.txt").touch()
    (root / "trainB" / ".hidden.png").touch()
    return root


def test_everything_is_said(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sheet = tmp_path / "sheets" / "sheet.png"
    status = run(
        monkeypatch, "--config", "cyclegan", "--data.root", folder, "--data.size", 16, "--sheet", sheet
    )
    assert status == 0
    said = capsys.readouterr().out
    lines = [line[12:] for line in said.splitlines()]
    assert any(line.startswith("A: 6 to train on, 3 held out; 16 x 20, 3 channels, 8 bit") for line in lines)
    assert f"suffix .txt is not read: {folder / 'trainB' / 'notes.txt'}" in lines
    assert f"hidden: {folder / 'trainB' / '.hidden.png'}" in lines
    assert "B: 16 x 20 (6), 50 x 40 (1)" in lines
    assert "A: 8 bit PNG (8), 8 bit BMP (1)" in lines
    assert "B: 3 channels (6), 1 channel (1)" in lines
    assert any(line.startswith(f"B: {folder / 'trainB' / 'damaged.png'}: ") for line in lines)
    leak = f"A: held out though trained on: {folder / 'testA' / 'leak.png'} = {folder / 'trainA' / '1.png'}"
    twice = f"A: trained on: {folder / 'trainA' / '0.png'} = {folder / 'trainA' / 'again.bmp'}"
    assert lines.index(leak) + 1 == lines.index(twice)
    assert said.endswith(f"Sheet       {sheet}\n")
    with Image.open(sheet) as picture:
        assert picture.format == "PNG"
        assert picture.size[0] > 2 * 16


def test_images_without_a_partner_are_named(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for place in ("trainA", "trainB", "testA", "testB"):
        write_image(folder / place / "pair.png", random_pixels(20, 16))
        write_image(folder / place / "pair2.png", random_pixels(20, 16, 3, 3))
    given = ("--data", "PairedImages", "--data.root", folder, "--data.size", 16)
    assert run(monkeypatch, *given, "--sheet", tmp_path / "sheet.png") == 0
    said = capsys.readouterr().out
    assert f"have no partner of the same name in the other folder: {folder / 'trainA' / '0.png'}" in said
    assert "without a partner" in said


def test_the_sheet_shows_what_the_network_sees(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "trainB" / "damaged.png").unlink()
    sheets = []
    for size in (16, 64):
        sheet = tmp_path / f"{size}.png"
        given = ("--data", "UnpairedImages", "--data.root", folder, "--data.size", size)
        assert run(monkeypatch, *given, "--sheet", sheet) == 0
        with Image.open(sheet) as picture:
            sheets.append(picture.size)
    assert sheets[0] == sheets[1]  # tiles of 128 pixels, whole multiples of both


def test_drawn_faces_have_no_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("--data", "Images", "--data.faces_count", 4, "--data.test_count", 2, "--data.size", 16)
    assert run(monkeypatch, *given, "--sheet", tmp_path / "sheet.png") == 0
    said = capsys.readouterr().out
    assert "images: 4 to train on, 2 held out" in said
    assert "Damaged" not in said


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--config", "cyclegan", "--model.blocks", "3"], "--model.blocks: this command takes"),
        (["--data", "Images", "--data.sizes", "3"], "sizes"),
        (["--config", "cyclgan"], "Did you mean cyclegan?"),
        ([], "data"),
        (["--data", "Images", "--data.root", "nowhere"], "nowhere is no folder"),
    ],
)
def test_mistakes_are_told(
    arguments: list[str], told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, *arguments) != 0
    assert told in capsys.readouterr().err
