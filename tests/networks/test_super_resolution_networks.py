from __future__ import annotations

import pytest
import torch
from support.parity import assert_outputs, assert_parity
from torch import nn

from gans.networks.msrresnet import MSRResNet
from gans.networks.rrdbnet import RRDBNet
from gans.networks.srvgg import SRVGG
from gans.networks.unet_discriminator import UNetDiscriminator
from gans.networks.vgg_style import VGGStyleDiscriminator

RECORDED_MODES = ["eval", "train", "eval_after_train"]


def _parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("name", "network"),
    [
        ("msrresnet", MSRResNet(width=8, blocks=2)),
        ("msrresnet_x3", MSRResNet(width=6, blocks=1, scale=3)),
        ("rrdbnet_x4", RRDBNet(width=8, blocks=2, growth=4)),
        ("rrdbnet_x2", RRDBNet(width=8, blocks=1, growth=4, scale=2)),
        ("srvgg_compact", SRVGG(width=8, layers=3)),
    ],
)
def test_generators_equal_the_official_networks(name: str, network: nn.Module) -> None:
    assert_parity(network, name, "eval")


@pytest.mark.parametrize("mode", RECORDED_MODES)
def test_the_vgg_style_discriminator_equals_the_official_network(mode: str) -> None:
    network = VGGStyleDiscriminator(3, 128, width=4)
    if mode == "eval_after_train":
        assert_parity(network, "vgg_style_d", "train", scale=0.1)
        assert_outputs(network, "vgg_style_d", mode)
    else:
        assert_parity(network, "vgg_style_d", mode, scale=0.1)


@pytest.mark.parametrize("mode", RECORDED_MODES)
def test_the_unet_discriminator_equals_the_official_network(mode: str) -> None:
    network = UNetDiscriminator(3, width=4)
    if mode == "eval_after_train":
        assert_parity(network, "unet_d_sn", "train")
        assert_outputs(network, "unet_d_sn", mode)
    else:
        assert_parity(network, "unet_d_sn", mode)


@pytest.mark.parametrize(
    ("network", "count"),
    [
        (MSRResNet, 1_517_571),
        (RRDBNet, 16_697_987),
        (lambda: RRDBNet(scale=2), 16_703_171),
        (lambda: RRDBNet(blocks=6), 4_467_779),
        (lambda: SRVGG(layers=32), 1_213_296),
        (SRVGG, 621_424),
        (lambda: VGGStyleDiscriminator(3, 128), 14_499_401),
        (lambda: UNetDiscriminator(3), 4_376_897),
    ],
)
def test_published_networks_have_as_many_parameters(network: type[nn.Module], count: int) -> None:
    assert _parameters(network()) == count


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_msrresnet_enlarges_by_its_scale(scale: int) -> None:
    assert MSRResNet(1, width=2, blocks=1, scale=scale)(torch.rand(2, 1, 5, 7)).shape == (  # type: ignore[arg-type]
        2,
        1,
        5 * scale,
        7 * scale,
    )


@pytest.mark.parametrize("scale", [1, 2, 4])
@pytest.mark.parametrize("sides", [(1, 1), (5, 7), (8, 8)])
def test_rrdbnet_enlarges_images_of_any_size_by_its_scale(scale: int, sides: tuple[int, int]) -> None:
    network = RRDBNet(1, width=2, blocks=1, growth=2, scale=scale)  # type: ignore[arg-type]
    assert network(torch.rand(2, 1, *sides)).shape == (2, 1, scale * sides[0], scale * sides[1])


def test_padding_at_the_entry_leaves_the_image_where_it_was() -> None:
    torch.manual_seed(0)
    network = RRDBNet(1, width=4, blocks=1, growth=2, scale=1).double()
    image = torch.rand(1, 1, 64, 64, dtype=torch.float64)
    whole = network(image)
    # One pixel is taken from the left and two from the right, which is what is padded there again.
    part = network(image[..., 1:-2])
    assert torch.allclose(part[..., 28:30], whole[..., 29:31], atol=1e-3)
    assert not torch.allclose(part[..., 28:30], whole[..., 28:30], atol=1e-3)


@pytest.mark.parametrize("size", [8, 15, 32, 48, 100])
def test_the_vgg_style_discriminator_is_made_for_any_size(size: int) -> None:
    network = VGGStyleDiscriminator(1, size, width=2)
    assert network(torch.rand(3, 1, size, size)).shape == (3, 1)
    with pytest.raises(ValueError, match=rf"takes images of {size}x{size}"):
        network(torch.rand(3, 1, size, size + 8))


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="scale is 8, and this network enlarges images by 2, 3, 4 only"):
        MSRResNet(scale=8)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="scale is 3, and this network enlarges images by 1, 2, 4 only"):
        RRDBNet(scale=3)
    with pytest.raises(ValueError, match="layers must be 1 or more"):
        SRVGG(layers=0)
    with pytest.raises(ValueError, match="8 pixels and more, got image_size 7"):
        VGGStyleDiscriminator(3, 7)
    with pytest.raises(ValueError, match="8 divides, got 16x20"):
        UNetDiscriminator(1, width=1)(torch.rand(1, 1, 16, 20))


def test_spectral_norm_bounds_the_layers_of_the_unet_and_learns_through_two_forwards() -> None:
    torch.manual_seed(0)
    network = UNetDiscriminator(1, width=2)
    images = torch.rand(2, 1, 16, 16)
    (network(images).mean() + network(-images).mean()).backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
    for _ in range(100):
        network(images)
    with torch.no_grad():
        layer = network.eval().down[0][0]  # type: ignore[index]
        largest = torch.linalg.matrix_norm(layer.weight.flatten(1), ord=2)
    assert float(largest) == pytest.approx(1, abs=1e-3)
