from __future__ import annotations

import numpy as np
import pytest
import torch
from support.parity import vectors, wave
from torch import Tensor

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


@pytest.mark.parametrize("shape", [(1, 2, 7, 8), (2, 3, 4, 5), (1, 1, 2, 3)])
def test_gradients_are_those_of_the_filter_twice(shape: tuple[int, ...]) -> None:
    down = AntialiasedDownsample(shape[1]).double()
    features = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(down, (features,))
    assert torch.autograd.gradgradcheck(lambda images: down(images).pow(2), (features,))


def test_nothing_is_kept_for_the_backward_pass_but_the_filter() -> None:
    kept: list[int] = []

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor.numel())
        return tensor

    down, features = AntialiasedDownsample(2), torch.randn(1, 2, 32, 32, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        down(features)
    assert kept == [2 * 9]
