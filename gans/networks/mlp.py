"""Fully connected generator and discriminator: the first GAN's, and those of 2-d points."""

from __future__ import annotations

from math import prod

from torch import Tensor, nn

from gans.networks.conditioning import Projection, join_labels
from gans.networks.sizes import Side, height_and_width, refuse_other_size, refuse_under_one


class MLPGenerator(nn.Module):
    """Latents to images by linear layers with ReLU.

    Paper: Goodfellow et al. 2014, arXiv:1406.2661. With classes the latent is joined with the one-hot label
    (Mirza & Osindero 2014, arXiv:1411.1784). A point in the plane is an image of one pixel and two channels.

    Args:
        latent_size: numbers in a latent.
        channels: channels of the images.
        image_size: height and width of the images in pixels, or one number for both, any from 1.
        width: features of the hidden layers.
        layers: number of hidden layers.
        classes: number of classes, 0 for a generator without condition.
        bounded: end in tanh, as images in (-1, 1) want; False leaves the values as they are, for points.

    Shape:
        latents (N, latent_size) and labels (N,) int64 to (N, channels, height, width).

    Raises:
        ValueError: if a number is under 1, or in forward if there are classes and no labels.
    """

    def __init__(
        self,
        latent_size: int,
        channels: int,
        image_size: Side,
        width: int = 256,
        layers: int = 2,
        classes: int = 0,
        bounded: bool = True,
    ) -> None:
        super().__init__()
        sides = height_and_width(image_size)
        refuse_under_one(
            latent_size=latent_size, channels=channels, image_size=min(sides), width=width, layers=layers
        )
        self.classes = classes
        self.shape = (channels, *sides)
        self.stages = nn.Sequential()
        for features in [latent_size + classes, *[width] * (layers - 1)]:
            self.stages.extend([nn.Linear(features, width), nn.ReLU(inplace=True)])
        self.stages.append(nn.Linear(width, prod(self.shape)))
        if bounded:
            self.stages.append(nn.Tanh())

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Make images (N, channels, height, width) of latents (N, latent_size) and labels (N,)."""
        pixels: Tensor = self.stages(join_labels(latents, labels, self.classes))
        return pixels.view(-1, *self.shape)


class MLPDiscriminator(nn.Module):
    """Images to one raw score each by linear layers with LeakyReLU 0.2, without normalisation.

    Paper: Goodfellow et al. 2014, arXiv:1406.2661, whose maxout units and dropout it leaves out. With classes
    the product of the last features with a vector of the class is added to the score (Miyato & Koyama 2018,
    arXiv:1802.05637).

    Args:
        channels: channels of the images.
        image_size: height and width of the images in pixels, or one number for both, any from 1.
        width: features of the hidden layers.
        layers: number of hidden layers.
        classes: number of classes, 0 for a discriminator without condition.

    Shape:
        images (N, channels, height, width) and labels (N,) int64 to (N,), higher meaning more real.

    Raises:
        ValueError: if a number is under 1, or in forward if the images are of another size, or there are
            classes and no labels.
    """

    def __init__(
        self, channels: int, image_size: Side, width: int = 256, layers: int = 2, classes: int = 0
    ) -> None:
        super().__init__()
        sides = height_and_width(image_size)
        refuse_under_one(channels=channels, image_size=min(sides), width=width, layers=layers)
        self.image_size = image_size
        self.stages = nn.Sequential(nn.Flatten())
        for features in [channels * prod(sides), *[width] * (layers - 1)]:
            self.stages.extend([nn.Linear(features, width), nn.LeakyReLU(0.2, inplace=True)])
        self.score = nn.Linear(width, 1)
        self.projection = Projection(width, classes)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Score images (N, channels, height, width), of labels (N,): (N,)."""
        refuse_other_size(images, self.image_size)
        features = self.stages(images)
        scores: Tensor = self.score(features).squeeze(1) + self.projection(features, labels)
        return scores
