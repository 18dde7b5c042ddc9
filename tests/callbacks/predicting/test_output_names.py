"""Names of predicted pictures: no two alike, and the same whenever they are asked for."""

from __future__ import annotations

import os
import random
from itertools import permutations
from pathlib import Path

import pytest
from support.medical import write_nifti
from support.pictures import random_pixels, write_image
from support.predictions import Negative, predict

from gans.callbacks.predicting.output_names import OutputName, key_of, output_names

ALIKE = [
    ["slice.nii", "slice.nii.gz", "slice.png"],
    ["A.png", "a.png", "a.jpg", "B/x.png", "b/X.png"],
    ["\u00e9.png", "e\u0301.png", "\u00c9.jpg"],
    ["x.nii", "x.gif", "x.nii.png", "x.nii.gif", "x.nii-2.png", "x.nii-2.gif"],
    ["x.nii", "x.png/1.png", "x.npy"],
    ["\u00e4" * 125 + end for end in (".jpg", ".nii", ".png")],
    ["n" * 251 + end for end in (".jpg", ".npy", ".dcm")],
]


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_names_are_kept_where_nothing_is_like_them() -> None:
    assert output_names(["a.jpg", "sub/a.nii.gz", "b"]) == {
        "a.jpg": OutputName("a.jpg", "a"),
        "sub/a.nii.gz": OutputName("sub/a.nii.gz", "sub/a"),
        "b": OutputName("b", "b"),
    }


def test_formats_that_change_keep_the_suffix_where_stems_are_shared() -> None:
    names = output_names(["slice.nii", "slice.nii.gz", "slice.png"])
    assert names["slice.png"].encoded("slice.png", "slice.png") == "slice.png"
    assert names["slice.nii"].encoded("slice.nii", "slice.png") == "slice.nii.png"
    assert names["slice.nii.gz"].encoded("slice.nii.gz", "slice.tiff") == "slice.nii.gz.tiff"


@pytest.mark.parametrize("names", ALIKE)
def test_no_two_pictures_are_one_on_any_file_system(names: list[str]) -> None:
    made = output_names(names)
    possible = [{key_of(each) for each in made[name].possible()} for name in names]
    folders = {key_of(name.rpartition("/")[0]) for name in names}
    for number, mine in enumerate(possible):
        assert not mine & (set().union(*possible[:number], *possible[number + 1 :]) | folders)
    assert max(len(os.fsencode(each)) for name in names for each in made[name].possible()) <= 255


def test_names_do_not_depend_on_the_order_of_images() -> None:
    for names in ALIKE:
        expected = output_names(names)
        for order in list(permutations(names))[:60]:
            assert output_names(order) == expected


def test_any_names_give_as_many_others() -> None:
    draw = random.Random(0)
    for _ in range(300):
        names = {
            "".join([*draw.choices("aA\u00e9", k=2), *draw.choices([".png", ".nii", ".gz", "-2"], k=2)])
            for _ in range(12)
        }
        made = output_names(names)
        possible = [each for name in names for each in {key_of(some) for some in made[name].possible()}]
        assert len(possible) == len(set(possible))


def test_as_many_pictures_come_out_as_images_go_in(tmp_path: Path) -> None:
    (tmp_path / "set/images").mkdir(parents=True)
    for name, side in (("slice.nii", 20), ("slice.nii.gz", 24)):
        write_nifti(tmp_path / "set/images" / name, random_pixels(side, side, 1).squeeze())
    write_image(tmp_path / "set/images/slice.png", random_pixels(28, 28))
    write_image(tmp_path / "set/images/Slice.PNG", random_pixels(20, 28))
    colour = {"channels_A": 3, "channels_B": 3}
    predict(tmp_path, data=colour, model=Negative(("one", "One")))
    names = ["Slice.PNG", "slice-2.png", "slice.nii.gz.png", "slice.nii.png"]
    assert files(tmp_path / "out") == sorted(
        f"{which}/{name}" for which in ("one", "One-2") for name in names
    )
    assert predict(tmp_path, data=colour, model=Negative(("one", "One")), skip_existing=True).seen == 0


def test_the_folder_of_the_pictures_is_not_predicted(tmp_path: Path) -> None:
    write_image(tmp_path / "set/images/a.png", random_pixels(20, 20))
    (tmp_path / "set/images/results").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "set/images/results")
    (tmp_path / "set/images/more").symlink_to(tmp_path / "set/images/results")
    for _ in range(2):
        assert predict(tmp_path).seen == 1
        assert files(tmp_path / "set/images/results") == ["one/a.png", "two/a.png"]
    (tmp_path / "set/images/a.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"all of them lie in .*out, where the predictions go"):
        predict(tmp_path)


def test_images_are_not_replaced_by_pictures_of_them(tmp_path: Path) -> None:
    pixels = random_pixels(20, 20)
    image = write_image(tmp_path / "out/one/a.png", pixels)
    (tmp_path / "set").mkdir()
    (tmp_path / "set/images").symlink_to(tmp_path / "out/one")
    before = image.read_bytes()
    with pytest.raises(ValueError, match=r"one/a\.png would be written among the images .*--output"):
        predict(tmp_path)
    assert image.read_bytes() == before


def test_names_of_250_bytes_are_written_with_their_masks(tmp_path: Path) -> None:
    name = "\u00e4" * 123 + ".png"
    assert len(name.encode()) == 250
    pixels = random_pixels(20, 20)
    for folder in ("images", "masks"):
        write_image(tmp_path / "set" / folder / name, pixels)
    predict(tmp_path, also_copy=str(tmp_path / "set/masks"))
    assert files(tmp_path / "out") == sorted(
        f"{folder}/{name}" for folder in ("one", "two", "masks/one", "masks/two")
    )


def test_masks_are_partners_composed_or_not_and_stay_apart_from_pictures(tmp_path: Path) -> None:
    image = write_image(tmp_path / "set/images/e\u0301.png", random_pixels(20, 20))
    write_image(tmp_path / "set/one/\u00e9.png", random_pixels(9, 9))
    (tmp_path / "set/one/.hidden.png").touch()
    predict(tmp_path, also_copy=str(tmp_path / "set/one"))
    assert files(tmp_path / "out") == sorted(
        f"{folder}/{image.name}" for folder in ("one", "two", "one-2/one", "one-2/two")
    )
    mask = tmp_path / "out/one-2/one" / image.name
    assert mask.read_bytes() == (tmp_path / "set/one/\u00e9.png").read_bytes()
