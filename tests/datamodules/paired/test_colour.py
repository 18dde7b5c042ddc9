from __future__ import annotations

import torch

from datamodules.paired.colour import join_lab, lightness, split_lab


def colours(steps: int = 18) -> torch.Tensor:
    """Return a cube of colours (1, 3, H, W) in [-1, 1]."""
    levels = torch.linspace(-1, 1, steps)
    return torch.stack(torch.meshgrid(levels, levels, levels, indexing="ij")).reshape(1, 3, steps, -1)


def test_a_round_trip_keeps_every_colour() -> None:
    rgb = colours()
    L, ab = split_lab(rgb)
    assert L.shape[1] == 1
    assert ab.shape[1] == 2
    assert torch.allclose(join_lab(L, ab), rgb, atol=1e-4)


def test_values_fill_the_range() -> None:
    L, ab = split_lab(colours())
    assert torch.allclose(torch.stack([L.min(), L.max()]), torch.tensor([-1.0, 1.0]), atol=1e-4)
    assert 0.9 < ab.abs().max() <= 1


def test_known_colours() -> None:
    """CIE L*a*b* under D65, as tables give it."""
    rgb = torch.tensor([[1.0, 1, 1], [1, -1, -1], [-1, -1, 1]]).view(3, 3, 1, 1)
    expected = torch.tensor([[100, 0, 0], [53.24, 80.09, 67.20], [32.30, 79.19, -107.86]])
    L, ab = split_lab(rgb)
    found = torch.cat([(L + 1) * 50, ab * 110], dim=1).view(3, 3)
    assert torch.allclose(found, expected, atol=0.05)


def test_grey_has_no_colour_and_8_bit_pictures_are_scaled() -> None:
    grey = torch.arange(256, dtype=torch.uint8).view(1, 16, 16).expand(3, -1, -1)
    L, ab = split_lab((grey / 127.5 - 1)[None])
    assert ab.abs().max() < 1e-3
    assert (L.flatten().diff() > 0).all()
    assert torch.allclose(lightness(grey), L[0], atol=1e-6)


def test_colours_that_no_screen_shows_stay_in_range() -> None:
    rgb = join_lab(torch.zeros(1, 1, 2, 2), torch.ones(1, 2, 2, 2))
    assert rgb.abs().max() <= 1
    assert rgb.isfinite().all()
