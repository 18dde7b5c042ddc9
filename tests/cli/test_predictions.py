"""The command `predict` itself: killed amid a picture and repeated, and on two processes."""

from __future__ import annotations

import os
import signal
from itertools import count
from pathlib import Path
from typing import BinaryIO
from unittest.mock import patch

import pytest
from PIL import Image
from support.checkpoints import write_checkpoint
from support.commands import run, write_toy_config
from support.medical import write_nifti
from support.pictures import Array, random_pixels, write_image
from support.processes import run_alone, run_together

from datamodules.files.formats import pictures
from datamodules.files.writers import Encoding
from gans.callbacks.predicting import write_predictions

SHAPES = {"a.png": (20, 16), "b.png": (20, 16), "large.png": (40, 72), "more/c.png": (20, 16)}
KILLED_AT = 3  # pictures begun


@pytest.fixture
def command(tmp_path: Path) -> list[object]:
    """Write a model and four images, one of them in tiles; return the command but for its output."""
    for seed, (name, shape) in enumerate(SHAPES.items()):
        write_image(tmp_path / "in" / name, random_pixels(*shape, 3, seed))
    config = write_toy_config(tmp_path / "toy.yaml")
    checkpoint = write_checkpoint(tmp_path / "model.ckpt", "CycleGAN", norm="none")
    tiles = ("--data.tile", "32", "--data.overlap", "8", "--data.eval_batch_size", "1")
    folder = ("--data.predict_dir", str(tmp_path / "in"), *tiles)
    return ["predict", "--config", str(config), "--ckpt_path", str(checkpoint), *folder]


def contents(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def run_until_killed(*arguments: str) -> None:
    """Predict, and die when half of a picture is written."""
    encode, begun = pictures.encode, count(1)

    def dying(values: Array, kind: str, file: BinaryIO) -> None:
        if next(begun) == KILLED_AT:
            file.write(b"half of a picture")
            file.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        encode(values, kind, file)

    with patch.object(pictures, "encode", dying):
        run(*arguments)


def test_a_killed_prediction_goes_on_to_the_same_folder(tmp_path: Path, command: list[object]) -> None:
    assert run_alone(run, *command, "--output", str(tmp_path / "whole")) == 0
    whole = contents(tmp_path / "whole")
    assert whole.keys() == SHAPES.keys()
    repeated = [*command, "--output", str(tmp_path / "own"), "--write_predictions.skip_existing", "true"]
    assert run_alone(run_until_killed, *repeated) == -signal.SIGKILL
    left = contents(tmp_path / "own")
    assert len(left) == KILLED_AT
    assert sum(name.endswith(".part") for name in left) == 1
    done = {name: (tmp_path / "own" / name).stat().st_mtime_ns for name in left if name in whole}
    assert run_alone(run, *repeated) == 0
    assert contents(tmp_path / "own") == whole
    assert {name: (tmp_path / "own" / name).stat().st_mtime_ns for name in done} == done


def test_the_model_says_how_many_channels_a_folder_is_read_with(tmp_path: Path) -> None:
    """Not the data of the config, which are colourful drawn faces."""
    write_image(tmp_path / "in" / "grey.png", random_pixels(20, 16, 1, 0))
    write_image(tmp_path / "in" / "colour.png", random_pixels(20, 16, 3, 1))
    config = write_toy_config(tmp_path / "toy.yaml")
    model = write_checkpoint(tmp_path / "grey.ckpt", "CycleGAN", channels_A=1, channels_B=1)
    folders = ("--data.predict_dir", str(tmp_path / "in"), "--output", str(tmp_path / "out"))
    assert run("predict", "--config", str(config), "--ckpt_path", str(model), *folders) == 0
    for name in ("grey.png", "colour.png"):
        with Image.open(tmp_path / "out" / name) as picture:
            assert (picture.mode, picture.size) == ("L", (16, 20))


def run_and_list(*arguments: str) -> list[str]:
    """Predict, and return the names of the pictures that this process wrote."""
    written: list[str] = []
    save = write_predictions.save

    def listing(encoding: Encoding, folder: Path, name: str) -> Path:
        written.append(name)
        return save(encoding, folder, name)

    with patch.object(write_predictions, "save", listing):
        assert run(*arguments) == 0
    return written


def test_names_are_the_same_on_two_processes_and_after_a_repetition(
    tmp_path: Path, command: list[object], capsys: pytest.CaptureFixture[str]
) -> None:
    for name in SHAPES:
        (tmp_path / "in" / name).unlink()
    for name, side in (("slice.nii", 20), ("slice.nii.gz", 24)):
        write_nifti(tmp_path / "in" / name, random_pixels(side, side, 1).squeeze())
    write_image(tmp_path / "in" / "slice.png", random_pixels(28, 28, 3))
    output = ("--output", str(tmp_path / "in" / "out"))
    assert run(*command, *output) == 0
    assert "3 pictures in" in capsys.readouterr().out
    whole = contents(tmp_path / "in/out")
    assert whole.keys() == {"slice.png", "slice.nii.png", "slice.nii.gz.png"}
    (tmp_path / "in/out/slice.nii.png").unlink()
    again = [*command, *output, "--write_predictions.skip_existing", "true", "--trainer.devices", "2"]
    assert [name for names in run_together(run_and_list, *again) for name in names] == ["slice.nii.png"]
    assert contents(tmp_path / "in/out") == whole


@pytest.mark.parametrize("images", [3, 1])
def test_two_processes_write_each_picture_once(tmp_path: Path, command: list[object], images: int) -> None:
    for name in [*SHAPES][images:]:
        (tmp_path / "in" / name).unlink()
    assert run_alone(run, *command, "--output", str(tmp_path / "whole")) == 0
    both = [*command, "--output", str(tmp_path / "own"), "--trainer.devices", "2"]
    first, second = run_together(run_and_list, *both)
    assert (len(first), len(second)) == ((images + 1) // 2, images // 2)
    assert sorted(first + second) == [*SHAPES][:images]
    assert contents(tmp_path / "own") == contents(tmp_path / "whole")
