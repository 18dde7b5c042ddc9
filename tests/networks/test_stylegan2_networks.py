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
from gans.networks.resampling import downsampled, filter_of, filtered, padded_and_filtered, upsampled
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


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (16, [(4, 4), (8, 8), (16, 16)]),
        (48, [(6, 6), (12, 12), (24, 24), (48, 48)]),
        ((64, 96), [(4, 6), (8, 12), (16, 24), (32, 48), (64, 96)]),
        ((12, 8), [(6, 4), (12, 8)]),
    ],
)
def test_maps_double_up_to_the_image(size: Any, expected: list[tuple[int, int]]) -> None:
    assert map_sizes(size) == expected


@pytest.mark.parametrize(
    ("size", "message"),
    [
        (100, r"data\.size, or image_size in Python, is 100.*--data\.size 96 or --data\.size 112\."),
        (4, r"is 4, .*: give --data\.size 8\."),
        ((64, 90), r"64x90 .*multiples of 16, such as --data.size 64x96"),
        ((64, 7), r"64x7 .*multiples of 2"),
    ],
)
def test_sizes_that_doubling_does_not_reach_are_refused(size: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        map_sizes(size)


def test_channels_fall_with_the_size_and_are_bounded() -> None:
    assert map_channels(7, 16384, 512) == [512, 512, 512, 512, 256, 128, 64]
    assert map_channels(4, 16, 512) == [4, 2, 1, 1]


def test_a_discriminator_that_sees_small_images_is_a_plain_one_where_it_ignores_them() -> None:
    torch.manual_seed(0)
    skips, plain = (StyleGAN2Discriminator(3, 16, **SMALL, architecture=a) for a in ("skip", "plain"))
    plain.load_state_dict(skips.state_dict(), strict=False)
    images = torch.rand(4, 3, 16, 16)
    assert not skips(images).equal(plain(images))
    with torch.no_grad():
        for part in (skips.blocks[1], skips.epilogue):
            part.from_image.weight.zero_()  # type: ignore[union-attr, operator]
    torch.testing.assert_close(skips(images), plain(images))


def test_a_discriminator_that_sees_small_images_sees_those_of_its_block() -> None:
    """What a discriminator of half the size sees, where the first block gives nothing."""
    torch.manual_seed(0)
    large, small = (
        StyleGAN2Discriminator(3, side, **SMALL, architecture="skip", group=0) for side in (16, 8)
    )
    inner = {
        name.replace("blocks.1", "blocks.0"): weight
        for name, weight in large.state_dict().items()
        if not name.startswith("blocks.0")
    }
    small.load_state_dict(inner)
    with torch.no_grad():
        large.blocks[0].conv1.weight.zero_()  # type: ignore[union-attr, operator]
    images = torch.rand(4, 3, 16, 16)
    torch.testing.assert_close(large(images), small(downsampled(images, filter_of())))


def test_a_residual_synthesis_is_a_plain_one_where_nothing_goes_past() -> None:
    """But for the gain of each block's second convolution, by which the next one is divided again."""
    torch.manual_seed(0)
    sizes, widths = map_sizes(16), map_channels(3, 128, 12)
    residual, plain = (Synthesis(10, 3, sizes, widths, kind) for kind in ("residual", "plain"))
    plain.load_state_dict(residual.state_dict(), strict=False)
    w = torch.randn(2, residual.layers, 10)
    assert residual.layers == plain.layers == 6
    assert residual(w).shape == (2, 3, 16, 16)
    with torch.no_grad():
        for block, other in list(zip(residual.blocks, plain.blocks, strict=True))[1:]:
            block.skip.weight.zero_()  # type: ignore[union-attr]
            other.conv1.gain = math.sqrt(0.5)
    torch.testing.assert_close(residual(w), plain(w))


@pytest.mark.parametrize("network", [StyleGAN2Generator, StyleGAN2Discriminator])
def test_unknown_architectures_are_named(network: Any) -> None:
    with pytest.raises(ValueError, match=r"_architecture is 'orig': it is one of.*skip.*plain"):
        network(image_size=16, architecture="orig")


def test_images_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match=r"takes images of 16x24 pixels, got 16x16"):
        StyleGAN2Discriminator(image_size=(16, 24), **SMALL)(torch.zeros(4, 3, 16, 16))


def test_networks_with_classes_ask_for_labels() -> None:
    generator = StyleGAN2Generator(8, 10, 2, image_size=16, classes=3, **SMALL)
    with pytest.raises(ValueError, match="3 classes apart"):
        generator(torch.zeros(2, 8))


def test_filters_keep_no_features_for_their_gradients() -> None:
    """And have those that finite differences have, twice."""
    kernel = filter_of().double()
    images = torch.rand(1, 2, 6, 6, dtype=torch.float64, requires_grad=True)
    operations = [upsampled, downsampled, filtered, lambda x, k: padded_and_filtered(x, k, (2, 2))]
    for operation in operations:
        assert torch.autograd.gradcheck(lambda x, o=operation: o(x, kernel), images)
        assert torch.autograd.gradgradcheck(lambda x, o=operation: o(x, kernel), images)
