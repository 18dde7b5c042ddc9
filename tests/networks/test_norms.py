from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gans.networks.norms import (
    Norm,
    bounded_by_power_iteration,
    needs_bias,
    norm_layer,
    spectral_normalised,
)
from gans.training.averaging import NetworkAverages


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


def spectral(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    layers = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(24, 5), nn.Embedding(5, 4))
    return spectral_normalised(layers.double())


IMAGES = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_largest_singular_values_become_one() -> None:
    network = spectral()
    for _ in range(100):  # each forward in training is a step of the power iteration
        network[:4](IMAGES)
        network[4](torch.tensor([0]))
    for name in ("0", "3", "4"):
        layer = network.get_submodule(name)
        assert isinstance(layer.weight, Tensor)
        largest = torch.linalg.matrix_norm(layer.weight.flatten(1), 2)
        torch.testing.assert_close(largest, torch.ones_like(largest))


def test_the_trained_weight_s_size_does_not_matter_and_its_gradient_lies_across() -> None:
    network = spectral()[:4].eval()
    scores = network(IMAGES)
    original = network.get_parameter("3.parametrizations.weight.original")
    (gradient,) = torch.autograd.grad(scores.square().sum(), original)
    torch.testing.assert_close((gradient * original).sum(), torch.zeros_like(gradient).sum())
    assert bool((gradient != 0).any())


def test_spectral_norm_survives_a_checkpoint_and_a_copy(tmp_path: Path) -> None:
    network = spectral()[:4]
    network(IMAGES)
    torch.save(network.state_dict(), tmp_path / "network.ckpt")
    other = spectral(seed=1)[:4]
    other.load_state_dict(torch.load(tmp_path / "network.ckpt", weights_only=True))
    assert other(IMAGES).equal(network(IMAGES))  # both have taken the same steps of the iteration since
    averages = NetworkAverages()
    owner = nn.ModuleDict({"critic": network})
    averages.start(owner, ["critic"])
    assert averages["critic"](IMAGES).equal(network.eval()(IMAGES))
    nn.init.ones_(network.get_parameter("0.parametrizations.weight.original"))
    averages.follow(owner, 1.0)
    assert averages["critic"](IMAGES).equal(network(IMAGES))


def test_spectral_norm_comes_once() -> None:
    with pytest.raises(ValueError, match="weights of 0 are spectrally normalised already"):
        spectral_normalised(spectral())


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16])
def test_the_bound_is_not_rounded_in_mixed_precision(precision: torch.dtype) -> None:
    torch.manual_seed(0)
    layer = bounded_by_power_iteration(nn.Conv2d(3, 4, 3))
    images = torch.randn(2, 3, 5, 5)
    with torch.autocast("cpu", precision):
        assert layer(images).dtype == precision
        mixed = layer.eval().weight
    torch.testing.assert_close(mixed, layer.weight, rtol=0, atol=0)
