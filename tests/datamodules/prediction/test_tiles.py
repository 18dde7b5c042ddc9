"""Where tiles lie and what they add to the whole."""

from __future__ import annotations

import pytest
import torch

from datamodules.prediction.tiles import Reach, Tiling, choose_tiling


@pytest.mark.parametrize("ramp", [0, 5, 12])
@pytest.mark.parametrize("sides", [(32, 32), (33, 70), (101, 64), (20, 90)])
def test_weights_add_up_to_one_everywhere(sides: tuple[int, int], ramp: int) -> None:
    tiling = Tiling(32, 12, ramp, multiple=4)
    total = torch.zeros(sides)
    for tile in tiling.tiles(*sides):
        weights = tiling.weights(tile)
        assert weights.min() >= 0
        total[tile.top : tile.top + len(weights), tile.left : tile.left + weights.shape[1]] += weights
    torch.testing.assert_close(total, torch.ones(sides), rtol=0, atol=1e-6)


def test_tiles_have_one_size_begin_at_multiples_and_cover_the_image() -> None:
    tiling = Tiling(32, 12, 12, multiple=8)
    image = torch.arange(75 * 50).view(1, 75, 50)
    tiles = tiling.tiles(75, 50)
    assert {tuple(tiling.cut(image, tile).shape) for tile in tiles} == {(1, 32, 32)}
    assert all(tile.top % 8 == tile.left % 8 == 0 for tile in tiles)
    seen = torch.cat([tiling.cut(image, tile).flatten() for tile in tiles])
    assert len(seen.unique()) == image.numel()


@pytest.mark.parametrize(
    ("tile", "overlap", "message"),
    [(30, "auto", r"data\.tile: 30 must be a multiple of 4"), (32, 32, r"data\.overlap: 32 must be")],
)
def test_what_does_not_fit_is_refused(tile: int, overlap: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        choose_tiling(tile, overlap, Reach(3, 4))


def test_too_little_overlap_is_said_with_what_would_do() -> None:
    assert choose_tiling(64, "auto", Reach(10, 4)) == Tiling(64, 20, 0, 4, exact=True)
    with pytest.warns(UserWarning, match=r"with data\.overlap 100 and a data\.tile above"):
        assert choose_tiling(64, "auto", Reach(50, 4)) == Tiling(64, 32, 32, 4)
