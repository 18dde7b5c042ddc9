from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat
from support.captioned import write_cub, write_flowers, write_plain

from datamodules.captioned.layouts import find_captioned


def test_a_plain_folder_with_a_table(tmp_path: Path) -> None:
    found = find_captioned(str(write_plain(tmp_path)), None, 0.1)
    assert found.folder == tmp_path
    assert found.captions["a/1.jpg"] == ["a first picture called a/1.jpg", "a second picture called a/1.jpg"]
    assert len(found.train) == 4
    assert len(found.held_out) == 2, "one is too few: it would have no wrong caption"
    assert sorted([*found.train, *found.held_out]) == sorted(found.captions)
    assert not found.classes


def test_the_table_may_lie_elsewhere(tmp_path: Path) -> None:
    write_plain(tmp_path / "data")
    table = tmp_path / "other.jsonl"
    (tmp_path / "data" / "captions.jsonl").rename(table)
    with pytest.raises(FileNotFoundError, match=r"has no captions. Expected is captions\.jsonl"):
        find_captioned(str(tmp_path / "data"), None, 0.1)
    assert len(find_captioned(str(tmp_path / "data"), str(table), 0.1).captions) == 6


def test_cub_and_its_split(tmp_path: Path) -> None:
    found = find_captioned(str(write_cub(tmp_path)), None, 0.1)
    assert found.folder == tmp_path / "images"
    assert found.held_out == ["001.Crow/2.jpg", "002.Robin/2.jpg"]
    assert found.train == ["001.Crow/0.jpg", "001.Crow/1.jpg", "002.Robin/0.jpg", "002.Robin/1.jpg"]
    assert found.captions["002.Robin/1.jpg"] == ["first of 002.Robin/1", "second of 002.Robin/1"]
    assert found.classes["002.Robin/1.jpg"] == "002.Robin"


def test_classes_are_held_out_where_the_authors_list_is_there(tmp_path: Path) -> None:
    write_cub(tmp_path / "birds")
    archive = tmp_path / "cvpr2016_cub"
    archive.mkdir()
    (tmp_path / "birds" / "text_c10").rename(archive / "text_c10")
    (archive / "testclasses.txt").write_text("001.Crow\n")
    found = find_captioned(str(tmp_path / "birds"), str(archive / "text_c10"), 0.1)
    assert {name.split("/")[0] for name in found.held_out} == {"001.Crow"}
    assert {name.split("/")[0] for name in found.train} == {"002.Robin"}
    (archive / "testclasses.txt").write_text("003.Owl\n")
    with pytest.raises(ValueError, match=r"testclasses\.txt: there are no images of class 003\.Owl"):
        find_captioned(str(tmp_path / "birds"), str(archive / "text_c10"), 0.1)


def test_flowers_and_their_split(tmp_path: Path) -> None:
    write_flowers(tmp_path)
    savemat(
        tmp_path / "setid.mat",
        {"trnid": np.array([[1, 4]]), "valid": np.array([[2, 5]]), "tstid": np.array([[3, 6]])},
    )
    found = find_captioned(str(tmp_path), None, 0.1)
    assert found.held_out == ["image_00003.jpg", "image_00006.jpg"]
    assert len(found.train) == 4
    assert found.captions["image_00004.jpg"][0] == "first of class_00002/image_00004"
    assert found.classes["image_00004.jpg"] == "class_00002"


def test_flowers_without_scipy_say_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_flowers(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"setid\.mat does not exist.* testclasses\.txt"):
        find_captioned(str(tmp_path), None, 0.1)
    (tmp_path / "setid.mat").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    with pytest.raises(ValueError, match="read by scipy, which is not installed"):
        find_captioned(str(tmp_path), None, 0.1)
    (tmp_path / "testclasses.txt").write_text("class_00002\n")
    assert len(find_captioned(str(tmp_path), None, 0.1).held_out) == 3


def test_a_caption_of_a_missing_image_is_refused(tmp_path: Path) -> None:
    write_plain(tmp_path / "plain")
    with (tmp_path / "plain" / "captions.jsonl").open("a") as file:
        file.write('{"image": "a/gone.jpg", "caption": "x"}\n')
    with pytest.raises(FileNotFoundError, match=r"captions\.jsonl line 13: there is no image a/gone\.jpg in"):
        find_captioned(str(tmp_path / "plain"), None, 0.1)
    write_cub(tmp_path / "cub")
    (tmp_path / "cub" / "images" / "001.Crow" / "1.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"images\.txt: image 2 is missing: .*001\.Crow/1\.jpg"):
        find_captioned(str(tmp_path / "cub"), None, 0.1)
    write_flowers(tmp_path / "flowers")
    (tmp_path / "flowers" / "jpg" / "image_00002.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"image_00002\.txt: there is no image .*image_00002\.jpg"):
        find_captioned(str(tmp_path / "flowers"), None, 0.1)


def test_an_image_without_a_caption_is_refused_or_left_out(tmp_path: Path) -> None:
    write_cub(tmp_path)
    (tmp_path / "text_c10" / "001.Crow" / "0.txt").unlink()
    with pytest.raises(ValueError, match=r"1 of 6 images have no caption, such as .*001\.Crow/0\.jpg"):
        find_captioned(str(tmp_path), None, 0.1)
    with pytest.warns(UserWarning, match="1 of 6 images have no caption"):
        found = find_captioned(str(tmp_path), None, 0.1, "skip")
    assert found.train == ["001.Crow/1.jpg", "002.Robin/0.jpg", "002.Robin/1.jpg"]
    assert "001.Crow/0.jpg" not in found.captions


def test_what_is_no_data_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"root: .* is no folder"):
        find_captioned(str(tmp_path / "none"), None, 0.1)
    with pytest.raises(FileNotFoundError, match=r"captions: none\.csv does not exist"):
        find_captioned(str(tmp_path), "none.csv", 0.1)
    write_cub(tmp_path / "cub")
    shutil.rmtree(tmp_path / "cub" / "text_c10")
    with pytest.raises(FileNotFoundError, match=r"come apart from their images.*--data\.captions"):
        find_captioned(str(tmp_path / "cub"), None, 0.1)
    with pytest.raises(ValueError, match="has 1 described images to train on; 2 or more"):
        find_captioned(str(write_plain(tmp_path / "three", count=3)), None, 0.1)


def test_a_broken_list_of_cub_is_refused(tmp_path: Path) -> None:
    write_cub(tmp_path)
    (tmp_path / "train_test_split.txt").write_text("1 1\n2\n")
    with pytest.raises(ValueError, match=r"train_test_split\.txt line 2: expected are a number and a value"):
        find_captioned(str(tmp_path), None, 0.1)
