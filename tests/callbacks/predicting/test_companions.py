"""Masks go along with the pictures made of their images."""

from __future__ import annotations

from pathlib import Path

import pytest

from gans.callbacks.predicting.companions import Companions


def test_companions_are_copied_under_the_names_of_the_pictures(tmp_path: Path) -> None:
    masks = tmp_path / "masks"
    (masks / "sub").mkdir(parents=True)
    (masks / "sub" / "a.png").write_bytes(b"mask")
    (masks / "sub" / "a.txt").write_bytes(b"words")
    companions = Companions(str(masks))
    companions.check({"sub/a.jpg": ["sub/a.jpg"]})
    companions.copy("sub/a.jpg", "blond/sub/a.jpg", tmp_path / "out")
    assert (tmp_path / "out/masks/blond/sub/a.png").read_bytes() == b"mask"
    assert (tmp_path / "out/masks/blond/sub/a.txt").read_bytes() == b"words"


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"1 of 1 images have no file .*sub/a\.jpg"):
        Companions(str(tmp_path)).check({"sub/a.jpg": ["sub/a.jpg"]})
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        Companions(str(tmp_path / "none"))
