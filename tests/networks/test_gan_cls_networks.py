from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from gans.networks.gan_cls import CaptionDiscriminator, CaptionGenerator


@pytest.mark.parametrize(("size", "channels", "stages"), [(16, 1, 2), (64, 3, 4), (128, 5, 5)])
def test_other_sizes_take_more_stages(size: int, channels: int, stages: int) -> None:
    generator = CaptionGenerator(3, 6, 4, channels, size, width=2)
    discriminator = CaptionDiscriminator(6, 4, channels, size, width=2)
    images = generator(torch.randn(2, 3), torch.randn(2, 6))
    assert images.shape == (2, channels, size, size)
    assert discriminator(images, torch.randn(2, 6)).shape == (2,)
    halvings = [part for part in discriminator.features if isinstance(part, nn.Conv2d)]
    assert len(halvings) == stages
    assert discriminator.features(images).shape[2:] == (4, 4)


def shape(network: nn.Sequential, place: int) -> tuple[int, ...]:
    weight = network[place].weight
    assert isinstance(weight, Tensor)
    return tuple(weight.shape)


def test_the_papers_layers() -> None:
    """64 pixels, 1024 numbers of text projected to 128, beside 100 of noise and on a 4x4 map of 512."""
    generator, discriminator = CaptionGenerator(), CaptionDiscriminator()
    assert shape(generator.project, 0) == (128, 1024)
    assert shape(generator.decode.stages, 0) == (100 + 128, 512, 4, 4)
    assert shape(discriminator.join, 0) == (512, 512 + 128, 1, 1)
    assert discriminator.score.weight.shape == (1, 512, 4, 4)


def test_the_caption_is_tiled_onto_the_map_of_the_image() -> None:
    """A score that adds up one channel of text is 16 times its number, whatever the image."""
    network = CaptionDiscriminator(2, 2, 1, 16, width=1, norm="none")
    with torch.no_grad():
        for part in (network.project, network.join, network.score):
            for parameter in part.parameters():
                parameter.zero_()
        (project, *_), (join, *_) = network.project.parameters(), network.join.parameters()
        project[0, 0] = join[0, -2] = 1.0  # the first channel of text
        network.score.weight[0, 0] = 1.0
    embeddings = torch.tensor([[3.0, 9.0], [-1.0, 9.0]])
    scores = network(torch.randn(2, 1, 16, 16), embeddings)
    torch.testing.assert_close(scores, torch.tensor([48.0, 16 * -0.2 * 0.2]))


def test_an_image_is_judged_with_several_captions_by_features_found_once() -> None:
    network = CaptionDiscriminator(3, 2, 1, 16, width=2)
    images, one, other = torch.randn(4, 1, 16, 16), torch.randn(4, 3), torch.randn(4, 3)
    features = network.features(images)

    def both() -> tuple[Tensor, Tensor]:
        return network.judge(features, one), network.judge(features, other)

    assert not torch.allclose(*both())
    torch.testing.assert_close(both(), (network(images, one), network(images, other)))


def test_images_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match="takes images of 16x16 pixels, got 32x32"):
        CaptionDiscriminator(3, 2, 1, 16, width=2)(torch.zeros(1, 1, 32, 32), torch.zeros(1, 3))
