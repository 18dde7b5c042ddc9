from __future__ import annotations

import pytest
import torch

from datamodules.paired.edges import draw_edges


def square(low: float, high: float, channels: int = 3) -> torch.Tensor:
    """Return a bright square on dark ground, (channels, 32, 32)."""
    picture = torch.full((channels, 32, 32), low)
    picture[:, 8:24, 8:24] = high
    return picture


@pytest.mark.parametrize("channels", [1, 3])
def test_the_outline_of_a_square_is_drawn_dark_on_white(channels: int) -> None:
    picture = (square(0, 1, channels) * 255).to(torch.uint8)
    edges = draw_edges(picture, 1.0, 0.4)
    assert edges.shape == (1, 32, 32)
    assert edges.dtype == torch.uint8
    assert set(edges.flatten().tolist()) == {0, 255}
    lines = edges[0] == 0
    assert lines[9:23, 9:23].sum() == 0
    assert lines[12:20].sum(1).tolist() == [2] * 8  # one pixel wide at either side
    assert lines[12:20].any(0).nonzero().flatten().tolist() in ([7, 23], [7, 24], [8, 23], [8, 24])


def test_deeper_pictures_have_the_same_edges() -> None:
    eight = torch.randint(0, 256, (3, 16, 16), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    assert torch.equal(draw_edges(eight, 1.0, 0.4), draw_edges(eight / 127.5 - 1, 1.0, 0.4))


def test_threshold_and_blur_choose_what_is_an_edge() -> None:
    faint = square(0.0, 0.2)  # a step of a tenth of the brightness
    assert (draw_edges(faint, 1.0, 0.1) == 0).any()
    assert (draw_edges(faint, 1.0, 0.4) == 255).all()
    grain = torch.randint(-1, 2, (3, 32, 32), generator=torch.Generator().manual_seed(0)).float()
    assert (draw_edges(grain, 1.0, 0.4) == 0).sum() > 4 * (draw_edges(grain, 3.0, 0.4) == 0).sum()


def test_small_pictures_and_other_channels() -> None:
    assert draw_edges(torch.zeros(3, 4, 4), 3.0, 0.4).shape == (1, 4, 4)  # the blur is wider than the picture
    with pytest.raises(ValueError, match="1 or 3 channels, not 5"):
        draw_edges(torch.zeros(5, 8, 8), 1.0, 0.4)
