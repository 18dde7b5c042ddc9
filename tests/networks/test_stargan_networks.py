from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from support.parity import RUNNING, fill, vectors, wave
from torch import nn

from gans.networks.stargan import StarGANDiscriminator, StarGANGenerator, layers_for

LABEL = torch.tensor([[1.0, 0, 0, 1, 1]], dtype=torch.float64)  # of the recorded forward


def shapes(network: nn.Module) -> list[list[int]]:
    return [list(tensor.shape) for tensor in network.state_dict().values()]


def test_the_generator_equals_the_official_one_which_is_always_in_training_mode() -> None:
    recorded, network = vectors("stargan_g"), StarGANGenerator().double().eval()
    official = [(name, shape) for name, shape, _ in recorded.facts["state_dict"]]
    assert shapes(network) == [shape for name, shape in official if name.rpartition(".")[2] not in RUNNING]
    fill(network, [name for name, _ in official])
    with torch.no_grad():
        images = network(wave(1, 3, 128, 128), LABEL).numpy()
    slack = 2 * recorded.facts["modes"]["train"]["out"]["max_abs_diff_vs_fp64_weights_fp32"]
    np.testing.assert_allclose(images[..., ::8, ::8], recorded.arrays["train/out"], rtol=1e-6, atol=slack)


def test_the_discriminator_equals_the_official_one() -> None:
    recorded, network = vectors("stargan_d"), StarGANDiscriminator().double()
    assert shapes(network) == [shape for _, shape, _ in recorded.facts["state_dict"]]
    fill(network)
    with torch.no_grad():
        outputs = network(wave(1, 3, 128, 128))
    for output, name in zip(outputs, ("out_src", "out_cls"), strict=True):
        slack = 2 * recorded.facts["modes"]["eval"][name]["max_abs_diff_vs_fp64_weights_fp32"]
        np.testing.assert_allclose(output, recorded.arrays[f"eval/{name}"], rtol=1e-6, atol=slack)


def test_mode_and_batch_make_no_difference() -> None:
    network = StarGANGenerator(labels=2, width=2, blocks=1)
    images, labels = torch.rand(3, 3, 8, 8), torch.eye(3)[:, :2]
    together = network(images, labels)
    alone = torch.cat(
        [network.eval()(image[None], label[None]) for image, label in zip(images, labels, strict=True)]
    )
    torch.testing.assert_close(together, alone)


def test_every_label_bears_on_the_image() -> None:
    network = StarGANGenerator(labels=3, width=4, blocks=1)
    image = torch.rand(1, 3, 8, 8)
    translated = [network(image, label[None]) for label in torch.eye(3)]
    assert all((first - second).abs().max() > 1e-3 for first, second in pairwise(translated))


@pytest.mark.parametrize("size", [(8, 8), (13, 22), (1, 5)])
def test_any_size_keeps_its_size(size: tuple[int, int]) -> None:
    network = StarGANGenerator(channels=1, labels=2, width=2, blocks=1)
    assert network(torch.rand(2, 1, *size), torch.eye(2)).shape == (2, 1, *size)


@pytest.mark.parametrize("downsamplings", [0, 1, 3])
def test_downsamplings_set_the_blocks_resolution(downsamplings: int) -> None:
    network = StarGANGenerator(labels=2, width=2, blocks=1, downsamplings=downsamplings)
    sizes: list[torch.Size] = []
    network.blocks.register_forward_hook(lambda _module, _inputs, features: sizes.append(features.shape))
    assert network(torch.rand(1, 3, 16, 24), torch.eye(2)[:1]).shape == (1, 3, 16, 24)
    assert sizes == [(1, 2 << downsamplings, 16 >> downsamplings, 24 >> downsamplings)]


@pytest.mark.parametrize(
    ("size", "layers"), [(4, 1), (16, 3), (32, 4), (64, 5), (100, 5), (128, 6), (256, 6)]
)
def test_depth_follows_the_image(size: int, layers: int) -> None:
    assert layers_for(size) == layers
    network = StarGANDiscriminator(image_size=size, width=1, labels=4)
    scores, logits = network(torch.rand(2, 3, size, size))
    assert scores.shape == (2, 1, size >> layers, size >> layers)
    assert logits.shape == (2, 4)


def test_larger_images_have_one_answer() -> None:
    network = StarGANDiscriminator(image_size=16, width=2, labels=4)
    assert network(torch.rand(2, 3, 40, 24))[1].shape == (2, 4)


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(ValueError, match=r"7 stride-2 convolutions.*images of 64 pixels"):
        StarGANDiscriminator(image_size=64, layers=7)
    with pytest.raises(ValueError, match="3 channels, 0 labels, a width of 64, 6 blocks"):
        StarGANGenerator(labels=0)
