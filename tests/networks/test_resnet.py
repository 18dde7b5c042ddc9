from __future__ import annotations

from typing import Any

import pytest
import torch
from support.parity import assert_parity
from torch import Tensor, nn

from gans.networks.resnet import ResidualBlock, ResNetGenerator, Upsampling


def test_instance_norm_equals_the_official_network() -> None:
    assert_parity(ResNetGenerator(3, 3), "resnet_9blocks_instance", "eval")


@pytest.mark.parametrize("mode", ["eval", "train"])
def test_batch_norm_equals_the_official_network(mode: str) -> None:
    assert_parity(ResNetGenerator(3, 3, norm="batch"), "resnet_9blocks_batch", mode)


class WithFeatures(nn.Module):
    """Gives, under the names of the recording, the translation and what CUT's contrast reads."""

    def __init__(self, network: ResNetGenerator, encode_only: bool) -> None:
        super().__init__()
        self.network, self.encode_only = network, encode_only

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        numbers = [0, 4, 8, 12, 16]
        made, features = self.network(images, numbers)
        if self.encode_only:
            features = self.network(images, numbers, encode_only=True)
        return {"out": made} | {f"feature_{n}": f for n, f in zip(numbers, features, strict=True)}


@pytest.mark.parametrize("encode_only", [False, True])
@pytest.mark.parametrize("name", ["antialias", "noantialias"])
def test_cut_s_generator_equals_the_official_network(name: str, encode_only: bool) -> None:
    filtered = name == "antialias"
    network = ResNetGenerator(
        3,
        3,
        width=8,
        upsampling="antialiased" if filtered else "transposed",
        downsampling="antialiased" if filtered else "strided",
    )
    assert_parity(WithFeatures(network, encode_only), f"cut_resnet_9blocks_{name}", "eval")


def test_asking_for_features_does_not_change_the_translation() -> None:
    network = ResNetGenerator(3, 3, width=4, blocks=2, downsampling="antialiased").double()
    images = torch.randn(1, 3, 13, 22, dtype=torch.float64)
    plain = network(images)
    for last in range(14):
        assert network(images, [last])[0].equal(plain)


def test_the_last_feature_is_not_written_over_and_others_are_as_in_cut() -> None:
    network = ResNetGenerator(3, 3, width=4, blocks=2)
    images = torch.randn(1, 3, 16, 16)
    for encode_only in (True, False):
        made = network(images, [2, 5], encode_only)
        first, last = (features.detach() for features in (made if encode_only else made[1]))
        assert float(first.min()) == 0 > float(last.min())


def test_features_have_names_and_channels() -> None:
    network = ResNetGenerator(1, 3, width=4, blocks=2, downsampling="antialiased")
    names = network.feature_numbers()
    assert names == {"input": 0, "stem": 1, "down_1": 4, "down_2": 8, "block_1": 12, "block_2": 13}
    numbers = list(names.values())
    features = network(torch.randn(1, 1, 16, 16), numbers, encode_only=True)
    assert [f.shape[1] for f in features] == network.feature_channels(numbers) == [1, 4, 8, 16, 16, 16]


@pytest.mark.parametrize("upsampling", ["transposed", "nearest", "antialiased"])
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
