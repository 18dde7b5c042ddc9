from __future__ import annotations

from typing import Any

import pytest
import torch
from support.parity import assert_parity
from torch import nn

from gans.networks.resnet import ResidualBlock, ResNetGenerator, Upsampling


def test_instance_norm_equals_the_official_network() -> None:
    assert_parity(ResNetGenerator(3, 3), "resnet_9blocks_instance", "eval")


@pytest.mark.parametrize("mode", ["eval", "train"])
def test_batch_norm_equals_the_official_network(mode: str) -> None:
    assert_parity(ResNetGenerator(3, 3, norm="batch"), "resnet_9blocks_batch", mode)


@pytest.mark.parametrize("upsampling", ["transposed", "nearest"])
@pytest.mark.parametrize("size", [(8, 8), (13, 22), (1, 5), (3, 40)])
def test_any_size_keeps_its_size(upsampling: Upsampling, size: tuple[int, int]) -> None:
    network = ResNetGenerator(1, 2, width=2, blocks=1, upsampling=upsampling)
    images = network(torch.randn(2, 1, *size)).detach()
    assert images.shape == (2, 2, *size)
    assert float(images.abs().max()) < 1


@pytest.mark.parametrize("blocks", [0, 1, 6])
def test_number_of_blocks(blocks: int) -> None:
    network = ResNetGenerator(3, 3, width=2, blocks=blocks)
    assert sum(isinstance(module, ResidualBlock) for module in network.modules()) == blocks


def test_nearest_upsampling_has_no_transposed_convolution() -> None:
    def transposed(upsampling: Upsampling) -> int:
        network = ResNetGenerator(3, 3, width=2, blocks=0, upsampling=upsampling)
        return sum(isinstance(module, nn.ConvTranspose2d) for module in network.modules())

    assert transposed("transposed") == 2
    assert transposed("nearest") == 0


def test_dropout_is_random_in_training_only() -> None:
    network = ResNetGenerator(1, 1, width=4, blocks=1, dropout=True)
    images = torch.randn(1, 1, 8, 8)
    assert not network(images).equal(network(images))
    network.eval()
    assert network(images).equal(network(images))


def test_a_block_adds_to_its_input() -> None:
    block = ResidualBlock(3, norm="none")
    for parameter in block.parameters():
        nn.init.zeros_(parameter)
    features = torch.randn(1, 3, 4, 4)
    assert block(features).equal(features)


def test_wrong_arguments_are_named() -> None:
    unknown: Any = "bilinear"
    with pytest.raises(ValueError, match=r"'bilinear'.*transposed, nearest"):
        ResNetGenerator(3, 3, upsampling=unknown)
    with pytest.raises(ValueError, match=r"blocks.*-1"):
        ResNetGenerator(3, 3, blocks=-1)
    for channels_in, channels_out, width in ((0, 3, 8), (3, 0, 8), (3, 3, 0)):
        with pytest.raises(
            ValueError, match=f"{channels_in} channels in, {channels_out} out.*width of {width}"
        ):
            ResNetGenerator(channels_in, channels_out, width)
