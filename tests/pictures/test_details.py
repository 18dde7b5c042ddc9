from __future__ import annotations

import torch

from gans.pictures.details import details


def test_details_stand_where_the_guide_shows_most_and_are_enlarged() -> None:
    guide = torch.zeros(2, 3, 16, 20)
    guide[0, :, 8, 12] = 1  # one speck in each: the squares that hold it begin at most three before it
    guide[1, :, 3, 5] = 1
    other = torch.rand(2, 3, 16, 20)
    made = details({"truth": guide, "output": other}, "truth")
    assert list(made) == ["truth, detail", "output, detail"]
    assert made["truth, detail"].shape == (2, 3, 16, 16)
    for row in range(2):
        assert float(made["truth, detail"][row].sum()) == 3 * 16  # the speck, four times as high and wide
        (place,) = [
            (top, left)
            for top in range(13)
            for left in range(17)
            if torch.equal(
                made["output, detail"][row, :, ::4, ::4], other[row, :, top : top + 4, left : left + 4]
            )
        ]
        assert guide[row, 0, place[0] : place[0] + 4, place[1] : place[1] + 4].sum() == 1
    enlarged = made["output, detail"]
    assert torch.equal(enlarged[:, :, 0], enlarged[:, :, 3])
    assert torch.equal(enlarged[..., 0], enlarged[..., 3])


def test_pictures_of_a_few_pixels_have_details_too() -> None:
    made = details({"truth": torch.rand(1, 1, 2, 3)}, "truth")
    assert made["truth, detail"].shape == (1, 1, 4, 4)
