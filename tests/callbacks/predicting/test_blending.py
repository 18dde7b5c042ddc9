"""Tiles become a picture again."""

from __future__ import annotations

import torch
from support.pictures import channels_last
from torch import Tensor

from datamodules.prediction.tiles import Tiling
from gans.callbacks.predicting.blending import Blend, Seams

TILING = Tiling(16, 6, 6)


def blended(image: Tensor, *, wrong: float = 0.0) -> tuple[Tensor, Seams]:
    """Cut an image and blend the tiles; every second one is brighter by `wrong`."""
    _, height, width = image.shape
    blend = Blend(TILING._replace(ramp=0 if wrong else 6), height, width, to_pixels=channels_last)
    for tile in TILING.tiles(*image.shape[1:]):
        blend.add(TILING.cut(image, tile) + wrong * (tile.column % 2), tile)
    pixels, seams = blend.finish()
    return torch.from_numpy(pixels).permute(2, 0, 1), seams


def test_an_image_comes_back() -> None:
    image = torch.rand(2, 45, 37)
    torch.testing.assert_close(blended(image)[0], image)


def test_seams_are_measured_where_tiles_meet() -> None:
    flat = torch.linspace(0, 0.45, 46).expand(1, 46, 46)  # a step of 0.01 from each column to the next
    _, none = blended(flat)
    assert abs(none.overlaps - 1.275) < 0.01
    assert abs(none.inside - 1.275) < 0.01
    _, bright = blended(flat, wrong=0.2)
    assert abs(bright.overlaps - 0.21 * 127.5) < 0.01
    assert abs(bright.inside - 1.275) < 0.01
