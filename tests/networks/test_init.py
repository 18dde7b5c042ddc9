from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gans.networks.init import Initialisation, initialise


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(16, 64, 3),
        nn.BatchNorm2d(64),
        nn.ConvTranspose2d(64, 16, 3),
        nn.InstanceNorm2d(16),
        nn.Linear(64, 64),
    )


def state_after(kind: Initialisation = "normal", gain: float = 0.02) -> dict[str, Tensor]:
    return initialise(network(), kind, gain).state_dict()


def test_it_returns_the_network_it_was_given() -> None:
    made = network()
    assert initialise(made) is made


def test_normal_is_the_official_default() -> None:
    state = state_after()
    for layer in "024":
        assert float(state[f"{layer}.weight"].std()) == pytest.approx(0.02, rel=0.05)
        assert float(state[f"{layer}.weight"].mean()) == pytest.approx(0, abs=0.002)
        assert not state[f"{layer}.bias"].any()


def test_norm_scales_are_drawn_around_one() -> None:
    state = state_after(gain=5.0)
    assert float(state["1.weight"].mean()) == pytest.approx(1, abs=0.01)
    assert float(state["1.weight"].std()) == pytest.approx(0.02, rel=0.3)
    assert not state["1.bias"].any()


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("normal", 0.5),
        ("xavier", 0.5 * (2 / (64 + 64)) ** 0.5),
        ("kaiming", (2 / 64) ** 0.5),
        ("orthogonal", 0.5 / 64**0.5),
    ],
)
def test_spread_of_each_kind(kind: Initialisation, expected: float) -> None:
    assert float(state_after(kind, gain=0.5)["4.weight"].std()) == pytest.approx(expected, rel=0.05)


def test_orthogonal_weights_are_orthogonal() -> None:
    weight = state_after("orthogonal", gain=0.5)["4.weight"]
    torch.testing.assert_close(weight @ weight.T, 0.25 * torch.eye(64), atol=1e-5, rtol=0)


def test_unknown_kind_names_the_known_ones() -> None:
    unknown: Any = "uniform"
    with pytest.raises(ValueError, match=r"'uniform'.*normal, xavier, kaiming, orthogonal"):
        initialise(network(), unknown)
