"""Pairs side by side, and back."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.pictures import random_pixels, write_deep_png, write_image

from datamodules import PairedImages
from datamodules.files.readers import read_image, read_stored
from gans.tools import pairs
from gans.tools.images import side_by_side
from gans.tools.images.side_by_side import join_folders, split_folder


def two_folders(root: Path) -> tuple[Path, Path]:
    for number in range(3):
        for place, seed in (("A", number), ("B", number + 10)):
            (root / place / "train").mkdir(parents=True, exist_ok=True)
            write_image(root / place / "train" / f"{number}.png", random_pixels(6, 4, 3, seed))
    return root / "A", root / "B"


def test_there_and_back_is_the_same(tmp_path: Path) -> None:
    A, B = two_folders(tmp_path)
    assert join_folders(A, B, tmp_path / "joined") == 3
    with Image.open(tmp_path / "joined" / "train" / "0.png") as picture:
        assert picture.size == (8, 6)
        assert np.array_equal(np.asarray(picture)[:, :4], read_image(A / "train" / "0.png"))
        assert np.array_equal(np.asarray(picture)[:, 4:], read_image(B / "train" / "0.png"))
    assert split_folder(tmp_path / "joined", tmp_path / "back") == 3
    for place in ("A", "B"):
        for number in range(3):
            name = Path(place, "train", f"{number}.png")
            assert np.array_equal(read_image(tmp_path / "back" / name), read_image(tmp_path / name))


def test_training_takes_both(tmp_path: Path) -> None:
    A, B = two_folders(tmp_path)
    join_folders(A, B, tmp_path / "joined")
    split_folder(tmp_path / "joined", tmp_path / "back")
    batches = [
        next(iter(PairedImages(str(root), size=4, load_size="size", flip=False).val_dataloader())).finish()
        for root in (tmp_path / "joined", tmp_path / "back")
    ]
    assert batches[0].input.equal(batches[1].input)
    assert batches[0].target.equal(batches[1].target)


def test_16_bit_stay_16_bit_to_the_last(tmp_path: Path) -> None:
    for place, seed in (("A", 1), ("B", 2)):
        (tmp_path / place).mkdir()
        write_deep_png(tmp_path / place / "x.png", random_pixels(5, 4, 1, seed, np.uint16))
    join_folders(tmp_path / "A", tmp_path / "B", tmp_path / "joined")
    split_folder(tmp_path / "joined", tmp_path / "back")
    for place in ("A", "B"):
        assert read_stored(tmp_path / "back" / place / "x.png").dtype == np.uint16
        there, back = (
            np.asarray(Image.open(root / place / "x.png")) for root in (tmp_path, tmp_path / "back")
        )
        assert np.array_equal(there, back)


def test_grey_beside_colour_becomes_colour(tmp_path: Path) -> None:
    for place, channels in (("A", 1), ("B", 3)):
        (tmp_path / place).mkdir()
        write_image(tmp_path / place / "x.png", random_pixels(5, 4, channels))
    join_folders(tmp_path / "A", tmp_path / "B", tmp_path / "joined")
    assert read_image(tmp_path / "joined" / "x.png").shape == (5, 8, 3)


def test_partners_of_other_sizes_are_named(tmp_path: Path) -> None:
    A, B = two_folders(tmp_path)
    write_image(B / "train" / "1.png", random_pixels(6, 5))
    with pytest.raises(
        ValueError, match=r"A/train/1\.png is 4 x 6 of uint8, .*1\.png 5 x 6 .*--data\.folder_A"
    ):
        join_folders(A, B, tmp_path / "joined")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["A", "B"]  # nothing is left of the first


def test_an_odd_width_is_named(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    write_image(tmp_path / "set" / "x.png", random_pixels(4, 7))
    with pytest.raises(ValueError, match=r"x\.png is 7 pixels wide"):
        split_folder(tmp_path / "set", tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    A, B = two_folders(tmp_path)
    (tmp_path / "joined").mkdir()
    with pytest.raises(FileExistsError, match="joined is there already"):
        join_folders(A, B, tmp_path / "joined")


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    A, B = two_folders(tmp_path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(side_by_side, "_write", full)
    with pytest.raises(OSError, match="No space left"):
        join_folders(A, B, tmp_path / "joined")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["A", "B"]


def test_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    A, B = two_folders(tmp_path)
    for arguments, status in ((("join", A, B), 0), (("join", A, B), 1)):
        monkeypatch.setattr(sys, "argv", ["pairs", *map(str, arguments), str(tmp_path / "out")])
        assert pairs.main() == status
    said = capsys.readouterr()
    assert said.out == f"3 pairs in {tmp_path / 'out'}\n"
    assert said.err.startswith(f"error: {tmp_path / 'out'} is there already")
