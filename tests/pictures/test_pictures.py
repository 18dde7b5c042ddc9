from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from gans.pictures.render import FONT_SIZE, MARGIN, render
from gans.protocol import Grid

HEADER = FONT_SIZE + 2 * MARGIN


def flat(*values: float, count: int = 1, size: int = 128) -> Tensor:
    """Return images of one colour each."""
    return torch.tensor(values).view(1, -1, 1, 1).repeat(count, 1, size, size)


def colours(picture: Image.Image) -> list[tuple[int, int, int]]:
    """Return the colours of the largest areas in the middle row of the first tiles, from left to right."""
    row = np.asarray(picture)[HEADER + 10]
    changes = np.flatnonzero((row[1:] != row[:-1]).any(1)) + 1
    areas = [area[0] for area in np.split(row, changes) if len(area) > MARGIN]
    return [(int(r), int(g), int(b)) for r, g, b in areas]


def ink(picture: Image.Image, box: tuple[int, int, int, int]) -> int:
    return int((np.asarray(picture.crop(box)) < 128).sum())


def test_columns_stand_side_by_side_under_their_labels() -> None:
    picture = render(Grid({"A": flat(1.0, -1.0, -1.0, count=2), "A -> B": flat(-1.0, 1.0, -1.0, count=2)}))
    assert colours(picture) == [(255, 0, 0), (0, 255, 0)]
    width = 128 + MARGIN
    assert picture.size == (MARGIN + 2 * width, HEADER + 2 * width)
    assert picture.getpixel((MARGIN + 5, HEADER + width + 5)) == (255, 0, 0)
    for left in (MARGIN, MARGIN + width):
        assert ink(picture, (left, 0, left + width, HEADER)) > 0


@pytest.mark.parametrize(
    ("values", "colour"),
    [
        ((0.0,), (128, 128, 128)),
        ((1.0, -1.0), (255, 0, 0)),
        ((-1.0, 0.0, 1.0, 1.0), (0, 128, 255)),
        ((-9.0, 9.0, float("nan")), (0, 255, 128)),
    ],
)
def test_any_number_of_channels_is_drawn(values: tuple[float, ...], colour: tuple[int, int, int]) -> None:
    assert colours(render(Grid({"A": flat(*values)}))) == [colour]


def test_tiny_images_are_enlarged_without_smoothing() -> None:
    images = torch.tensor([-1.0, 1.0]).view(1, 1, 1, 2).repeat(1, 1, 2, 1)
    picture = render(Grid({"A": images}))
    assert picture.size == (MARGIN + 128 + MARGIN, HEADER + 128 + MARGIN)
    tile = np.asarray(picture)[HEADER : HEADER + 128, MARGIN : MARGIN + 128]
    assert (tile[:, :64] == 0).all()
    assert (tile[:, 64:] == 255).all()


def test_columns_may_differ_in_size_and_are_wide_enough_for_their_labels() -> None:
    small, large = flat(1.0, -1.0, -1.0, size=64), flat(-1.0, -1.0, 1.0, size=256)
    label = "a label much longer than its column"
    picture = render(Grid({label: small, "B": large}))
    assert colours(picture) == [(255, 0, 0), (255, 255, 255), (0, 0, 255)]
    assert picture.height == HEADER + 256 + MARGIN
    end = picture.width - 256 - MARGIN  # where the second column begins
    assert ink(picture, (end - 12, 0, end - MARGIN, HEADER)) > 0
    assert ink(picture, (end - MARGIN, 0, end, HEADER)) == 0


def test_row_labels_stand_before_their_rows() -> None:
    images = flat(1.0, 1.0, 1.0, count=2)
    plain = render(Grid({"A": images}))
    labelled = render(
        Grid({"A": images}, ["", "a bird with a red head, a white belly and a rather short beak"])
    )
    left = labelled.width - plain.width
    row = 128 + MARGIN
    assert left > 50
    assert ink(labelled, (0, HEADER, left, HEADER + row)) == 0
    assert ink(labelled, (0, HEADER + row, left, HEADER + 2 * row)) > 0
    assert left < 320  # the label is broken into lines


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(ValueError, match="no columns"):
        render(Grid({}))
    with pytest.raises(ValueError, match="at least one image in each column"):
        render(Grid({"A": flat(0.0)[:0]}))
    with pytest.raises(ValueError, match="same number of rows"):
        render(Grid({"A": flat(0.0), "B": flat(0.0, count=2)}))
    with pytest.raises(ValueError, match="row labels"):
        render(Grid({"A": flat(0.0)}, ["one", "two"]))
