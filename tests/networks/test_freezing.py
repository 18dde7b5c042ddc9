"""Discriminators whose first layers keep what they have learnt."""

from __future__ import annotations

from typing import Any

import pytest
from support.toys import TOYS, make_model
from torch import nn

from gans.families.regularised import Regularised
from gans.networks.freezing import freeze_first
from gans.networks.multiscale import MultiScaleDiscriminator

JUDGED = [name for name in TOYS if isinstance(make_model(name), Regularised)]
"""Variants that have discriminators, but for those of super-resolution before any."""


def resting(network: nn.Module) -> list[str]:
    return [name for name, parameter in network.named_parameters() if not parameter.requires_grad]


def test_a_layer_rests_with_the_norm_behind_it() -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Sequential(nn.Conv2d(4, 4, 3)), nn.Linear(4, 1)
    )
    freeze_first(network, 0)
    assert resting(network) == []
    freeze_first(network, 1)
    assert resting(network) == ["0.weight", "0.bias", "1.weight", "1.bias"]
    freeze_first(network, 2)
    assert resting(network) == ["0.weight", "0.bias", "1.weight", "1.bias", "2.0.weight", "2.0.bias"]


def test_one_layer_has_to_learn() -> None:
    said = r"model\.freeze_discriminator is 2, and the discriminator has 2 layers: one at least"
    with pytest.raises(ValueError, match=said):
        freeze_first(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Linear(4, 1)), 2)


@pytest.mark.parametrize("name", JUDGED)
def test_the_first_layer_of_every_discriminator_may_rest(name: str) -> None:
    """It is the one that takes the image; at several scales it is that of each."""
    model: Any = make_model(name, freeze_discriminator=1)
    judges = {part: network for part, network in model.named_children() if part.startswith("discriminator")}
    for network in judges.values():
        scales = list(network.judges) if isinstance(network, MultiScaleDiscriminator) else [network]
        for scale in scales:
            weights = [parameter for parameter in scale.parameters() if parameter.ndim > 1]
            assert not weights[0].requires_grad
            assert all(weight.requires_grad for weight in weights[1:])
    assert bool(judges) == (name != "SRResNet")


def test_spectral_norm_keeps_what_rests() -> None:
    model: Any = make_model("DCGAN", freeze_discriminator=1, spectral_norm=True, discriminator_norm="none")
    assert resting(model.discriminator)
    assert all(name.startswith("stages.0.") for name in resting(model.discriminator))
