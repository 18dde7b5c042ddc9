"""Pairs whose targets are larger than their inputs: both show the same, however cut, mirrored and resized."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.pairs import FACES, epoch, finished, negatives, side_by_side
from support.pictures import write_folder, write_image
from torch import Tensor
from torch.nn import functional as F

from datamodules import PairedImages
from datamodules.files.readers import ImageError
from datamodules.transforms import Preprocess

KINDS = ["resize_and_crop", "scale_width", "scale_width_and_crop", "crop", "none"]


def hill(height: int, width: int, scale: int, number: int) -> Any:
    """Return pixels of a smooth picture that has no axis of symmetry, `scale` times as fine."""
    rows, columns = ((np.arange(scale * side) + 0.5) / (scale * side) for side in (height, width))
    waves = np.sin(3 * rows[:, None] + number) + np.sin(5 * columns) + np.cos(4 * rows[:, None] * columns)
    return np.stack([127.5 + 42 * waves, 127.5 - 42 * waves, 100 + 33 * waves], 2).round().astype(np.uint8)


def folders(root: Path, scale: int, size: tuple[int, int], count: int = 5) -> dict[str, Any]:
    """Write the same pictures, those of B `scale` times as high and wide; return the arguments."""
    for number in range(count):
        write_image(root / "A" / f"{number}.png", hill(*size, 1, number))
        write_image(root / "B" / f"{number}.png", hill(*size, scale, number))
    return {"folder_A": str(root / "A"), "folder_B": str(root / "B"), "scale": scale, "size": 16}


def reduced(targets: Tensor, scale: int) -> Tensor:
    return F.avg_pool2d(targets, scale)


@pytest.mark.parametrize("scale", [2, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_targets_show_what_inputs_show(tmp_path: Path, kind: Any, scale: int) -> None:
    data = PairedImages(
        **folders(tmp_path, scale, (24, 32)), preprocess=kind, batch_size=2, eval_batch_size=1
    )
    train = [batch for number in range(3) for batch in epoch(data, number)]
    for batch in train + finished(data.val_dataloader()):
        count, _, height, width = batch.input.shape
        assert batch.target.shape == (count, 3, scale * height, scale * width)
        difference = (reduced(batch.target, scale) - batch.input).abs()
        assert difference.max() < 0.06, "a place that is one pixel off, or mirrored, shows"
    sides = train[0].input.shape[2:]
    assert tuple(sides) == (16, 16) or not data.preprocess.crops


def test_windows_begin_anywhere_in_the_input(tmp_path: Path) -> None:
    pixels = negatives(tmp_path, 1, (9, 9)) | negatives(tmp_path, 1, split="test")
    ((name, whole),) = pixels.items()
    write_image(tmp_path / "trainA" / name, whole[:9, :9])
    write_image(tmp_path / "trainB" / name, 255 - whole[:9, :9].repeat(2, 0).repeat(2, 1))
    data = PairedImages(str(tmp_path), size=8, preprocess="crop", scale=2)
    seen = set()
    for number in range(40):
        (batch,) = epoch(data, number)
        for corner in (batch.target[:, :, ::2, ::2], batch.target[:, :, 1::2, 1::2]):
            torch.testing.assert_close(corner, -batch.input, rtol=0, atol=1e-6)
        seen.add(batch.input.numpy().tobytes())
    assert len(seen) == 8, "two places along each axis, mirrored or not"


@pytest.mark.parametrize("direction", ["A2B", "B2A"])
def test_the_target_is_the_larger_one_in_either_direction(tmp_path: Path, direction: Any) -> None:
    arguments = folders(tmp_path, 2, (16, 16))
    if direction == "B2A":
        arguments |= {"folder_A": arguments["folder_B"], "folder_B": arguments["folder_A"]}
    data = PairedImages(**arguments, direction=direction, preprocess="none")
    assert (data.scale, data.image_size) == (2, 16)
    (batch,) = finished(data.val_dataloader())
    assert batch.target.shape[2:] == (32, 32)
    assert (reduced(batch.target, 2) - batch.input).abs().max() < 0.06
    (images,) = [loaded.finish() for loaded in data.predict_dataloader()]
    assert torch.equal(images.images, batch.input)


def test_drawn_faces_are_drawn_in_both_sizes() -> None:
    data = PairedImages(**FACES, faces_A="as_drawn", scale=2, load_size="size")
    assert [found.sizes for found in data.found()] == [((16, 16), (16, 16)), ((32, 32), (32, 32))]
    for batch in epoch(data) + finished(data.val_dataloader()):
        assert batch.input.shape[2:] == (16, 16)
        assert batch.target.shape[2:] == (32, 32)
        assert (reduced(batch.target, 2) - batch.input).abs().mean() < 0.1


def test_a_preview_of_many_shapes_is_square_and_in_place(tmp_path: Path) -> None:
    arguments = folders(tmp_path, 2, (40, 60))
    for folder, scale in (("A", 1), ("B", 2)):
        write_image(tmp_path / folder / "0.png", hill(64, 48, scale, 0))
    data = PairedImages(**arguments, preprocess="none", held_out_share=0.9)
    batch = data.preview(4)
    assert batch.input.shape == (4, 3, 16, 16)
    assert batch.target.shape == (4, 3, 32, 32)
    assert (reduced(batch.target, 2) - batch.input).abs().max() < 0.06


@pytest.mark.parametrize("shape", [(90, 41), (33, 77), (100, 30)])
@pytest.mark.parametrize("kind", KINDS)
def test_both_are_resized_to_sizes_that_differ_by_the_scale(kind: Any, shape: tuple[int, int]) -> None:
    small = Preprocess(kind, size=20, load_size=23 if kind.startswith(("resize", "scale")) else None)
    for scale in (1, 2, 3, 4):
        large, fine = small.enlarged(scale), torch.zeros(1, *(scale * side for side in shape))
        for one, other in (
            (small.for_training(torch.zeros(1, *shape)), large.for_training(fine)),
            (small.for_evaluation(torch.zeros(1, *shape)), large.for_evaluation(fine)),
        ):
            assert tuple(other.shape[1:]) == tuple(scale * side for side in one.shape[1:])


def test_what_is_no_pair_of_this_scale_is_refused(tmp_path: Path) -> None:
    arguments = folders(tmp_path, 2, (24, 48))
    wrong = r"48x24 and 96x48 pixels differ by another factor than data\.scale, 3, .* target 3 times"
    with pytest.raises(ImageError, match=wrong):
        finished(PairedImages(**(arguments | {"scale": 3}), preprocess="none").val_dataloader())
    with pytest.raises(ImageError, match=r"48x24 and 96x48 pixels .* or where the larger one is the input"):
        finished(PairedImages(**arguments, direction="B2A", preprocess="none").val_dataloader())
    with pytest.raises(ValueError, match=r"scale: 0 must be at least 1"):
        PairedImages(**FACES, scale=0)


def test_what_makes_pairs_of_one_size_is_refused(tmp_path: Path) -> None:
    side_by_side(tmp_path / "both", {"train": 2})
    with pytest.raises(ValueError, match=r"scale: 2 wants .* beside B they are of one size: give A and B as"):
        PairedImages(str(tmp_path / "both"), scale=2)
    write_folder(tmp_path / "plain", 2)
    for task in ("colorise", "edges"):
        with pytest.raises(ValueError, match=f"scale: 2 wants .* task {task} makes both of one size"):
            PairedImages(folder=str(tmp_path / "plain"), task=task, scale=2)
