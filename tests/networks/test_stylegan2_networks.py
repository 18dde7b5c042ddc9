from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from support.parity import vectors, wave
from support.rules import draw, fill_by_rules
from torch import Tensor, nn

from gans.losses.penalties import path_lengths
from gans.networks.equalised import minibatch_deviation, resampling_convolution
from gans.networks.resampling import downsampled, filter_of, filtered, upsampled
from gans.networks.stylegan2.discriminator import StyleGAN2Discriminator
from gans.networks.stylegan2.generator import StyleGAN2Generator
from gans.networks.stylegan2.sizes import map_channels, map_sizes
from gans.networks.stylegan2.synthesis import StyledConvolution, Synthesis, ToImage

OPS = vectors("stylegan2_ops")
SMALL: dict[str, Any] = {"width": 128, "most_channels": 12}


def assert_recorded(name: str, mode: str, made: dict[str, Tensor]) -> None:
    """Hold outputs against those recorded; what was recorded in float32 states its distance from float64."""
    recorded = vectors(name)
    for kind, ours in made.items():
        facts = recorded.facts["modes"][mode][kind]
        slack = 2 * facts["max_abs_diff_vs_fp64_weights_fp32"]
        theirs = recorded.arrays[f"{mode}/{kind}"]
        values = ours.detach().numpy().reshape(theirs.shape)
        np.testing.assert_allclose(values, theirs, rtol=1e-6, atol=slack, err_msg=kind)


def assert_operation(name: str, ours: Tensor) -> None:
    slack = 2 * OPS.facts["facts"][name]["max_abs_diff_vs_fp64"]
    np.testing.assert_allclose(ours.detach().numpy(), OPS.arrays[name], rtol=1e-6, atol=slack)


def filled(network: nn.Module, name: str) -> Any:
    facts = vectors(name).facts
    network.double()
    fill_by_rules(network, facts["state_dict"], facts["fill_rules"])
    return network


def cosine(*shape: int) -> Tensor:
    return torch.from_numpy(np.cos(0.9 * np.arange(math.prod(shape))).astype(np.float32)).double().view(shape)


@pytest.mark.parametrize("taps", ["f1331", "f_skew", "f121"])
def test_filters_equal_the_official_ones(taps: str) -> None:
    kernel = filter_of(OPS.facts["filters"][taps]).double()
    images = wave(1, 2, 6, 8)
    assert_operation(f"upsample2d/{taps}", upsampled(images, kernel))
    assert_operation(f"downsample2d/{taps}", downsampled(images, kernel))
    assert_operation(f"filter2d/{taps}", filtered(images, kernel))
    assert_operation(f"filter2d_flipped/{taps}", filtered(images, kernel.flip(0, 1)))


@pytest.mark.parametrize(
    ("case", "sides", "resample"),
    [
        ("down3", (6, 8, 3), "halve"),
        ("down1", (6, 8, 1), "halve"),
        ("up3", (4, 6, 3), "double"),
        ("up1", (4, 6, 1), "double"),
    ],
)
def test_resampling_convolutions_equal_the_official_ones(
    case: str, sides: tuple[int, int, int], resample: str
) -> None:
    height, width, kernel = sides
    weight, bias = cosine(3, 2, kernel, kernel), torch.arange(3.0).double()
    images, blur = wave(1, 2, height, width), filter_of().double()
    made = resampling_convolution(images, weight, None, blur, resample)
    assert_operation(f"conv2d_resample/{case}", made)
    biased = resampling_convolution(images, weight, bias, blur, resample)
    torch.testing.assert_close(biased, made + bias[:, None, None])


@pytest.mark.parametrize("double", [False, True])
def test_styled_convolutions_equal_the_official_ones(double: bool) -> None:
    layer = StyledConvolution(4, 3, 2, (5, 6), double).double()
    with torch.no_grad():
        layer.weight.copy_(cosine(3, 4, 3, 3))
        layer.style.weight.copy_(torch.zeros(4, 2))
    styles = (1 + 0.3 * np.cos(0.9 * np.arange(8))).astype(np.float32).reshape(2, 4)
    layer.style.forward = lambda _: torch.from_numpy(styles).double()  # type: ignore
    made = layer(wave(2, 4, 5, 6), torch.zeros(2, 2).double(), None) / math.sqrt(2)
    activated = torch.where(made < 0, made / 0.2, made)
    assert_operation(f"modulated_conv2d/{'up' if double else 'plain'}", activated)


def test_the_layer_to_the_image_equals_the_official_one() -> None:
    layer = ToImage(4, 3, 2).double()
    with torch.no_grad():
        layer.weight.copy_(cosine(3, 4, 1, 1))
    styles = (1 + 0.3 * np.cos(0.9 * np.arange(8))).astype(np.float32).reshape(2, 4)
    layer.style.forward = lambda _: torch.from_numpy(styles).double() * 2  # type: ignore
    assert_operation("modulated_conv2d/to_rgb", layer(wave(2, 4, 5, 6), torch.zeros(2, 2)))


@pytest.mark.parametrize(
    "case", ["group2", "group4_of_8", "two_channels", "whole_batch", "larger_than_batch"]
)
def test_the_deviation_of_a_batch_equals_the_official_one(case: str) -> None:
    facts = OPS.facts["facts"][f"minibatch_std/{case}"]
    shape, group = facts["shape"], facts["group_size"]
    made = minibatch_deviation(wave(*shape), shape[0] if group is None else group, facts["num_channels"])
    assert_operation(f"minibatch_std/{case}", made)


def test_groups_that_do_not_divide_a_batch_are_refused() -> None:
    with pytest.raises(ValueError, match=r"batch of 6 images.*groups of 4.*minibatch_group"):
        minibatch_deviation(torch.zeros(6, 2, 4, 4), 4)


@pytest.mark.parametrize(("name", "classes", "layers"), [("mapping", 0, 8), ("mapping_cond", 3, 2)])
def test_mapping_equals_the_official_network(name: str, classes: int, layers: int) -> None:
    name = f"stylegan2_{name}"
    generator = StyleGAN2Generator(8, 10, layers, 3, 16, classes=classes, **SMALL)
    network, facts = filled(generator.double().mapping, name), vectors(name).facts
    latents, labels = cosine(4, 8), torch.tensor([0, 2, 1, 2]) if classes else None
    made = {"out": generator.styles(latents, labels)}
    for kind, how in facts["truncations"].items():
        made[kind] = generator.styles(latents, labels, how["psi"], how["cutoff"])
    assert_recorded(name, "eval", made)
    network.follow(made["out"][:, 0].mean(0))
    after = vectors(name).arrays["train/buffers_after_1_forward/w_avg"]
    np.testing.assert_allclose(network.mean.numpy(), after, rtol=1e-6, atol=1e-6)


def synthesis() -> Synthesis:
    sizes = map_sizes(16)
    network: Synthesis = filled(Synthesis(10, 3, sizes, map_channels(3, 128, 12)), "stylegan2_synthesis")
    return network


@pytest.mark.parametrize("mode", ["eval", "train"])
def test_synthesis_equals_the_official_network(mode: str) -> None:
    network, w = synthesis(), wave(2, 6, 10)
    noise = [draw(count, 2, 1, *size) for count, size in enumerate(network.noise_sizes)]
    made = {"noise_const": network(w), "noise_none": network(w, "none"), "noise_random": network(w, noise)}
    assert_recorded("stylegan2_synthesis", mode, made)


def test_path_lengths_equal_the_official_ones() -> None:
    network, w = synthesis(), wave(2, 6, 10).requires_grad_()
    directions = cosine(2, 3, 16, 16) / 16
    lengths = path_lengths(network, w, directions)
    assert_recorded("stylegan2_synthesis", "eval", {"path_lengths": lengths})


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("d", {"group": 2}),
        ("d_cond", {"group": 4, "classes": 3}),
        ("d_orig", {"group": 32, "classes": 3, "architecture": "plain"}),
    ],
)
def test_discriminators_equal_the_official_networks(name: str, arguments: dict[str, Any]) -> None:
    name = f"stylegan2_{name}"
    network = filled(StyleGAN2Discriminator(3, 16, **SMALL, **arguments), name)
    labels = torch.tensor([0, 2, 1, 2]) if "classes" in arguments else None
    images = wave(4, 3, 16, 16).requires_grad_()
    scores = network(images, labels)
    (gradient,) = torch.autograd.grad(scores.sum(), images)
    penalty = gradient.square().sum((1, 2, 3))
    assert_recorded(name, "eval", {"out": scores, "gradient": gradient, "r1_penalty": penalty})
