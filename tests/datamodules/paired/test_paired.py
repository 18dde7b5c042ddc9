from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.pairs import FACES, epoch, finished, negatives, side_by_side, unit
from support.pictures import random_pixels, write_deep_png, write_folder, write_image

from datamodules import PairedImages
from datamodules.paired.colour import join_lab


@pytest.mark.parametrize("direction", ["A2B", "B2A", "AtoB", "BtoA"])
def test_side_by_side_pictures_in_both_directions(tmp_path: Path, direction: Any) -> None:
    left = side_by_side(tmp_path, {"train": 2, "val": 3, "test": 1})
    data = PairedImages(str(tmp_path), size=12, direction=direction)
    for loader, split, count in ((data.val_dataloader(), "val", 3), (data.test_dataloader(), "test", 1)):
        (batch,) = finished(loader)
        assert list(batch.names) == [f"{split}{i}.png" for i in range(count)]
        A, B = (batch.input, batch.target) if direction[0] == "A" else (batch.target, batch.input)
        for name, a, b in zip(batch.names, A, B, strict=True):
            assert torch.allclose(a, unit(left[name]), atol=1e-6)
            assert torch.allclose(b, -unit(left[name]), atol=1e-6)


@pytest.mark.parametrize(
    ("splits", "validation", "test"),
    [({"val": 2, "test": 3}, "val", "test"), ({"val": 2}, "val", "val"), ({"test": 3}, "test", "test")],
)
def test_val_and_test_stand_in_for_each_other(
    tmp_path: Path, splits: dict[str, int], validation: str, test: str
) -> None:
    side_by_side(tmp_path, {"train": 2} | splits)
    data = PairedImages(str(tmp_path), size=12)
    for loader, split in ((data.val_dataloader(), validation), (data.test_dataloader(), test)):
        (batch,) = finished(loader)
        assert list(batch.names) == [f"{split}{i}.png" for i in range(splits[split])]


def test_without_them_a_share_is_held_out(tmp_path: Path) -> None:
    negatives(tmp_path, 10)
    data = PairedImages(
        folder_A=str(tmp_path / "trainA"), folder_B=str(tmp_path / "trainB"), size=16, held_out_share=0.3
    )
    trained = {name for batch in epoch(data) for name in batch.names}
    (held_out,) = finished(data.val_dataloader())
    assert len(held_out.names) == 3
    assert sorted(trained | set(held_out.names)) == [f"{i:03d}.png" for i in range(10)]
    (test,) = finished(data.test_dataloader())
    assert test.names == held_out.names
    again = PairedImages(
        folder_A=str(tmp_path / "trainA"),
        folder_B=str(tmp_path / "trainB"),
        direction="B2A",
        seed=3,
        size=16,
        held_out_share=0.3,
    )
    (same,) = finished(again.val_dataloader())
    assert same.names == held_out.names
    assert torch.equal(same.input, held_out.target)


def test_channels_and_depth_may_differ(tmp_path: Path) -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    for i in range(3):
        write_image(tmp_path / "a" / f"{i}.png", levels)
        (tmp_path / "b").mkdir(exist_ok=True)
        write_deep_png(tmp_path / "b" / f"{i}.png", np.repeat(levels.astype(np.uint16) * 257, 3, axis=2))
    data = PairedImages(folder_A=str(tmp_path / "a"), folder_B=str(tmp_path / "b"), size=16, load_size=18)
    assert (data.channels_in, data.channels_out, data.image_size) == (1, 3, 16)
    (batch,) = finished(data.val_dataloader())
    assert batch.input.shape == (1, 1, 16, 16)
    assert torch.allclose(batch.input, unit(levels)[None], atol=1e-6)
    assert torch.allclose(batch.target, unit(levels).expand(1, 3, -1, -1), atol=1e-6)
    for training in epoch(data):  # 16 bits resize finer than 8, but to the same place
        assert (training.input - training.target).abs().max() < 1.5 / 127.5


def test_16_bit_targets_keep_their_depth(tmp_path: Path) -> None:
    ramp = np.arange(256, dtype=np.uint16).reshape(16, 16, 1)  # one 8-bit level in all
    for i in range(2):
        write_image(tmp_path / "a" / f"{i}.png", random_pixels(16, 16))
        (tmp_path / "b").mkdir(exist_ok=True)
        write_deep_png(tmp_path / "b" / f"{i}.png", ramp)
    data = PairedImages(folder_A=str(tmp_path / "a"), folder_B=str(tmp_path / "b"), size=16)
    assert len(data.preview(1).target.unique()) == 256


def test_grey_side_by_side_pictures_stay_grey(tmp_path: Path) -> None:
    pixels = write_folder(tmp_path / "train", 2, (12, 24), channels=1)
    data = PairedImages(str(tmp_path), size=12)
    assert (data.channels_in, data.channels_out) == (1, 1)
    batch = data.preview(1)
    assert torch.allclose(batch.target[0], unit(pixels[batch.names[0]])[:, :, 12:], atol=1e-6)


def test_grey_can_be_asked_of_one_half(tmp_path: Path) -> None:
    side_by_side(tmp_path, {"train": 2, "val": 1})
    whole = PairedImages(str(tmp_path), size=12).preview(1)
    data = PairedImages(str(tmp_path), size=12, channels_A=1)
    assert (data.channels_in, data.channels_out) == (1, 3)
    batch = data.preview(1)
    luma = (whole.input * torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(1, keepdim=True)
    assert (batch.input - luma).abs().max() < 1.5 / 127.5
    assert torch.equal(batch.target, whole.target)
    swapped = PairedImages(str(tmp_path), size=12, channels_A=1, direction="B2A")
    assert (swapped.channels_in, swapped.channels_out) == (3, 1)


def test_colourisation_of_a_plain_folder(tmp_path: Path) -> None:
    pixels = write_folder(tmp_path, 8, (16, 16))
    data = PairedImages(
        folder=str(tmp_path), task="colorise", size=16, load_size=16, flip=False, held_out_share=0.25
    )
    assert (data.channels_in, data.channels_out, data.lab) == (1, 2, True)
    for batch in [*epoch(data), data.preview(2)]:
        assert batch.input.shape[1:] == (1, 16, 16)
        assert batch.target.shape[1:] == (2, 16, 16)
        assert max(batch.input.abs().max(), batch.target.abs().max()) <= 1
        for name, picture in zip(batch.names, join_lab(batch.input, batch.target), strict=True):
            assert torch.allclose(picture, unit(pixels[name]), atol=1e-4)


def test_grey_pictures_have_no_colour_but_can_be_coloured(tmp_path: Path) -> None:
    pixels = write_folder(tmp_path, 2, (16, 16), channels=1)
    data = PairedImages(folder=str(tmp_path), task="colorise", channels_A=1, channels_B=2, size=16)
    batch = data.preview(1)
    assert batch.target.abs().max() < 1e-3
    grey = unit(pixels[batch.names[0]]).expand(3, -1, -1)
    assert torch.allclose(join_lab(batch.input, batch.target)[0], grey, atol=1e-4)


def test_edges_of_a_plain_folder(tmp_path: Path) -> None:
    half = np.zeros((16, 24, 3), np.uint8)
    half[:, 12:] = 255
    for i in range(3):
        write_image(tmp_path / f"{i}.png", half)
    data = PairedImages(folder=str(tmp_path), task="edges", size=16, preprocess="crop")
    assert (data.channels_in, data.channels_out, data.lab) == (1, 3, False)
    for batch in epoch(data) + epoch(data, 1):
        assert set(batch.input.flatten().tolist()) == {-1.0, 1.0}
        lines = (batch.input[0, 0] == -1).any(0).nonzero().flatten().tolist()
        assert len(lines) == 1  # one upright line, where the picture in the same window has its step
        around = batch.target[0, 0, :, lines[0] - 1 : lines[0] + 2]
        assert (around.amin(1) == -1).all()
        assert (around.amax(1) == 1).all()
    swapped = PairedImages(folder=str(tmp_path), task="edges", size=16, direction="B2A")
    assert (swapped.channels_in, swapped.channels_out) == (3, 1)
    assert set(swapped.preview(1).target.flatten().tolist()) == {-1.0, 1.0}


def test_faces_need_nothing() -> None:
    data = PairedImages(**FACES, batch_size=2)
    assert (data.channels_in, data.channels_out, data.image_size) == (3, 3, 16)
    batches = epoch(data)
    assert [batch.input.shape for batch in batches] == [(2, 3, 16, 16)] * 2
    (batch,) = finished(data.test_dataloader())
    drawing, face = batch.input, batch.target
    assert ((drawing - face) > -0.02).all()  # the drawing has white where the face has colour
    assert ((drawing - face) > 0.5).any(1).float().mean() > 0.1
    assert drawing.min() < -0.5  # and the same lines
    assert not set(batch.names) & {name for training in batches for name in training.names}
    other = PairedImages(**FACES, seed=1).preview(3)
    assert torch.equal(other.target, data.preview(3).target)


@pytest.mark.parametrize("task", ["colorise", "edges"])
def test_faces_with_a_task(task: Any) -> None:
    data = PairedImages(**FACES, task=task)
    batch, plain = data.preview(3), PairedImages(**FACES).preview(3)
    assert batch.input.shape == (3, 1, 16, 16)
    pictures = join_lab(batch.input, batch.target) if task == "colorise" else batch.target
    assert torch.allclose(pictures, plain.target, atol=1e-4)
    assert epoch(data)[0].target.shape == (1, data.channels_out, 16, 16)


def test_max_images(tmp_path: Path) -> None:
    side_by_side(tmp_path, {"train": 6, "val": 5})
    data = PairedImages(str(tmp_path), size=12, max_images=3)
    assert {name for batch in epoch(data) for name in batch.names} == {
        "train0.png",
        "train2.png",
        "train4.png",
    }
    assert len(data.preview(9).input) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"folder_A": "x"}, "folder_B is missing"),
        ({"root": "x", "folder_A": "x"}, "either root or folder_A and folder_B, not both"),
        ({"folder": "x"}, "task is missing"),
        (
            {"root": "x", "task": "edges"},
            "edges makes pairs of plain pictures: give these as folder, not as root",
        ),
        ({"task": "paint"}, "task: 'paint' is unknown"),
        ({"direction": "left"}, "direction: 'left' is unknown; A2B and B2A"),
        ({"task": "colorise", "direction": "B2A"}, "direction: task colorise"),
        ({"task": "colorise", "channels_B": 3}, "channels_B: task colorise has 2 channels there, not 3"),
        ({"task": "edges", "channels_B": 4}, "channels_B: task edges has 1 or 3 channels there, not 4"),
        ({"task": "edges", "channels_A": 3}, "channels_A: task edges has 1 channel there, not 3"),
        ({"edge_sigma": 0}, "edge_sigma: 0 must be above 0"),
        ({"edge_threshold": -1}, "edge_threshold: -1"),
        ({"held_out_share": 1.0}, r"held_out_share: 1\.0"),
        ({"faces_count": 0}, "faces_count: 0"),
        ({"test_count": 0}, "test_count: 0"),
        ({"channels_B": 0}, "channels_B: 0"),
        ({"max_images": 0}, "max_images: 0"),
        ({"channels_A": 2}, "channels_A: drawn faces have 3 channels"),
        ({"faces_A": "hat"}, "domain of faces 'hat'"),
    ],
)
def test_bad_arguments_are_named_at_once(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PairedImages(**options)


def test_bad_pairs_stop_or_are_skipped(tmp_path: Path) -> None:
    negatives(tmp_path, 4)
    negatives(tmp_path, 1, split="test")
    (tmp_path / "trainB" / "002.png").write_text("no image")
    with pytest.raises(ValueError, match=r"trainB/002\.png: called \.png but holds no image"):
        PairedImages(str(tmp_path), size=16, channels_B=3).train_dataloader()
    data = PairedImages(str(tmp_path), size=16, on_bad_image="skip")
    with pytest.warns(UserWarning, match=r"1 images were skipped(.|\n)*trainB/002\.png"):
        batches = epoch(data)
    assert {name for batch in batches for name in batch.names} == {"000.png", "001.png", "003.png"}
    assert all((batch.input + batch.target).abs().max() < 1.5 / 127.5 for batch in batches)
