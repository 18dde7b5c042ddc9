from __future__ import annotations

import pytest
import torch
from support.parity import assert_parity
from torch import Tensor, nn

from gans.networks.adain import AdaIN, ImageNorm
from gans.networks.init import initialise
from gans.networks.munit import StyledAutoencoder


class Recorded(nn.Module):
    """An autoencoder with the outputs that were recorded of the official one."""

    def __init__(self, network: StyledAutoencoder) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        codes = self.network.encode(images)
        recon = self.network.decode(*codes, like=images)
        return {"content": codes.content, "style": codes.style, "recon": recon}


def tiny(channels: int = 3, halvings: int = 2) -> StyledAutoencoder:
    torch.manual_seed(0)
    return StyledAutoencoder(channels, width=2, halvings=halvings, blocks=1, style_size=3, mlp_width=4)


def test_the_autoencoder_equals_the_official_one() -> None:
    assert_parity(Recorded(StyledAutoencoder(3)), "munit_gen", "eval")


def test_adaptive_instance_norm_sets_mean_and_spread_of_every_channel() -> None:
    shift, scale = torch.randn(2, 3), torch.rand(2, 3) + 0.5
    normed = AdaIN(3)(5 + 7 * torch.randn(2, 3, 16, 16), shift, scale)
    torch.testing.assert_close(normed.mean(dim=(2, 3)), shift, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(normed.std(dim=(2, 3), correction=0), scale, rtol=1e-4, atol=1e-4)


def test_image_norm_keeps_what_channels_differ_by() -> None:
    norm = ImageNorm(3)
    nn.init.ones_(norm.weight)
    features = torch.randn(2, 3, 8, 8) + torch.tensor([0.0, 4.0, 8.0])[:, None, None]
    normed = norm(features)
    torch.testing.assert_close(normed.mean(dim=(1, 2, 3)), torch.zeros(2), rtol=0, atol=1e-5)
    torch.testing.assert_close(normed.std(dim=(1, 2, 3)), torch.ones(2), rtol=1e-4, atol=0)
    assert (normed[:, 2].mean(dim=(1, 2)) - normed[:, 0].mean(dim=(1, 2)) > 1).all()


@pytest.mark.parametrize("halvings", [0, 1, 2, 3])
@pytest.mark.parametrize("size", [(16, 16), (13, 22), (1, 5), (3, 40)])
def test_any_size_keeps_its_size(halvings: int, size: tuple[int, int]) -> None:
    network, images = tiny(channels=1, halvings=halvings), torch.randn(2, 1, *size)
    codes = network.encode(images)
    assert codes.style.shape == (2, 3)
    assert codes.content.shape[1] == 2 * 2**halvings
    assert network.decode(*codes, like=images).shape == images.shape


def test_content_knows_nothing_of_contrast_and_style_does() -> None:
    network, images = initialise(tiny(), "kaiming"), torch.randn(1, 3, 32, 32)
    codes, stretched = network.encode(images), network.encode(2 * images)
    torch.testing.assert_close(stretched.content, codes.content, rtol=1e-2, atol=1e-3)
    torch.testing.assert_close(stretched.style, 2 * codes.style)  # without biases it is homogeneous


def test_the_style_decides_the_picture_and_an_image_alone_its_codes() -> None:
    network, images = tiny(), torch.randn(3, 3, 16, 16)
    codes = network.encode(images)
    torch.testing.assert_close(network.encode(images[1:2]).content, codes.content[1:2])
    torch.testing.assert_close(network.style_of(images[1:2]), codes.style[1:2])
    other = network.decode(codes.content, codes.style + 1, like=images)
    assert not torch.allclose(other, network.decode(*codes, like=images), atol=1e-3)


def test_batches_share_a_decoder_forward_where_their_sizes_agree() -> None:
    network, one, two = tiny(), torch.randn(2, 3, 16, 16), torch.randn(3, 3, 16, 16)
    sizes: list[int] = []
    network.decoder.register_forward_pre_hook(lambda _, entering: sizes.append(len(entering[0])))
    joined = network.decode_joined([network.encode(one), network.encode(two)], [one, two])
    assert sizes == [5]
    for together, alone in zip(joined, (one, two), strict=True):
        torch.testing.assert_close(together, network.decode(*network.encode(alone), like=alone))
    sizes.clear()
    larger = torch.randn(1, 3, 20, 13)
    other = network.decode_joined([network.encode(one), network.encode(larger)], [one, larger])
    assert sizes == [2, 1]
    assert [images.shape for images in other] == [one.shape, larger.shape]


def test_wrong_numbers_are_named() -> None:
    with pytest.raises(ValueError, match="blocks 0"):
        StyledAutoencoder(3, blocks=0)
    with pytest.raises(ValueError, match="halvings -1"):
        StyledAutoencoder(3, halvings=-1)
