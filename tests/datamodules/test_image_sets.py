from __future__ import annotations

from pathlib import Path

import pytest

from datamodules.image_sets import evenly_spaced, find_images, hold_out


def test_holding_out_depends_on_names_alone(tmp_path: Path) -> None:
    paths = [tmp_path / f"{i}.png" for i in range(40)]
    train, held_out = hold_out(paths, tmp_path, 0.25)
    assert sorted(train + held_out) == sorted(paths)
    assert len(held_out) == 10
    assert hold_out(paths[::-1], tmp_path, 0.25)[1] == held_out[::-1]
    elsewhere = [Path("elsewhere") / path.name for path in paths]
    assert [path.name for path in hold_out(elsewhere, Path("elsewhere"), 0.25)[1]] == [
        p.name for p in held_out
    ]


def test_each_side_of_a_split_has_an_image(tmp_path: Path) -> None:
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    for share in (0.01, 0.99):
        assert [len(side) for side in hold_out(paths, tmp_path, share)] == [1, 1]
    with pytest.raises(ValueError, match="one image cannot be split"):
        hold_out(paths[:1], tmp_path, 0.5)


def test_folders_without_images_are_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(FileNotFoundError, match=r"no images for training in domain A.*\.jpg"):
        find_images(tmp_path, "training in domain A")


def test_even_spacing() -> None:
    assert evenly_spaced(10, 5) == [0, 2, 4, 6, 8]
    assert evenly_spaced(3, 5) == [0, 1, 2]
    assert evenly_spaced(1000, 4) == [0, 250, 500, 750]
