"""Which files of a folder are images: hidden ones, links, other suffixes and accents."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.pictures import write_folder, write_image

from datamodules import CaptionedImages, Images, MultiDomainImages, PairedImages, UnpairedImages
from datamodules.image_sets import find_images, hold_out
from datamodules.listing import files_in, list_images, outside, sub_folders

LEFT_BEHIND = (
    ".hidden/1.png",
    "sub/.ipynb_checkpoints/1-checkpoint.png",
    "__MACOSX/sub/._1.png",
    "@eaDir/1.png/SYNOPHOTO_THUMB_M.jpg",
    "$RECYCLE.BIN/1.png",
    "lost+found/1.png",
    "._1.png",
)


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def test_images_are_listed_in_order_and_others_counted_by_suffix(tmp_path: Path) -> None:
    touch(tmp_path, "b.PNG", "a/z.jpg", "a/b/c.webp", "a.svg", "a/b.SVG", "notes.txt", "README")
    listing = list_images(tmp_path)
    assert listing.names == ["a/b/c.webp", "a/z.jpg", "b.PNG"]
    assert listing.left_out == {
        "suffix .svg is not read": 2,
        "suffix .txt is not read": 1,
        "without a suffix": 1,
    }
    with pytest.raises(FileNotFoundError, match="missing: no such folder"):
        list_images(tmp_path / "missing")


def test_what_systems_and_programs_leave_behind_is_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "sub/1.png", *LEFT_BEHIND, "Thumbs.db", "desktop.ini", ".DS_Store", ".git/config")
    listing = list_images(tmp_path)
    assert listing.names == ["sub/1.png"]
    assert listing.left_out == {"hidden": len(LEFT_BEHIND)}
    assert sub_folders(tmp_path) == [tmp_path / "sub"]
    assert files_in(tmp_path) == [tmp_path / "sub/1.png"]


def test_links_to_folders_and_files_are_followed(tmp_path: Path) -> None:
    touch(tmp_path, "store/cat/1.png", "store/dog/2.png")
    (tmp_path / "all").mkdir()
    (tmp_path / "all/cat").symlink_to(tmp_path / "store/cat")
    (tmp_path / "all/2.png").symlink_to("../store/dog/2.png")
    (tmp_path / "all/gone.png").symlink_to("nowhere.png")
    (tmp_path / "all/itself.png").symlink_to("itself.png")
    (tmp_path / "again").symlink_to(tmp_path / "all")
    for folder in ("all", "again"):
        listing = list_images(tmp_path / folder)
        assert listing.names == ["2.png", "cat/1.png"]
        assert listing.left_out == {"links that lead nowhere": 2}


@pytest.mark.parametrize("target", ["set", "set/a", "."])
def test_a_link_to_a_folder_above_adds_no_image(tmp_path: Path, target: str) -> None:
    touch(tmp_path, "set/a/b/1.png", "others/2.png")
    (tmp_path / "set/a/b/up").symlink_to(tmp_path / target)
    for folder, name in (("set", "a/b/1.png"), ("set/a", "b/1.png"), ("set/a/b", "1.png")):
        assert list_images(tmp_path / folder).names == [name]


def test_links_that_lead_into_each_other_end(tmp_path: Path) -> None:
    touch(tmp_path, "set/1.png", "store/2.png")
    (tmp_path / "set/there").symlink_to(tmp_path / "store")
    (tmp_path / "store/back").symlink_to(tmp_path / "set")
    assert list_images(tmp_path / "set").names == ["1.png", "there/2.png"]
    assert list_images(tmp_path / "store").names == ["2.png", "back/1.png"]


def test_a_folder_without_images_says_what_is_there(tmp_path: Path) -> None:
    touch(tmp_path, "a.svg", "b.svg")
    with pytest.raises(FileNotFoundError, match=r"left out: 2 \(suffix \.svg is not read\)\. These are read"):
        find_images(tmp_path, "training")


def test_files_in_another_folder_are_told_through_links(tmp_path: Path) -> None:
    touch(tmp_path, "in/a.png", "in/out/b.png", "other/c.png", "in/outer/d.png")
    (tmp_path / "in/linked").symlink_to(tmp_path / "in/out")
    (tmp_path / "in/e.png").symlink_to("out/b.png")
    paths = list_images(tmp_path / "in").paths
    left = outside(paths, tmp_path / "in/out")
    assert [path.relative_to(tmp_path).as_posix() for path in left] == ["in/a.png", "in/outer/d.png"]


def test_the_split_is_the_same_whether_accents_are_composed(tmp_path: Path) -> None:
    names = [f"\u00e9{i}.png" for i in range(20)]
    apart = [name.replace("\u00e9", "e\u0301") for name in names]
    _, held_out = hold_out([tmp_path / name for name in names], tmp_path, 0.3)
    _, same = hold_out([tmp_path / name for name in apart], tmp_path, 0.3)
    assert [names.index(path.name) for path in held_out] == [apart.index(path.name) for path in same]


def test_names_that_are_no_text_are_listed_and_split(tmp_path: Path) -> None:
    for number in range(4):
        (tmp_path / os.fsdecode(b"\xff%d.png" % number)).touch()
    paths = list_images(tmp_path).paths
    assert len(paths) == 4
    assert len(hold_out(paths, tmp_path, 0.25)[1]) == 1


def _domains(root: Path) -> list[list[str]]:
    attributes: list[list[str]] = MultiDomainImages(str(root), size=16).attributes
    return attributes


def _classes(root: Path) -> list[list[str]]:
    return [Images(str(root), labels="folder", size=16).class_names]


@pytest.mark.parametrize("read", [_domains, _classes])
def test_folders_that_are_hidden_are_no_domains(tmp_path: Path, read: Callable[[Path], Any]) -> None:
    for name in ("cat", "dog", ".ipynb_checkpoints", "__MACOSX", "@eaDir"):
        write_folder(tmp_path / "store" / name, 3)
    (tmp_path / "all").mkdir()
    for path in (tmp_path / "store").iterdir():
        (tmp_path / "all" / path.name).symlink_to(path)
    assert read(tmp_path / "store") == [["cat", "dog"]]
    assert read(tmp_path / "all") == [["cat", "dog"]]


def test_domains_of_train_and_test_are_the_same_composed_or_not(tmp_path: Path) -> None:
    for split, name in (("train", "caf\u00e9"), ("test", "cafe\u0301")):
        for domain in (name, "dog"):
            write_folder(tmp_path / split / domain, 3)
    data = MultiDomainImages(str(tmp_path), attributes=["cafe\u0301", "dog"], size=16, batch_size=2)
    assert data.attributes == [["caf\u00e9", "dog"]]
    assert sum(len(batch.batch.names) for batch in data.val_dataloader()) == 6
    images = Images(str(tmp_path), labels="folder", size=16)
    assert images.class_names == ["caf\u00e9", "dog"]
    labels = [label for batch in images.once("test") for label in batch.batch.labels.tolist()]
    assert sorted(labels) == [0, 0, 0, 1, 1, 1]


def test_tables_and_images_are_partners_composed_or_not(tmp_path: Path) -> None:
    for name, pixels in write_folder(tmp_path / "set", 6).items():
        write_image(tmp_path / "set" / f"e\u0301{name}", pixels)
        (tmp_path / "set" / name).unlink()
    rows = [f"\u00e9{number:03d}.png;{number % 2};{number // 3}\r\n" for number in range(6)]
    (tmp_path / "table.csv").write_text("".join(["file; a; b\r\n", *rows, rows[0]]), "utf-16", newline="")
    data = MultiDomainImages(
        str(tmp_path / "set"), table=str(tmp_path / "table.csv"), size=16, held_out_share=0.5
    )
    (batch,) = data.val_dataloader()
    found = dict(zip(batch.batch.names, batch.batch.labels.tolist(), strict=True))
    assert found == {name: [int(name[-5]) % 2, int(name[-5]) // 3] for name in found}

    described = [f"\u00e9{number:03d}.png;caption {number}\n" for number in range(6)]
    (tmp_path / "set/captions.csv").write_text("".join(["image;caption\n", *described, described[0]]))
    texts = CaptionedImages(str(tmp_path / "set"), size=16).training_captions()
    assert len(texts) == len(set(texts)) == 4


def test_folders_of_links_are_read_by_translations(tmp_path: Path) -> None:
    for name in ("A", "B"):
        write_folder(tmp_path / "store" / name, 4)
    (tmp_path / "set").mkdir()
    for split in ("trainA", "trainB"):
        (tmp_path / "set" / split).symlink_to(tmp_path / "store" / split[-1])
    unpaired = UnpairedImages(str(tmp_path / "set"), size=16)
    paired = PairedImages(str(tmp_path / "set"), size=16)
    assert (len(unpaired._training), len(paired._pairs.training)) == (3, 3)
