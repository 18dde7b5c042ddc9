from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from gans.callbacks.failures.measurements import DeviceScalars, Diversity, gradient_norm


def test_diversity_is_the_deviation_over_images_of_any_size() -> None:
    levels = torch.tensor([-0.5, 0.1, 0.4, 0.9], dtype=torch.float64)
    diversity = Diversity()
    for level, size in zip(levels, (16, 40, 7, 33), strict=True):
        diversity.add(level * torch.ones(1, 3, size, size + 5))
    diversity.add(torch.zeros(0, 3, 8, 8))
    assert len(diversity) == 4
    assert diversity.value() == pytest.approx(float(levels.std()), rel=1e-6)


def test_the_norm_of_gradients_is_that_of_all_together() -> None:
    network = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    assert gradient_norm(network) == 0
    network[0].weight.grad = torch.full((2, 2), 3.0)
    network[1].bias.grad = torch.full((2,), -2.0)
    assert float(gradient_norm(network)) == pytest.approx(math.sqrt(4 * 9 + 2 * 4))


def test_scalars_are_read_in_order_and_once() -> None:
    scalars = DeviceScalars()
    for value in (1.0, 2.0):
        scalars.keep("a", torch.tensor(value))
        scalars.keep("b", torch.tensor(10 * value, dtype=torch.float64))
    assert scalars.read() == {"a": [1, 2], "b": [10, 20]}
    assert scalars.read() == {}
