"""What data modules tell of what they found."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from PIL import Image
from support.pictures import random_pixels, write_deep_png, write_folder, write_image

import datamodules.image_sets
from datamodules import CaptionedImages, Images, MultiDomainImages, PairedImages, Points, UnpairedImages
from datamodules.found import Found

pytestmark = pytest.mark.usefixtures("no_decoding")


@pytest.fixture
def no_decoding(request: pytest.FixtureRequest) -> Any:
    """Let no image be decoded where none may be skipped."""
    if "skipped" in request.node.name:
        yield
        return
    with patch.object(datamodules.reading, "read_image", side_effect=AssertionError("decoded")):
        yield


def test_unpaired_folders_tell_what_is_left_out_and_sizes(tmp_path: Path) -> None:
    write_folder(tmp_path / "trainA", 9, (20, 30))
    for number in range(5):
        write_image(tmp_path / f"trainA/large{number}.png", random_pixels(50, 40))
    write_folder(tmp_path / "trainA/.hidden", 2)
    (tmp_path / "trainA/a.svg").touch()
    for number in range(3):
        deep = random_pixels(8, 9, 1, number, np.uint16)
        (tmp_path / "trainB").mkdir(exist_ok=True)
        (tmp_path / "testB").mkdir(exist_ok=True)
        write_deep_png(tmp_path / "trainB" / f"{number}.png", deep)
        write_deep_png(tmp_path / "testB" / f"{number}.png", deep)
    data = UnpairedImages(str(tmp_path), size=16, held_out_share=0.2, max_images=6)
    assert data.found() == [
        Found(
            "A",
            str(tmp_path / "trainA"),
            6,
            3,
            {"hidden": 2, "suffix .svg is not read": 1, "beyond max_images": 5},
            ((30, 20), (40, 50)),
            3,
            "8 bit",
        ),
        Found("B", str(tmp_path / "trainB"), 3, 3, {}, ((9, 8), (9, 8)), 1, "16 bit"),
    ]


def test_bad_images_are_counted_where_they_are_skipped(tmp_path: Path) -> None:
    for domain in ("trainA", "trainB", "testA", "testB"):
        write_folder(tmp_path / domain, 4)
    (tmp_path / "trainA/bad.png").write_bytes(b"no image")
    with pytest.warns(UserWarning, match="1 images were skipped"):
        A, B = UnpairedImages(str(tmp_path), size=16, on_bad_image="skip").found()
    assert (A.training, A.held_out, A.left_out) == (4, 4, {"cannot be read": 1})
    assert (B.training, B.held_out, B.left_out) == (4, 4, {})


def test_pairs_tell_of_both_files_or_of_the_picture(tmp_path: Path) -> None:
    write_folder(tmp_path / "set/trainA", 10, (20, 30))
    write_folder(tmp_path / "set/trainB", 10, (40, 60), channels=1)
    A, B = PairedImages(str(tmp_path / "set"), size=16).found()
    assert (A.name, A.where, A.training, A.held_out) == ("A", str(tmp_path / "set/trainA"), 9, 1)
    assert (B.name, B.where, B.training, B.held_out) == ("B", str(tmp_path / "set/trainB"), 9, 1)
    assert (A.sizes, A.channels, B.sizes, B.channels) == (((30, 20),) * 2, 3, ((60, 40),) * 2, 1)
    write_folder(tmp_path / "both/train", 10, (20, 40))
    (pairs,) = PairedImages(str(tmp_path / "both"), size=16).found()
    assert (pairs.name, pairs.training, pairs.sizes) == ("pairs", 9, ((40, 20), (40, 20)))


def test_skipped_partners_are_counted(tmp_path: Path) -> None:
    write_folder(tmp_path / "trainA", 6)
    write_folder(tmp_path / "trainB", 5)
    with pytest.warns(UserWarning, match="no partner"):
        A, _ = PairedImages(str(tmp_path), size=16, on_bad_image="skip", held_out_share=0.2).found()
    assert (A.training, A.held_out, A.left_out) == (4, 1, {"without a partner": 1})


@pytest.mark.parametrize("split", ["", "train"])
def test_domains_and_classes_are_told_one_by_one(tmp_path: Path, split: str) -> None:
    write_folder(tmp_path / split / "cat", 10)
    write_folder(tmp_path / split / "dog", 20)
    (tmp_path / split / "dog/notes.txt").touch()
    for data in (
        MultiDomainImages(str(tmp_path), size=16),
        Images(str(tmp_path), labels="folder", size=16),
    ):
        cat, dog = data.found()
        assert (cat.name, cat.where, cat.training, cat.held_out) == (
            "cat",
            str(tmp_path / split / "cat"),
            9,
            1,
        )
        assert (dog.name, dog.training, dog.held_out) == ("dog", 18, 2)
        assert (cat.left_out, dog.left_out) == ({}, {"suffix .txt is not read": 1})


def test_tables_and_captions_tell_of_all_images(tmp_path: Path) -> None:
    write_folder(tmp_path / "set", 10)
    rows = [f"{number:03d}.png,{number % 2},{number % 3 == 0:d}\n" for number in range(10)]
    (tmp_path / "table.csv").write_text("".join(["file,a,b\n", *rows]))
    exclusive: dict[str, Any] = {"exclusive": [["a", "b"]], "on_conflict": "skip"}
    with pytest.warns(UserWarning, match="exclude each other"):
        (found,) = MultiDomainImages(
            str(tmp_path / "set"), table=str(tmp_path / "table.csv"), size=16, **exclusive
        ).found()
    assert (found.name, found.training, found.held_out) == ("images", 7, 1)
    assert found.left_out == {"with attributes that exclude each other": 2}
    captions = [f"{number:03d}.png,text {number}\n" for number in range(9)]
    (tmp_path / "set/captions.csv").write_text("".join(["image,caption\n", *captions]))
    with pytest.warns(UserWarning, match="no caption"):
        (found,) = CaptionedImages(str(tmp_path / "set"), size=16, on_missing_caption="skip").found()
    assert (found.training, found.held_out, found.left_out) == (7, 2, {"without a caption": 1})


def test_drawn_faces_and_points_are_called_that() -> None:
    faces: dict[str, Any] = {"size": 16, "faces_count": 5, "test_count": 3}
    drawn = {"where": "drawn faces", "training": 5, "held_out": 3, "left_out": {}, "depth": "8 bit"}
    modules: tuple[Any, ...] = (UnpairedImages, PairedImages, MultiDomainImages, Images, CaptionedImages)
    for module in modules:
        for found in module(**faces).found():
            assert {name: getattr(found, name) for name in drawn} == drawn
    (points,) = Points(count=100, test_count=10).found()
    assert (points.name, points.training, points.held_out, points.channels) == ("points", 100, 10, 2)


def test_sizes_are_those_of_upright_images(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    write_folder(tmp_path, 2, (20, 30))
    for name in ("000.jpg", "001.jpg"):
        Image.new("RGB", (30, 20)).save(tmp_path / name, exif=exif)
    for path in tmp_path.glob("*.png"):
        path.unlink()
    (found,) = Images(str(tmp_path), size=16).found()
    assert found.sizes == ((20, 30), (20, 30))
