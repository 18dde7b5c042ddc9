"""Pairs for super-resolution: a plain folder of pictures, and the same made smaller."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.pairs import FACES, epoch, finished, unit
from support.pictures import random_pixels, write_deep_png, write_folder, write_image
from torch import Tensor

from datamodules import SharpImages
from datamodules.files.readers import ImageError
from datamodules.imresize import imresize
from datamodules.sharp.shrinking import Shrinking, cropped_to_multiples, shrink

TASKS = ["bicubic", "area"]


def pairs(folder: Path, **changes: Any) -> SharpImages:
    arguments = {"scale": 2, "size": 8, "batch_size": 2, "turn": False, "eval_batch_size": 1}
    return SharpImages(folder=str(folder), **(arguments | changes))


@pytest.mark.parametrize("scale", range(1, 9))
def test_every_multiple_of_a_scale_has_its_whole_part(scale: int) -> None:
    for side in range(1, 400):
        row = torch.zeros(1, 1, scale * side, dtype=torch.uint8).expand(1, scale, -1)
        assert shrink(row, scale, "bicubic").shape == (1, 1, side)


def test_small_pictures_keep_type_and_range() -> None:
    picture = (
        torch.from_numpy(np.kron(random_pixels(6, 8), np.ones((4, 4, 1)))).permute(2, 0, 1).to(torch.uint8)
    )
    assert torch.equal(shrink(picture, 4, "area"), picture[:, ::4, ::4])
    small = shrink(picture, 4, "bicubic")
    assert small.dtype == torch.uint8
    assert torch.equal(small, imresize(picture.double(), 0.25).round().clamp(0, 255).to(torch.uint8))
    deep = shrink((picture / 127.5 - 1).sign(), 2, "bicubic")
    assert deep.dtype == torch.float32
    assert deep.abs().max() == 1


def test_sides_are_cropped_to_multiples() -> None:
    picture = torch.arange(3 * 11 * 7).view(3, 11, 7)
    assert torch.equal(cropped_to_multiples(picture, 4), picture[:, :8, :4])
    with pytest.raises(ValueError, match="7x11 pixels are too few to be made 8 times smaller"):
        cropped_to_multiples(picture, 8)


@pytest.mark.parametrize("task", TASKS)
def test_evaluation_sees_whole_pictures_cropped_to_the_scale(tmp_path: Path, task: Shrinking) -> None:
    pixels = write_folder(tmp_path, 4, (23, 18))
    data = pairs(tmp_path, task=task, scale=4, size=4)
    assert (data.channels_in, data.channels_out, data.scale) == (3, 3, 4)
    for batch in finished(data.val_dataloader()):
        (name,) = batch.names
        sharp = torch.from_numpy(pixels[name]).permute(2, 0, 1)[:, :20, :16]
        torch.testing.assert_close(batch.target[0], sharp / 127.5 - 1, rtol=0, atol=1e-6)
        small = shrink(sharp, 4, task) / 127.5 - 1
        torch.testing.assert_close(batch.input[0], small, rtol=0, atol=1e-6)


def places(whole: Tensor, window: Tensor) -> list[tuple[int, int]]:
    """Return where (C, H, W) shows a window."""
    height, width = window.shape[1:]
    views = whole.unfold(1, height, 1).unfold(2, width, 1)
    found = (views - window[:, None, None]).abs().amax(dim=(0, 3, 4)) < 1e-5
    return [tuple(place) for place in found.nonzero().tolist()]


@pytest.mark.parametrize("scale", [2, 3])
def test_windows_are_aligned_to_the_scale(tmp_path: Path, scale: int) -> None:
    pixels = write_folder(tmp_path, 3, (31, 37))
    data = pairs(tmp_path, scale=scale, flip=False)
    for number in range(4):
        for batch in epoch(data, number):
            for small, large, name in zip(batch.input, batch.target, batch.names, strict=True):
                sharp = cropped_to_multiples(torch.from_numpy(pixels[name]).permute(2, 0, 1), scale)
                ((top, left),) = places(sharp / 127.5 - 1, large)
                assert (top % scale, left % scale) == (0, 0)
                whole = shrink(sharp, scale, "bicubic") / 127.5 - 1
                assert places(whole, small) == [(top // scale, left // scale)]


def test_grey_and_deep_pictures(tmp_path: Path) -> None:
    for number in range(3):
        levels = np.linspace(0, 65535, 20 * 20).reshape(20, 20, 1).astype(np.uint16)
        write_deep_png(tmp_path / f"{number}.png", levels + number)
    data = pairs(tmp_path)
    assert (data.channels_in, data.channels_out) == (1, 1)
    (batch, *_) = epoch(data)
    assert batch.input.shape == (2, 1, 8, 8)
    assert batch.target.unique().numel() > 256


@pytest.mark.parametrize("task", TASKS)
def test_faces_are_drawn_large_and_made_smaller(task: Shrinking) -> None:
    data = SharpImages(**FACES, task=task, scale=2)
    (batch,) = finished(data.val_dataloader())
    assert batch.input.shape == (3, 3, 16, 16)
    sharp = ((batch.target + 1) * 127.5).round().to(torch.uint8)
    small = torch.stack([shrink(face, 2, task) for face in sharp])
    torch.testing.assert_close(batch.input, small / 127.5 - 1, rtol=0, atol=1e-6)
    assert data.preview(2).input.shape == (2, 3, 16, 16)


def test_prediction_takes_pictures_as_they_are(tmp_path: Path) -> None:
    pixels = write_folder(tmp_path / "sharp", 4, (16, 16))
    write_image(tmp_path / "small" / "a.png", pixels["001.png"])
    data = pairs(tmp_path / "sharp", predict_dir=str(tmp_path / "small"))
    (batch,) = [batch.finish() for batch in data.predict_dataloader()]
    torch.testing.assert_close(batch.images[0], unit(pixels["001.png"]), rtol=0, atol=1e-6)


def test_a_picture_smaller_than_the_window_is_named(tmp_path: Path) -> None:
    write_folder(tmp_path, 3, (31, 15))
    data = pairs(tmp_path)
    with pytest.raises(ImageError, match=r"\.png: 14x30 pixels are too few for a window of 16"):
        epoch(data)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"scale": 0}, "scale: 0 must be at least 1"),
        ({"task": "lanczos"}, "task: 'lanczos' is unknown; bicubic, area, real are"),
        ({"name": "Set5"}, "Give either folder or name, not both"),
        ({"faces_count": 0}, "faces_count: 0"),
        ({"test_count": 0}, "test_count: 0"),
        ({"task": "real", "channels": 1}, "channels: task real spoils images of 3 channels, not 1"),
        ({"load_size": 7}, "load_size: 7 must be at least 8"),
    ],
)
def test_contradictions_are_refused(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    write_folder(tmp_path, 3, (31, 31))
    with pytest.raises(ValueError, match=said):
        pairs(tmp_path, **changes)


def test_faces_have_colour_or_are_grey() -> None:
    assert SharpImages(**FACES, channels=1).preview(1).target.shape == (1, 1, 64, 64)
    with pytest.raises(ValueError, match="channels: drawn faces have 3 channels, or 1 when grey, not 2"):
        SharpImages(**FACES, channels=2)
