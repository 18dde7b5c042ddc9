from __future__ import annotations

import numpy as np
import pytest
import torch
from support.parity import vectors, wave

from gans.networks.antialiasing import AntialiasedDownsample, AntialiasedUpsample


@pytest.mark.parametrize("shape", [(1, 2, 7, 10), (2, 3, 8, 8)])
def test_filters_equal_the_official_ones(shape: tuple[int, ...]) -> None:
    recorded = vectors("cut_antialias").arrays
    size = "x".join(map(str, shape))
    down, up = AntialiasedDownsample(shape[1]).double(), AntialiasedUpsample()
    made, larger = down(wave(*shape)).numpy(), up(wave(*shape)).numpy()
    np.testing.assert_allclose(made, recorded[f"down_3_reflect_{size}"], rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(larger, recorded[f"up_4_repl_{size}"], rtol=1e-12, atol=1e-14)


def test_the_finest_pattern_vanishes_and_a_flat_one_stays() -> None:
    stripes = torch.arange(16.0).remainder(2).expand(1, 1, 16, 16)
    down = AntialiasedDownsample(1)
    assert torch.allclose(down(stripes), torch.full((1, 1, 8, 8), 0.5))
    assert torch.allclose(AntialiasedUpsample()(torch.ones(1, 1, 4, 4)), torch.ones(1, 1, 8, 8))


def test_filters_are_no_part_of_the_state() -> None:
    assert not AntialiasedDownsample(2).state_dict()
