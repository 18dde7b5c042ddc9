from __future__ import annotations

import pytest
import torch
from torch import nn

from gans.losses.penalties import gradient_penalty
from gans.networks.joined import has_batch_statistics
from gans.networks.mlp import MLPDiscriminator, MLPGenerator


@pytest.mark.parametrize(("channels", "size"), [(2, 1), (1, 7), (3, 8)])
def test_any_size_passes(channels: int, size: int) -> None:
    generator = MLPGenerator(4, channels, size, width=8)
    images = generator(torch.randn(5, 4))
    assert images.shape == (5, channels, size, size)
    assert MLPDiscriminator(channels, size, width=8)(images).shape == (5,)


@pytest.mark.parametrize("layers", [1, 3])
def test_hidden_layers_are_counted(layers: int) -> None:
    generator = MLPGenerator(4, 2, 1, width=8, layers=layers)
    discriminator = MLPDiscriminator(2, 1, width=8, layers=layers)
    for network, first, last in ((generator, 4, 2), (discriminator, 2, 1)):
        linear = [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
        assert [layer.in_features for layer in linear] == [first, *[8] * layers]
        assert linear[-1].out_features == last


def test_points_are_not_bounded() -> None:
    latents = 1e3 * torch.randn(50, 4)
    assert bool((MLPGenerator(4, 2, 1)(latents).abs() <= 1).all())
    assert bool((MLPGenerator(4, 2, 1, bounded=False)(latents).abs() > 1).any())


def test_channels_and_rows_of_an_image_are_all_seen() -> None:
    discriminator = MLPDiscriminator(2, 3, width=32)
    images = torch.randn(1, 2, 3, 3, requires_grad=True)
    (gradient,) = torch.autograd.grad(discriminator(images).sum(), images)
    assert bool((gradient != 0).all())


def test_the_critic_takes_a_gradient_penalty() -> None:
    critic = MLPDiscriminator(2, 1, width=8)
    assert not has_batch_statistics(critic)
    penalty = gradient_penalty(critic, torch.randn(4, 2, 1, 1))
    penalty.backward()
    weights = [weight for name, weight in critic.named_parameters() if name.endswith("weight")]
    assert len(weights) == 3
    assert all(bool((weight.grad != 0).any()) for weight in weights)  # type: ignore[union-attr]


def test_classes_reach_the_picture_and_the_score() -> None:
    generator = MLPGenerator(4, 2, 1, width=8, classes=3)
    discriminator = MLPDiscriminator(2, 1, width=8, classes=3)
    labels = torch.arange(3)
    pictures = generator(torch.randn(1, 4).expand(3, 4), labels)
    assert len(set(pictures.flatten().tolist())) == 6
    scores = discriminator(pictures[:1].expand(3, 2, 1, 1), labels)
    assert len(set(scores.tolist())) == 3


def test_mistakes_are_told() -> None:
    with pytest.raises(ValueError, match="layers must be 1 or more, got 0"):
        MLPGenerator(4, 2, 1, layers=0)
    with pytest.raises(ValueError, match="takes images of 1x1 pixels, got 2x2"):
        MLPDiscriminator(2, 1)(torch.randn(1, 2, 2, 2))
    with pytest.raises(ValueError, match="tells 3 classes apart"):
        MLPDiscriminator(2, 1, classes=3)(torch.randn(1, 2, 1, 1))
