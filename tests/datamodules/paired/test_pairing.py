from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.pictures import random_pixels, write_image
from torch import Tensor

from datamodules import PairedImages
from datamodules.files.readers import Header, ImageError
from datamodules.paired.pair import Halves, MatchedFiles, WithEdges, join, separate, usual_shape
from datamodules.reading import ImageFiles
from datamodules.transforms import unchanged


def image(height: int, width: int, channels: int = 3, seed: int = 0) -> Tensor:
    return torch.from_numpy(random_pixels(height, width, channels, seed)).permute(2, 0, 1)


def test_joining_is_undone_by_separating() -> None:
    A, B = image(4, 5, channels=1), image(4, 5, seed=1)
    for direction, first, second in (("A2B", A, B), ("B2A", B, A)):
        inputs, targets = separate(join(A, B, direction)[None], len(first))  # type: ignore[arg-type]
        assert torch.equal(inputs[0], first)
        assert torch.equal(targets[0], second)


def test_8_bit_and_deeper_images_come_to_one_range() -> None:
    pair = join(torch.full((1, 2, 2), 255, dtype=torch.uint8), torch.zeros(1, 2, 2), "A2B")
    assert pair.dtype == torch.float32
    assert pair.tolist() == [[[1.0, 1.0], [1.0, 1.0]], [[0.0, 0.0], [0.0, 0.0]]]


def test_halves_are_left_and_right() -> None:
    picture = image(4, 12)
    halves = Halves(unchanged, 3, 3, "A2B", None)(picture)
    assert torch.equal(halves[:3], picture[:, :, :6])
    assert torch.equal(halves[3:], picture[:, :, 6:])


def test_halves_that_are_missing_are_told_from_narrow_ones() -> None:
    square = [Header(8, 16, 3)] * 3
    assert usual_shape(square) == 2
    assert usual_shape([*square, Header(16, 32, 3)]) == 2  # size does not matter
    assert usual_shape([*square, Header(8, 8, 3)]) == 2
    assert usual_shape([*square, Header(8, 12, 3)]) is None
    assert usual_shape([Header(8, 16, 3), Header(8, 8, 3)]) is None  # which of them is whole?
    Halves(unchanged, 3, 3, "A2B", Fraction(3))(image(8, 8))
    with pytest.raises(ValueError, match="8x8 pixels are half as wide as the other pictures are"):
        Halves(unchanged, 3, 3, "A2B", Fraction(2))(image(8, 8))


@pytest.mark.parametrize(
    ("size", "message"),
    [((12, 23), r"bad\.png: 23x12 pixels have no two halves"), ((12, 12), r"bad\.png: 12x12.*is missing")],
)
def test_broken_side_by_side_pictures_are_named(tmp_path: Path, size: Any, message: str) -> None:
    for name in ("a", "b", "c"):
        write_image(tmp_path / "train" / f"{name}.png", random_pixels(12, 24))
    write_image(tmp_path / "val" / "bad.png", random_pixels(*size))
    data = PairedImages(str(tmp_path), size=12)
    with pytest.raises(ImageError, match=message):
        data.val_dataloader()
    write_image(tmp_path / "val" / "good.png", random_pixels(12, 24))
    skipping = PairedImages(str(tmp_path), size=12, on_bad_image="skip")
    with pytest.warns(UserWarning, match=message):
        assert list(skipping.preview(9).names) == ["good.png"]


def matched(folder: Path, A: tuple[int, int], B: tuple[int, int], prepare: Any = unchanged) -> Tensor:
    paths = [write_image(folder / name, random_pixels(*size)) for name, size in (("A.png", A), ("B.png", B))]
    return MatchedFiles(folder, paths[:1], 3, prepare, {paths[0]: paths[1]}, 3, "A2B")[0]


def test_pairs_of_two_shapes_are_no_pairs(tmp_path: Path) -> None:
    with pytest.raises(
        ImageError, match=r"A\.png and .*B\.png: 30x20 and 20x30 pixels are of different shapes"
    ):
        matched(tmp_path, (20, 30), (30, 20))
    with pytest.raises(
        ImageError, match=r"A\.png and .*B\.png: 30x20 and 15x10 pixels differ\. .*resize_and_crop"
    ):
        matched(tmp_path, (20, 30), (10, 15))


def test_pairs_of_two_sizes_are_resized_to_one(tmp_path: Path) -> None:
    write_image(tmp_path / "A" / "x.png", np.zeros((20, 30, 3), np.uint8))
    write_image(tmp_path / "A" / "y.png", np.zeros((20, 30, 3), np.uint8))
    write_image(tmp_path / "B" / "x.png", np.full((10, 15, 3), 255, np.uint8))
    write_image(tmp_path / "B" / "y.png", np.full((7, 10, 3), 255, np.uint8))  # 20/30, but for rounding
    data = PairedImages(folder_A=str(tmp_path / "A"), folder_B=str(tmp_path / "B"), size=16)
    for batch in (next(iter(data.train_dataloader())).finish(), data.preview(1)):
        assert batch.input.shape == batch.target.shape == (1, 3, 16, 16)
        assert (batch.input == -1).all()
        assert (batch.target == 1).all()


def test_edges_are_drawn_after_resizing(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.png", random_pixels(20, 30))
    prepare = WithEdges(lambda picture: picture[:, :8, :8], "A2B", 1.0, 0.4)
    pair = ImageFiles(tmp_path, [path], 3, prepare)[0]
    assert pair.shape == (4, 8, 8)
    assert pair.dtype == torch.uint8
    assert set(pair[0].flatten().tolist()) == {0, 255}
