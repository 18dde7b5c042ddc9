"""From a folder of images to a folder of pictures: data module, model and writer together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.medical import write_nifti
from support.pictures import random_pixels, write_image
from support.predictions import predict

from datamodules.files.readers import read_image

SHAPES = {"large.png": (40, 70), "sub/a.png": (20, 18)}


@pytest.fixture
def pictures(tmp_path: Path) -> dict[str, Any]:
    """Write a set of images, and a mask for each."""
    pixels = {name: random_pixels(*shape, 3, seed) for seed, (name, shape) in enumerate(SHAPES.items())}
    for name, image in pixels.items():
        write_image(tmp_path / "set" / "images" / name, image)
        write_image(tmp_path / "set" / "masks" / name, image)
    return pixels


def test_large_and_small_images_come_out_whole_with_their_masks(
    tmp_path: Path, pictures: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    model = predict(tmp_path, also_copy=str(tmp_path / "set" / "masks"))
    assert model.seen == 2 * 3 + 1  # tiles of the large image, and the small one
    for name, image in pictures.items():
        for which in ("one", "two"):
            found = read_image(tmp_path / "out" / which / name, 3)
            np.testing.assert_array_equal(found, 255 - image)
            assert (tmp_path / "out" / "masks" / which / name).is_file()
    assert "large.png: the largest step between lines is" in capsys.readouterr().out


def test_a_repeated_command_does_what_is_missing(tmp_path: Path, pictures: dict[str, Any]) -> None:
    predict(tmp_path)
    (tmp_path / "out" / "two" / "sub" / "a.png").unlink()
    assert predict(tmp_path, skip_existing=True).seen == 1
    assert (tmp_path / "out" / "two" / "sub" / "a.png").is_file()
    assert predict(tmp_path, skip_existing=True).seen == 0
    assert predict(tmp_path).seen == 7


def test_a_missing_mask_is_said_before_any_image_is_read(tmp_path: Path, pictures: dict[str, Any]) -> None:
    (tmp_path / "set" / "masks" / "large.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"1 of 2 images .*large\.png"):
        predict(tmp_path, also_copy=str(tmp_path / "set" / "masks"))
    assert not (tmp_path / "out").exists()


def test_names_with_two_suffixes_are_known_again(tmp_path: Path) -> None:
    """A grey slice of which a colour picture was made is not there under its own suffixes, `.nii.gz`."""
    slices = tmp_path / "set" / "images"
    slices.mkdir(parents=True)
    write_nifti(slices / "a.nii.gz", random_pixels(20, 18, 1).squeeze())
    (tmp_path / "masks").mkdir()
    for name in ("a.nii.gz", "a.png"):
        (tmp_path / "masks" / name).write_bytes(b"mask")
    colour = {"channels_A": 3, "channels_B": 3}
    assert predict(tmp_path, data=colour, also_copy=str(tmp_path / "masks")).seen == 1
    written = [path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("a*.*")]
    copied = [f"masks/{which}/a{suffix}" for which in ("one", "two") for suffix in (".nii.gz", ".png")]
    assert sorted(written) == sorted(["one/a.png", "two/a.png", *copied])
    assert predict(tmp_path, data=colour, skip_existing=True).seen == 0
