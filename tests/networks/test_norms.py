from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from gans.networks.norms import Norm, needs_bias, norm_layer


def test_instance_norm_is_the_official_one() -> None:
    layer = norm_layer("instance", 3)
    features = torch.randn(2, 3, 5, 5) * 7 + 4
    by_image = (features - features.mean((2, 3), keepdim=True)) / (
        features.var((2, 3), keepdim=True, correction=0) + 1e-5
    ).sqrt()
    assert not layer.state_dict()  # neither scale and shift nor running statistics
    torch.testing.assert_close(layer(features), by_image)
    torch.testing.assert_close(layer.eval()(features), by_image)


@pytest.mark.parametrize(("norm", "biased"), [("instance", True), ("none", True), ("batch", False)])
def test_only_batch_norm_makes_the_bias_redundant(norm: Norm, biased: bool) -> None:
    assert needs_bias(norm) is biased
    has_shift = getattr(norm_layer(norm, 3), "bias", None) is not None
    assert has_shift is not biased


def test_no_norm_changes_nothing() -> None:
    assert isinstance(norm_layer("none", 3), nn.Identity)


def test_unknown_norm_names_the_known_ones() -> None:
    unknown: Any = "group"
    with pytest.raises(ValueError, match=r"'group'.*instance, batch, layer, none"):
        norm_layer(unknown, 3)


def test_layer_norm_takes_all_channels_of_an_image_together() -> None:
    layer = norm_layer("layer", 3)
    with torch.no_grad():
        layer.get_parameter("weight").copy_(torch.tensor([1.0, 2.0, 3.0]))
    features = torch.randn(2, 3, 5, 5) * 7 + 4
    by_image = (features - features.mean((1, 2, 3), keepdim=True)) / (
        features.var((1, 2, 3), keepdim=True, correction=0) + 1e-5
    ).sqrt()
    scales = torch.tensor([1.0, 2.0, 3.0]).view(3, 1, 1)  # one for each channel: any size of image passes
    torch.testing.assert_close(layer(features), scales * by_image)
    assert needs_bias("layer")  # the statistics are common, the biases of the channels are not
