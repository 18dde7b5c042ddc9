from __future__ import annotations

import pytest
import torch
from support.parity import assert_parity
from torch import nn

from gans.networks.norms import Norm
from gans.networks.unet import UNetGenerator


@pytest.mark.parametrize(("mode", "dropout"), [("eval", True), ("train", False)])
def test_equals_the_official_network(mode: str, dropout: bool) -> None:
    assert_parity(UNetGenerator(3, 3, dropout=dropout), "unet_256_batch", mode)


@pytest.mark.parametrize(
    ("image_size", "depth"), [(2, 1), (64, 6), (100, 6), (128, 7), (256, 8), (511, 8), (512, 8), (1024, 8)]
)
def test_depth_is_chosen_from_the_image_size(image_size: int, depth: int) -> None:
    assert UNetGenerator(1, 1, image_size, width=1).depth == depth


@pytest.mark.parametrize("norm", ["instance", "batch"])
@pytest.mark.parametrize("skips", [True, False])
@pytest.mark.parametrize("depth", [1, 2, 4])
def test_any_depth_and_size_keeps_the_size(depth: int, skips: bool, norm: Norm) -> None:
    network = UNetGenerator(1, 2, image_size=16, width=2, depth=depth, norm=norm, skips=skips)
    for size in ((16, 16), (32, 48), (20, 33), (3, 50), (1, 1)):
        assert network(torch.randn(1, 1, *size)).shape == (1, 2, *size)


def test_trained_at_one_size_runs_at_another() -> None:
    network = UNetGenerator(3, 3, image_size=32, width=2).eval()
    assert network(torch.randn(1, 3, 64, 64)).shape == (1, 3, 64, 64)


@pytest.mark.parametrize("skips", [True, False])
def test_only_skips_pass_the_bottleneck_by(skips: bool) -> None:
    network = UNetGenerator(1, 1, image_size=16, width=2, skips=skips).eval()
    for parameter in network.down[-1].parameters():
        nn.init.zeros_(parameter)  # nothing leaves the innermost convolution
    first, second = network(torch.randn(2, 1, 16, 16))
    assert first.equal(second) is not skips


def test_dropout_follows_the_three_innermost_up_stages() -> None:
    network = UNetGenerator(1, 1, image_size=64, width=1)
    dropped = [any(isinstance(module, nn.Dropout) for module in up.modules()) for up in network.up]
    assert dropped == [True, True, True, False, False, False]
    without = UNetGenerator(1, 1, image_size=64, width=1, dropout=False)
    assert not any(isinstance(module, nn.Dropout) for module in without.modules())


def test_dropout_alone_can_be_put_into_training_mode() -> None:
    network = UNetGenerator(1, 1, image_size=16, width=4).eval()
    images = torch.randn(1, 1, 16, 16)
    assert network(images).equal(network(images))
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.train()
    assert not network(images).equal(network(images))


def test_impossible_depth_names_the_possible_ones() -> None:
    with pytest.raises(ValueError, match="depth 8 does not fit images of 64 pixels: take 1 to 6"):
        UNetGenerator(3, 3, image_size=64, depth=8)
    with pytest.raises(ValueError, match="depth 0"):
        UNetGenerator(3, 3, depth=0)
    with pytest.raises(ValueError, match="at least 2 pixels, got 1"):
        UNetGenerator(3, 3, image_size=1)
