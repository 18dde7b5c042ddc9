"""The residual generator and critic of WGAN-GP.

Its official weights are drawn so that ReLU keeps the variance: `initialise(network, "xavier", gain=2**0.5)`.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from gans.networks.conditioning import Projection, join_labels
from gans.networks.norms import Norm, norm_layer
from gans.networks.sizes import SMALLEST_MAP, doublings, refuse_other_size, refuse_under_one

Resampling = Literal["up", "down", "none"]


class ResidualGenerator(nn.Module):
    """Latents to images by residual blocks that double the resolution.

    A linear layer to a 4x4 map, one block for each doubling, batch norm, ReLU and a 3x3 convolution with
    tanh; `width` channels throughout. At 32 pixels this is the paper's CIFAR-10 generator of three blocks.

    Paper: Gulrajani et al. 2017, arXiv:1704.00028, appendix F. With classes the latent is joined with the
    one-hot label (Mirza & Osindero 2014, arXiv:1411.1784).

    Args:
        latent_size: numbers in a latent; 128 in the paper.
        channels: channels of the images.
        image_size: height and width of the images in pixels, a power of two from 16.
        width: channels of the feature maps.
        classes: number of classes, 0 for a generator without condition.

    Shape:
        latents (N, latent_size), in training drawn from N(0, 1), and labels (N,) int64 to
        (N, channels, image_size, image_size) in (-1, 1).

    Raises:
        ValueError: if an argument is out of range, or in forward if there are classes and no labels.
    """

    def __init__(
        self, latent_size: int, channels: int, image_size: int, width: int = 128, classes: int = 0
    ) -> None:
        super().__init__()
        refuse_under_one(latent_size=latent_size, channels=channels, width=width)
        self.classes = classes
        self.project = nn.Linear(latent_size + classes, width * SMALLEST_MAP**2)
        self.blocks = nn.Sequential(
            *(ResampledBlock(width, "batch", "up") for _ in range(doublings(image_size)))
        )
        self.image = nn.Sequential(
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, channels, 3, padding=1),
            nn.Tanh(),
        )

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Make images (N, channels, image_size, image_size) of latents (N, latent_size) and labels (N,)."""
        projected = self.project(join_labels(latents, labels, self.classes))
        features = self.blocks(projected.unflatten(1, (-1, SMALLEST_MAP, SMALLEST_MAP)))
        images: Tensor = self.image(features)
        return images


class ResidualCritic(nn.Module):
    """Images to one raw score each by residual blocks.

    Blocks that halve the resolution down to 8x8, two blocks there, ReLU, the mean over the map and a linear
    layer; `width` channels throughout, and no batch norm, with which a gradient penalty has no meaning. At 32
    pixels this is the paper's CIFAR-10 critic of four blocks.

    Paper: Gulrajani et al. 2017, arXiv:1704.00028, appendix F. With classes the product of the features with
    a vector of the class is added to the score (Miyato & Koyama 2018, arXiv:1802.05637).

    Args:
        channels: channels of the images.
        image_size: height and width of the images in pixels, a power of two from 16.
        width: channels of the feature maps.
        norm: `layer`, which the paper recommends in place of batch norm, or `none`, as its CIFAR-10 critic.
        classes: number of classes, 0 for a critic without condition.

    Shape:
        images (N, channels, image_size, image_size) in [-1, 1] and labels (N,) int64 to scores (N,), higher
        meaning more real.

    Raises:
        ValueError: if an argument is out of range, or in forward if the images are of another size, or there
            are classes and no labels.
    """

    def __init__(
        self,
        channels: int,
        image_size: int,
        width: int = 128,
        norm: Literal["layer", "none"] = "layer",
        classes: int = 0,
    ) -> None:
        super().__init__()
        refuse_under_one(channels=channels, width=width)
        if norm not in ("layer", "none"):
            raise ValueError(f"norm of a critic is {norm!r}: choose layer or none")
        self.image_size = image_size
        halvings = doublings(image_size) - 1  # leaves 8 pixels
        self.blocks = nn.Sequential(
            FirstBlock(channels, width),
            *(ResampledBlock(width, norm, "down") for _ in range(halvings - 1)),
            ResampledBlock(width, norm),
            ResampledBlock(width, norm),
            nn.ReLU(inplace=True),
        )
        self.score = nn.Linear(width, 1)
        self.projection = Projection(width, classes)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Score images (N, channels, image_size, image_size), of labels (N,): (N,)."""
        refuse_other_size(images, self.image_size)
        features = self.blocks(images).mean((2, 3))
        scores: Tensor = self.score(features).squeeze(1) + self.projection(features, labels)
        return scores


class FirstBlock(nn.Module):
    """The critic's block at the image: two convolutions with ReLU between them, at the end means over 2x2.

    No norm and no ReLU come before the first convolution, which would lose what the pixels say.

    Args:
        channels_in: channels of the images.
        channels_out: channels of the features.

    Shape:
        (N, channels_in, H, W) to (N, channels_out, H / 2, W / 2).
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.shortcut = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(channels_in, channels_out, 1))
        self.layers = nn.Sequential(
            nn.Conv2d(channels_in, channels_out, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels_out, channels_out, 3, padding=1),
            nn.AvgPool2d(2),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return features at half the resolution."""
        features: Tensor = self.shortcut(images) + self.layers(images)
        return features


class ResampledBlock(nn.Module):
    """Twice norm, ReLU and a 3x3 convolution, added to the input: the pre-activation residual block.

    Going up, the nearest neighbours are repeated before the first convolution; going down, means over 2x2
    pixels are taken after the second. A 1x1 convolution takes the input past them.

    Papers: He et al. 2016, arXiv:1603.05027, for the order; Gulrajani et al. 2017, arXiv:1704.00028.

    Args:
        channels: channels in and out.
        norm: normalisation before each ReLU, see `gans.networks.norms.norm_layer`.
        resampling: `up` doubles the resolution, `down` halves it.

    Shape:
        (N, channels, H, W) to (N, channels, H, W), or with 2H or H / 2, and W likewise.
    """

    def __init__(self, channels: int, norm: Norm, resampling: Resampling = "none") -> None:
        super().__init__()
        enlarge = [nn.Upsample(scale_factor=2)] if resampling == "up" else []
        shrink = [nn.AvgPool2d(2)] if resampling == "down" else []
        past = [] if resampling == "none" else [nn.Conv2d(channels, channels, 1)]
        self.shortcut = nn.Sequential(*shrink, *past, *enlarge)  # pixelwise: cheapest at the lower resolution
        self.layers = nn.Sequential(
            norm_layer(norm, channels),
            nn.ReLU(inplace=norm != "none"),  # without a norm this is the input itself
            *enlarge,
            nn.Conv2d(channels, channels, 3, padding=1),
            norm_layer(norm, channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1),
            *shrink,
        )

    def forward(self, features: Tensor) -> Tensor:
        """Return the resampled features plus what the block makes of them."""
        resampled: Tensor = self.shortcut(features) + self.layers(features)
        return resampled
