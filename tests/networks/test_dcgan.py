from __future__ import annotations

from typing import Any

import pytest
import torch
from support.parity import assert_parity
from torch import nn

from gans.networks.dcgan import DCGANDiscriminator, DCGANGenerator, Kernel
from gans.networks.joined import has_batch_statistics
from gans.networks.norms import Norm


@pytest.mark.parametrize("mode", ["eval", "train"])
def test_generator_equals_pytorch_s_example(mode: str) -> None:
    assert_parity(DCGANGenerator(), "dcgan_g", mode)


@pytest.mark.parametrize("mode", ["eval", "train"])
def test_discriminator_equals_pytorch_s_example(mode: str) -> None:
    with_probabilities = nn.Sequential(DCGANDiscriminator(), nn.Sigmoid())
    assert_parity(with_probabilities, "dcgan_d", mode)


@pytest.mark.parametrize("kernel", [4, 5])
@pytest.mark.parametrize(("size", "strided"), [(16, 2), (32, 3), (64, 4), (128, 5), (256, 6)])
def test_every_size_takes_its_number_of_stages(size: int, strided: int, kernel: Kernel) -> None:
    generator = DCGANGenerator(3, channels=2, image_size=size, width=1, kernel=kernel)
    discriminator = DCGANDiscriminator(channels=2, image_size=size, width=1, kernel=kernel)
    images = generator(torch.randn(2, 3))
    assert images.shape == (2, 2, size, size)
    assert discriminator(images).shape == (2,)
    for network, kind in ((generator, nn.ConvTranspose2d), (discriminator, nn.Conv2d)):
        kernels = [layer.kernel_size for layer in network.modules() if isinstance(layer, kind)]
        assert kernels.count((kernel, kernel)) == strided + (kernel == 4)  # the layer at the 4x4 map


def channels_out(network: nn.Module, kind: type[nn.Conv2d | nn.ConvTranspose2d]) -> list[int]:
    return [layer.out_channels for layer in network.modules() if isinstance(layer, kind)]


def test_channels_double_up_to_eight_times_the_width() -> None:
    generator = DCGANGenerator(5, channels=1, image_size=256, width=2)
    discriminator = DCGANDiscriminator(channels=1, image_size=256, width=2)
    assert channels_out(generator, nn.ConvTranspose2d) == [16, 16, 16, 8, 4, 2, 1]
    assert channels_out(discriminator, nn.Conv2d) == [2, 4, 8, 16, 16, 16, 1]


def test_the_smaller_grey_net() -> None:
    assert channels_out(DCGANGenerator(channels=1, image_size=32), nn.ConvTranspose2d) == [256, 128, 64, 1]


@pytest.mark.parametrize("kernel", [4, 5])
@pytest.mark.parametrize("size", [16, 32])
def test_the_whole_latent_bears_on_every_pixel_and_every_pixel_on_the_score(
    size: int, kernel: Kernel
) -> None:
    generator = DCGANGenerator(3, channels=1, image_size=size, width=4, kernel=kernel).eval()
    with torch.no_grad():
        difference = generator(torch.ones(1, 3)) - generator(-torch.ones(1, 3))
    assert bool((difference != 0).all())
    discriminator = DCGANDiscriminator(1, size, width=4, kernel=kernel, norm="none")
    images = torch.randn(1, 1, size, size, requires_grad=True)
    (gradient,) = torch.autograd.grad(discriminator(images).sum(), images)
    assert bool((gradient != 0).all())


@pytest.mark.parametrize(("norm", "biased"), [("batch", 0), ("instance", 3), ("layer", 3), ("none", 3)])
def test_norms_of_the_discriminator(norm: Norm, biased: int) -> None:
    discriminator = DCGANDiscriminator(3, 16, width=2, norm=norm)
    convolutions = [layer for layer in discriminator.modules() if isinstance(layer, nn.Conv2d)]
    assert sum(layer.bias is not None for layer in convolutions) == biased
    images = torch.randn(3, 3, 16, 16)
    alone = torch.cat([discriminator(image[None]) for image in images])
    assert torch.allclose(discriminator(images), alone, atol=1e-6) is not has_batch_statistics(discriminator)
    assert has_batch_statistics(discriminator) is (norm == "batch")


def test_each_class_gives_a_latent_its_own_picture() -> None:
    generator = DCGANGenerator(3, channels=1, image_size=16, width=2, classes=4).eval()
    latent = torch.randn(1, 3)
    pictures = generator(latent.expand(4, 3), torch.arange(4))
    assert len({tuple(picture.flatten().tolist()) for picture in pictures}) == 4
    torch.testing.assert_close(generator(latent, torch.tensor([2]))[0], pictures[2])


def test_the_class_adds_the_projection_of_the_features() -> None:
    discriminator = DCGANDiscriminator(1, 16, width=2, norm="none", classes=3).double()
    images = torch.randn(4, 1, 16, 16, dtype=torch.float64)
    labels = torch.tensor([0, 2, 1, 2])
    features = discriminator.stages(images)
    of_the_image = discriminator.score(features)[:, 0, 0, 0]
    vectors = discriminator.projection.vectors.weight[labels]
    of_the_class = torch.einsum("nchw,nc->n", features, vectors)
    torch.testing.assert_close(discriminator(images, labels), of_the_image + of_the_class)
    assert float(of_the_class.detach().abs().min()) > 0


def test_labels_of_an_unconditional_network_are_not_looked_at() -> None:
    labels = torch.tensor([0, 7])
    discriminator = DCGANDiscriminator(1, 16, width=2).eval()
    images = torch.randn(2, 1, 16, 16)
    assert discriminator(images, labels).equal(discriminator(images))


def test_missing_labels_are_told() -> None:
    with pytest.raises(ValueError, match=r"tells 4 classes apart: give it a label"):
        DCGANGenerator(3, image_size=16, width=1, classes=4)(torch.randn(2, 3))
    with pytest.raises(ValueError, match=r"tells 4 classes apart: give it a label"):
        DCGANDiscriminator(3, 16, width=1, classes=4)(torch.randn(2, 3, 16, 16))


def test_several_outputs_make_an_encoder() -> None:
    images = torch.randn(2, 3, 16, 16)
    assert DCGANDiscriminator(3, 16, width=1, outputs=5)(images).shape == (2, 5)
    with pytest.raises(ValueError, match="single score can depend on a class, got 5 outputs"):
        DCGANDiscriminator(3, 16, classes=2, outputs=5)


@pytest.mark.parametrize(
    ("size", "advised"),
    [(8, [16]), (0, [16]), (48, [32, 64]), (100, [64, 128]), (218, [128, 256]), (65, [64, 128])],
)
def test_sizes_that_do_not_fit_are_told_those_that_do(size: int, advised: list[int]) -> None:
    options = " or ".join(f"--data.size {each}" for each in advised)
    for network in (DCGANGenerator, DCGANDiscriminator):
        with pytest.raises(ValueError, match=rf"is {size}, but .* powers of two from 16: give {options}.$"):
            network(image_size=size)


def test_other_mistakes_are_told() -> None:
    other: Any = 3
    with pytest.raises(ValueError, match=r"kernel is 3: take 4, .* or 5"):
        DCGANGenerator(kernel=other)
    with pytest.raises(ValueError, match="channels must be 1 or more, got 0"):
        DCGANDiscriminator(channels=0)
    with pytest.raises(ValueError, match="takes images of 16x16 pixels, got 16x32: crop"):
        DCGANDiscriminator(3, 16, width=1)(torch.randn(2, 3, 16, 32))
