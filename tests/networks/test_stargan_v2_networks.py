from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from support.domain_styles import SHAPES, assert_recorded, slow_wave
from support.parity import CONSTANTS, fill, vectors, wave
from torch import Tensor, nn

from gans.networks.stargan_v2.blocks import HighPass, width_for
from gans.networks.stargan_v2.generator import StyledGenerator
from gans.networks.stargan_v2.heads import DomainDiscriminator, MappingNetwork, StyleEncoder

OFFICIAL = {"afhq (num_domains 3, w_hpf 0)": (3, 0.0), "celeba_hq (num_domains 2, w_hpf 1)": (2, 1.0)}


def filled(network: nn.Module, name: str, scale: float) -> nn.Module:
    """Return a network in float64 with the recorded weights, whose shapes are those recorded."""
    state = vectors(name).facts["state_dict"]
    learnt = [shape for key, shape, _ in state if key.rpartition(".")[2] not in CONSTANTS]
    assert [list(tensor.shape) for tensor in network.state_dict().values()] == learnt
    fill(network.double(), [key for key, _, _ in state], scale)
    return network


def test_the_generator_equals_the_official_network() -> None:
    network = filled(StyledGenerator(image_size=64, style_size=16, width=8), "stargan_v2_generator", 0.05)
    assert_recorded("stargan_v2_generator", "out", network(wave(2, 3, 64, 64), slow_wave(2, 16)))


def masks() -> Tensor:
    """Return the recorded masks."""
    parts = [0.5 + 0.5 * f(0.013 * np.arange(2 * 256 * 256)) for f in (np.sin, np.cos)]
    each = [torch.from_numpy(part.astype(np.float32)).double().view(2, 1, 256, 256) for part in parts]
    return torch.cat(each, dim=1)


def test_the_generator_with_high_pass_equals_the_official_network() -> None:
    name = "stargan_v2_generator_hpf"
    network = filled(StyledGenerator(image_size=64, style_size=16, width=8, high_pass=1.0), name, 0.06)
    images, styles = wave(2, 3, 64, 64), slow_wave(2, 16)
    assert_recorded(name, "out", network(images, styles))
    assert_recorded(name, "out_masked", network(images, styles, masks()))


@pytest.mark.parametrize(
    ("network", "name", "scale", "entering"),
    [
        (MappingNetwork(8, 16, 3, 32), "stargan_v2_mapping", 0.17, slow_wave(4, 8)),
        (StyleEncoder(3, 64, 16, 3, 8), "stargan_v2_style_encoder", 0.05, wave(2, 3, 64, 64)),
        (DomainDiscriminator(3, 64, 3, 8), "stargan_v2_discriminator", 0.05, wave(2, 3, 64, 64)),
    ],
)
def test_networks_with_a_head_for_each_domain_equal_the_official_ones(
    network: nn.Module, name: str, scale: float, entering: Tensor
) -> None:
    filled(network, name, scale)
    for domain in range(3):
        labels = torch.full((len(entering),), domain)
        assert_recorded(name, f"out_domain_{domain}", network(entering, labels))
    mixed = torch.tensor(vectors(name).facts["inputs"]["labels_of_out_mixed"])
    assert_recorded(name, "out_mixed", network(entering, mixed))


@pytest.mark.parametrize("kind", OFFICIAL)
def test_published_networks_have_the_official_shapes(kind: str) -> None:
    domains, high_pass = OFFICIAL[kind]
    with torch.device("meta"):
        networks: dict[str, nn.Module] = {
            "generator": StyledGenerator(high_pass=high_pass),
            "mapping_network": MappingNetwork(domains=domains),
            "style_encoder": StyleEncoder(domains=domains),
            "discriminator": DomainDiscriminator(domains=domains),
        }
    for name, network in networks.items():
        assert sum(parameter.numel() for parameter in network.parameters()) == SHAPES["n_params"][kind][name]
        official = [shape for key, shape in SHAPES["state_dicts"][kind][name] if key != "hpf.filter"]
        assert [list(tensor.shape) for tensor in network.state_dict().values()] == official


@pytest.mark.parametrize("high_pass", [0.0, 2.0])
@pytest.mark.parametrize("sides", [(32, 32), (30, 41), (3, 3)])
def test_images_of_any_size_keep_it(high_pass: float, sides: tuple[int, int]) -> None:
    network = StyledGenerator(1, 32, 3, 2, high_pass)
    made = network(torch.rand(2, 1, *sides), torch.rand(2, 3), torch.rand(2, 2, *sides))
    assert made.shape == (2, 1, *sides)


def test_at_which_sizes_details_pass_by_the_style() -> None:
    sides = {size: StyledGenerator(1, size, 2, 1, 1.0).sides for size in (16, 32, 64, 256)}
    assert sides == {
        16: [0, 0, 0],
        32: [32, 0, 0, 0],
        64: [64, 32, 0, 0, 0],
        256: [0, 128, 64, 32, 0, 0, 0],
    }
    assert StyledGenerator(1, 64, 2, 1).sides == [0, 0, 0, 0]


def test_each_mask_lets_its_sizes_through() -> None:
    torch.manual_seed(0)
    network = StyledGenerator(1, 64, 2, 2, 1.0)
    images, styles = torch.rand(1, 1, 64, 64), torch.rand(1, 2)
    none, first, second = (
        network(images, styles, torch.tensor([[[[a]], [[b]]]]).expand(1, 2, 64, 64))
        for a, b in ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0))
    )
    torch.testing.assert_close(none, network(images, styles))
    assert not torch.allclose(none, first)
    assert not torch.allclose(none, second)
    assert not torch.allclose(first, second)


def test_the_filter_by_hand() -> None:
    lit = torch.zeros(1, 2, 3, 3)
    lit[0, 1, 1, 1] = 4.0
    filtered = HighPass(2.0)(lit)
    assert filtered[0, 0].abs().sum() == 0
    assert filtered[0, 1].tolist() == [[-2, -2, -2], [-2, 16, -2], [-2, -2, -2]]


def test_heads_that_nobody_asks_for_get_a_gradient_of_zero() -> None:
    network = MappingNetwork(2, 3, 2, 4)
    network(torch.rand(5, 2), torch.ones(5, dtype=torch.int64)).sum().backward()
    for parameter in network.heads[0].parameters():
        assert parameter.grad is not None
        assert parameter.grad.abs().sum() == 0
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.heads[1].parameters())


@pytest.mark.parametrize(("size", "width"), [(256, 64), (64, 256), (32, 512), (16, 512)])
def test_published_widths(size: int, width: int) -> None:
    assert width_for(size) == width


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: StyledGenerator(image_size=48), "data.size, or image_size in Python, is 48"),
        (lambda: StyledGenerator(style_size=0), "style_size must be 1 or more, got 0"),
        (lambda: MappingNetwork(domains=0), "domains must be 1 or more, got 0"),
        (lambda: StyleEncoder(image_size=20), "is 20, but this network"),
    ],
)
def test_wrong_arguments_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("network", [StyleEncoder(1, 16, 2, 2, 1), DomainDiscriminator(1, 16, 2, 1)])
def test_images_of_another_size_are_refused(network: nn.Module) -> None:
    with pytest.raises(ValueError, match="takes images of 16x16 pixels, got 32x16"):
        network(torch.rand(2, 1, 32, 16), torch.zeros(2, dtype=torch.int64))
