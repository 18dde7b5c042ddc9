from __future__ import annotations

from pathlib import Path

import pytest

from datamodules.paired.folders import find_folders, list_folder, match_folders, split_files


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


@pytest.mark.parametrize("pattern", [("{}",), ("{}A", "{}B"), ("A/{}", "B/{}")])
def test_layouts_are_found(tmp_path: Path, pattern: tuple[str, ...]) -> None:
    for split in ("train", "test"):
        touch(tmp_path, *(f"{part.format(split)}/a.png" for part in pattern))
    assert find_folders(tmp_path) == {
        split: tuple(tmp_path / part.format(split) for part in pattern) for split in ("train", "test")
    }


def test_a_folder_of_another_layout_says_what_is_expected(tmp_path: Path) -> None:
    touch(tmp_path, "photos/a.png", "labels/a.png")
    with pytest.raises(
        FileNotFoundError, match=r"has labels, photos\. Expected.*trainA and trainB.*folder_A"
    ):
        find_folders(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"nowhere is empty or no folder"):
        find_folders(tmp_path / "nowhere")


def test_images_are_matched_by_path_without_suffix(tmp_path: Path) -> None:
    touch(tmp_path, "A/x.v1.png", "A/sub/x.png", "B/x.v1.jpg", "B/sub/x.tif", "B/notes.txt")
    listing, partners = match_folders(tmp_path / "A", tmp_path / "B")
    assert partners == {
        tmp_path / "A/sub/x.png": tmp_path / "B/sub/x.tif",
        tmp_path / "A/x.v1.png": tmp_path / "B/x.v1.jpg",
    }
    assert listing.names == ["sub/x.png", "x.v1.png"]
    assert listing.left_out == {"suffix .txt is not read": 1}


def test_accents_are_the_same_composed_or_not(tmp_path: Path) -> None:
    """macOS stores an accent as a letter of its own; other systems store both as one."""
    touch(tmp_path, "A/e\u0301.png", "B/\u00e9.nii.gz")
    _, partners = match_folders(tmp_path / "A", tmp_path / "B")
    assert partners == {tmp_path / "A/e\u0301.png": tmp_path / "B/\u00e9.nii.gz"}


def test_images_without_a_partner_can_be_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "A/x.png", "A/y.png", "B/x.png", "B/z.png")
    with pytest.warns(UserWarning, match=r"2 of 4 images have no partner.*They are left out"):
        listing, partners = match_folders(tmp_path / "A", tmp_path / "B", "skip")
    assert partners == {tmp_path / "A/x.png": tmp_path / "B/x.png"}
    assert listing.left_out == {"without a partner": 2}
    (tmp_path / "B/x.png").unlink()
    with pytest.raises(ValueError, match="3 of 3 images have no partner"):
        match_folders(tmp_path / "A", tmp_path / "B", "skip")


def test_images_without_a_partner_are_named_and_counted(tmp_path: Path) -> None:
    touch(tmp_path, "A/x.png", "A/y.png", "B/x.png", "B/z.png")
    with pytest.raises(ValueError, match=r"2 of 4 images have no partner.*A/y\.png, .*B/z\.png\. Add"):
        match_folders(tmp_path / "A", tmp_path / "B")
    touch(tmp_path, *(f"B/w{i}.png" for i in range(9)))
    with pytest.raises(ValueError, match=r"11 of 13 images.*A/y\.png, .*B/w3\.png and more"):
        match_folders(tmp_path / "A", tmp_path / "B")


def test_two_images_of_one_name_are_refused(tmp_path: Path) -> None:
    touch(tmp_path, "A/x.png", "B/x.jpg", "B/x.png")
    with pytest.raises(ValueError, match=r"B: 1 images have the name of another one.*B/x\.png"):
        match_folders(tmp_path / "A", tmp_path / "B")


def test_a_folder_that_is_missing_or_empty_is_named(tmp_path: Path) -> None:
    touch(tmp_path, "A/x.png")
    with pytest.raises(FileNotFoundError, match="B: no such folder"):
        match_folders(tmp_path / "A", tmp_path / "B")
    touch(tmp_path, "B/x.txt")
    with pytest.raises(FileNotFoundError, match="B: no images for pairs"):
        match_folders(tmp_path / "A", tmp_path / "B")
    with pytest.raises(FileNotFoundError, match="B: no images for pairs"):
        list_folder(tmp_path / "B")


def test_held_out_files_do_not_depend_on_their_order(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{i}.png" for i in range(10)))
    listing = list_folder(tmp_path)
    splits = split_files({"train": listing}, 0.2, None)
    assert len(splits.validation.paths) == 2
    assert splits.test == splits.validation
    assert sorted([*splits.train.paths, *splits.test.paths]) == sorted(listing.paths)
    backwards = split_files({"train": listing._replace(paths=listing.paths[::-1])}, 0.2, None)
    assert set(backwards.test.paths) == set(splits.test.paths)


def test_limits_are_evenly_spaced_in_every_split(tmp_path: Path) -> None:
    touch(tmp_path, *(f"train/{i}.png" for i in range(6)), *(f"val/{i}.png" for i in range(4)))
    listings = {split: list_folder(tmp_path / split) for split in ("train", "val")}
    splits = split_files(listings, 0.5, 2)
    assert [path.name for path in splits.train.paths] == ["0.png", "3.png"]
    assert [path.name for path in splits.validation.paths] == ["0.png", "2.png"]
