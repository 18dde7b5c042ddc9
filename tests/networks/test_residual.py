from __future__ import annotations

from typing import Any, Literal

import pytest
import torch
from torch import Tensor, nn

from gans.losses.penalties import gradient_penalty
from gans.networks.init import initialise
from gans.networks.joined import has_batch_statistics
from gans.networks.residual import FirstBlock, ResampledBlock, ResidualCritic, ResidualGenerator


@pytest.mark.parametrize(("size", "blocks"), [(16, 2), (32, 3), (64, 4), (256, 6)])
def test_every_size_takes_its_number_of_blocks(size: int, blocks: int) -> None:
    generator = ResidualGenerator(5, channels=2, image_size=size, width=2)
    critic = ResidualCritic(channels=2, image_size=size, width=2)
    images = generator(torch.randn(2, 5))
    assert images.shape == (2, 2, size, size)
    assert critic(images).shape == (2,)
    assert critic.blocks(images).shape[-2:] == (8, 8)
    for network, expected in ((generator, blocks), (critic, blocks)):  # one of the critic's is the first
        assert sum(isinstance(layer, ResampledBlock) for layer in network.modules()) == expected


def parameters(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


def test_as_many_parameters_as_the_paper_s_at_32_pixels() -> None:
    conv, past, norm = 128 * 128 * 9 + 128, 128 * 128 + 128, 2 * 128
    to_image, from_image = 128 * 3 * 9 + 3, 3 * 128 * 9 + 128
    generator = (129 * 128 * 16) + 3 * (2 * conv + past + 2 * norm) + norm + to_image
    critic = (from_image + conv + 4 * 128) + (2 * conv + past) + 2 * (2 * conv) + 129
    assert parameters(ResidualGenerator(128, 3, 32)) == generator
    assert parameters(ResidualCritic(3, 32, norm="none")) == critic


@pytest.mark.parametrize("resampling", ["up", "down", "none"])
def test_a_block_adds_to_the_resampled_input(resampling: Literal["up", "down", "none"]) -> None:
    block = ResampledBlock(3, "none", resampling).double()
    for name, weight in block.named_parameters():
        nn.init.zeros_(weight)  # of the layers nothing remains
        if name in ("shortcut.0.weight", "shortcut.1.weight"):
            nn.init.dirac_(weight)
    features = torch.randn(2, 3, 4, 6, dtype=torch.float64)
    expected = {
        "up": features.repeat_interleave(2, -1).repeat_interleave(2, -2),
        "down": halved(features),
        "none": features,
    }
    before = features.clone()
    torch.testing.assert_close(block(features), expected[resampling])
    assert features.equal(before), "a block without norm must leave its input as it is"


def test_a_block_without_norm_is_what_it_says() -> None:
    block = ResampledBlock(3, "none").double()
    first, second = (layer for layer in block.layers if isinstance(layer, nn.Conv2d))
    features = torch.randn(2, 3, 4, 6, dtype=torch.float64)
    torch.testing.assert_close(block(features), features + second(first(features.relu()).relu()))


def halved(features: Tensor) -> Tensor:
    """Return means over 2x2 pixels of (N, C, H, W)."""
    count, channels, height, width = features.shape
    return features.view(count, channels, height // 2, 2, width // 2, 2).mean((3, 5))


def test_the_first_block_sees_the_pixels_as_they_are() -> None:
    block = FirstBlock(2, 3).double()
    first, second = (layer for layer in block.layers if isinstance(layer, nn.Conv2d))
    images = torch.randn(2, 2, 4, 6, dtype=torch.float64)
    past = block.shortcut[1](halved(images))
    torch.testing.assert_close(block(images), past + halved(second(first(images).relu())))


def test_the_score_is_of_the_mean_over_the_map() -> None:
    critic = ResidualCritic(1, 16, width=3, norm="none", classes=2).double()
    images, labels = torch.randn(4, 1, 16, 16, dtype=torch.float64), torch.tensor([0, 1, 1, 0])
    mean = critic.blocks(images).mean((2, 3))
    of_the_class = (mean * critic.projection.vectors.weight[labels]).sum(1)
    torch.testing.assert_close(critic(images, labels), critic.score(mean)[:, 0] + of_the_class)


@pytest.mark.parametrize("norm", ["layer", "none"])
def test_the_critic_scores_each_image_by_itself_and_takes_a_penalty(norm: Literal["layer", "none"]) -> None:
    critic = ResidualCritic(3, 32, width=4, norm=norm)
    assert not has_batch_statistics(critic)
    images = torch.randn(3, 3, 32, 32)
    torch.testing.assert_close(critic(images), torch.cat([critic(image[None]) for image in images]))
    gradient_penalty(critic, images).backward()
    weights = [weight for weight in critic.parameters() if weight.ndim == 4]
    assert len(weights) == 10
    assert all(weight.grad is not None and bool((weight.grad != 0).any()) for weight in weights)


def test_advised_weights_let_images_and_scores_through() -> None:
    torch.manual_seed(0)
    generator = initialise(ResidualGenerator(16, 3, 32, width=32), "xavier", 2**0.5)
    critic = initialise(ResidualCritic(3, 32, width=32), "xavier", 2**0.5)
    with torch.no_grad():
        images = generator(torch.randn(8, 16))
        spread = float(critic(torch.randn(8, 3, 32, 32)).std())
    assert 0.2 < float(images.std()) < 0.95
    assert 0.01 < spread < 100


def test_classes_reach_the_picture_and_the_score() -> None:
    generator = ResidualGenerator(4, 1, 16, width=2, classes=3).eval()
    critic = ResidualCritic(1, 16, width=2, classes=3)
    labels = torch.arange(3)
    with torch.no_grad():
        pictures = generator(torch.randn(1, 4).expand(3, 4), labels)
        scores = critic(pictures[:1].expand(3, 1, 16, 16), labels)
    assert len({tuple(picture.flatten().tolist()) for picture in pictures}) == 3
    assert len(set(scores.tolist())) == 3


def test_mistakes_are_told() -> None:
    batch: Any = "batch"
    with pytest.raises(ValueError, match="norm of a critic is 'batch': choose layer or none"):
        ResidualCritic(3, 32, norm=batch)
    with pytest.raises(ValueError, match=r"is 48, .* --data.size 32 or --data.size 64"):
        ResidualGenerator(128, 3, 48)
    with pytest.raises(ValueError, match="takes images of 16x16 pixels, got 32x32"):
        ResidualCritic(1, 16, width=1)(torch.randn(1, 1, 32, 32))
