"""A discriminator that looks at an image in several resolutions."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from gans.networks.adain import ConvBlock
from gans.networks.joined import forward_joined


class MultiScaleDiscriminator(nn.Module):
    """Patch scores of the image, of its half, of its quarter and so on, each by a network of its own.

    Each judge is `layers` stride-2 convolutions, 4x4 with reflection padding and LeakyReLU 0.2, without
    normalisation, and a 1x1 convolution. Scores are raw, higher means more real.

    Paper: MUNIT (Huang et al. 2018, arXiv:1804.04732), after pix2pixHD (Wang et al. 2018, arXiv:1711.11585).

    Args:
        channels: channels of the images.
        width: channels after the first convolution; doubled by each further layer.
        layers: stride-2 convolutions of each judge.
        scales: number of resolutions.

    Attributes:
        judges: one network per resolution, from the whole image downwards.
        smallest_size: the least height and width of an image in pixels.

    Shape:
        (N, channels, H, W) to `scales` maps (N, 1, h, w), where h of the first is H // 2^layers.

    Raises:
        ValueError: if a number is below 1, or in forward if an image is smaller than `smallest_size`.
    """

    def __init__(self, channels: int, width: int = 64, layers: int = 4, scales: int = 3) -> None:
        super().__init__()
        if min(channels, width, layers, scales) < 1:
            raise ValueError(
                f"channels {channels}, width {width}, layers {layers} and scales {scales} of a multi-scale "
                "discriminator are 1 or more"
            )
        # The last judge needs 2^layers pixels, and pooling rounds upwards.
        self.smallest_size = (2**layers - 1) * 2 ** (scales - 1) + 1
        self.judges = nn.ModuleList(_judge(channels, width, layers) for _ in range(scales))
        self._halve = nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Score the patches of (N, channels, H, W) at every scale: maps (N, 1, h, w)."""
        return tuple(scores for (scores,) in self.scores(images))

    def scores(self, *batches: Tensor) -> list[tuple[Tensor, ...]]:
        """Return, for every scale, the scores of each batch of images, which share a forward if they can."""
        pyramids = zip(*(self._pyramid(images) for images in batches), strict=True)
        return [forward_joined(judge, *seen) for judge, seen in zip(self.judges, pyramids, strict=True)]

    def _pyramid(self, images: Tensor) -> list[Tensor]:
        """Return images (N, C, H, W) in as many resolutions as judges; each is half of the one before."""
        height, width = images.shape[-2:]
        if min(height, width) < self.smallest_size:
            raise ValueError(
                f"this discriminator needs images of at least {self.smallest_size}x{self.smallest_size} "
                f"pixels, got {height}x{width}: take fewer scales or layers, or larger images"
            )
        resolutions = [images]
        while len(resolutions) < len(self.judges):
            resolutions.append(self._halve(resolutions[-1]))
        return resolutions


def _judge(channels: int, width: int, layers: int) -> nn.Sequential:
    widths = [channels, *(width * 2**layer for layer in range(layers))]
    return nn.Sequential(
        *(
            ConvBlock(narrow, wide, 4, stride=2, activation=nn.LeakyReLU(0.2, inplace=True))
            for narrow, wide in pairwise(widths)
        ),
        nn.Conv2d(widths[-1], 1, 1),
    )
