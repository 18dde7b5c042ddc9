from __future__ import annotations

import pytest
import torch

from gans.losses.perceptual import feature_distance
from gans.networks.vgg import VGG19Features


def test_features_are_compared_layer_by_layer() -> None:
    made = [torch.zeros(1, 2, 3, 3), torch.ones(1, 4, 1, 1)]
    wanted = [torch.full((1, 2, 3, 3), 2.0, requires_grad=True), torch.full((1, 4, 1, 1), -1.0)]
    distance = feature_distance(made, wanted, [0.1, 3.0])
    assert float(distance) == pytest.approx(0.1 * 2 + 3.0 * 2)
    assert not distance.requires_grad
    with pytest.raises(ValueError, match="shorter"):
        feature_distance(made, wanted, [1.0])


def test_vgg_19_stands_in_torchvision_s_order_and_gives_features_before_their_relu() -> None:
    torch.manual_seed(0)
    network = VGG19Features(["conv1_2", "conv5_4"], widths=(2, 2, 3, 3, 4))
    convolutions = [name for name in network.state_dict() if name.endswith("weight")]
    assert len(convolutions) == 16
    assert convolutions[:3] == ["features.0.weight", "features.2.weight", "features.5.weight"]
    assert convolutions[-1] == "features.34.weight"
    first, last = network(torch.rand(2, 1, 32, 48))
    assert (first.shape, last.shape) == ((2, 2, 32, 48), (2, 4, 2, 3))
    assert bool((first < 0).any()), "a ReLU wrote into the feature"
    assert not any(parameter.requires_grad for parameter in network.parameters())
    with pytest.raises(ValueError, match=r"no layers \['conv6_1'\]: choose from conv1_1, "):
        VGG19Features(["conv6_1"])
