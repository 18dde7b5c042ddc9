"""The networks of StarGAN v2 that have a head for each domain: mapping, style encoder and discriminator.

All heads are computed and one is taken: the others learn nothing, but weight decay reaches them, as in the
authors' program.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from gans.networks.sizes import doublings, refuse_other_size, refuse_under_one
from gans.networks.stargan_v2.blocks import SLOPE, WIDEST, DownBlock, width_for, widths_of


class MappingNetwork(nn.Module):
    """Noise to the style of a domain: four linear layers for all domains, then four of the domain's own.

    Args:
        latent_size: numbers in a latent.
        style_size: numbers in a style.
        domains: number of domains.
        width: numbers in the layers between.

    Shape:
        latents (N, latent_size), in training drawn from N(0, 1), and labels (N,) int64 to (N, style_size).

    Raises:
        ValueError: if a number is out of range.
    """

    def __init__(
        self, latent_size: int = 16, style_size: int = 64, domains: int = 2, width: int = 512
    ) -> None:
        super().__init__()
        refuse_under_one(latent_size=latent_size, style_size=style_size, domains=domains, width=width)
        self.shared = _perceptron([latent_size, *[width] * 4])
        self.heads = nn.ModuleList(
            nn.Sequential(*_perceptron([width] * 4), nn.Linear(width, style_size)) for _ in range(domains)
        )

    def forward(self, latents: Tensor, labels: Tensor) -> Tensor:
        """Return styles (N, style_size) of the domains that labels (N,) name."""
        features = self.shared(latents)
        return _taken(torch.stack([head(features) for head in self.heads], dim=1), labels)


class StyleEncoder(nn.Module):
    """Reads off a picture the style that it has in its domain.

    Args:
        channels: channels of the images.
        image_size: their height and width in pixels, a power of two from 16.
        style_size: numbers in a style.
        domains: number of domains.
        width: channels at the image, doubled with each halving up to `widest`; by default 2^14 / image_size.
        widest: most channels of a layer.

    Shape:
        images (N, channels, image_size, image_size) in [-1, 1] and labels (N,) int64 to (N, style_size).

    Raises:
        ValueError: if a number is out of range, or in forward if the images have another size.
    """

    def __init__(
        self,
        channels: int = 3,
        image_size: int = 256,
        style_size: int = 64,
        domains: int = 2,
        width: int | None = None,
        widest: int = WIDEST,
    ) -> None:
        super().__init__()
        self.image_size = image_size
        refuse_under_one(style_size=style_size, domains=domains)
        self.features, features = _to_features(channels, image_size, width, widest)
        self.heads = nn.ModuleList(nn.Linear(features, style_size) for _ in range(domains))

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """Return styles (N, style_size) of images (N, channels, H, W) of the domains in labels (N,)."""
        refuse_other_size(images, self.image_size)
        features = self.features(images).flatten(1)
        return _taken(torch.stack([head(features) for head in self.heads], dim=1), labels)


class DomainDiscriminator(nn.Module):
    """Tells real pictures of a domain from fake ones, with a score for each domain.

    Args:
        channels: channels of the images.
        image_size: their height and width in pixels, a power of two from 16.
        domains: number of domains.
        width: channels at the image, doubled with each halving up to `widest`; by default 2^14 / image_size.
        widest: most channels of a layer.

    Shape:
        images (N, channels, image_size, image_size) in [-1, 1] and labels (N,) int64 to scores (N,), higher
        meaning more real.

    Raises:
        ValueError: if a number is out of range, or in forward if the images have another size.
    """

    def __init__(
        self,
        channels: int = 3,
        image_size: int = 256,
        domains: int = 2,
        width: int | None = None,
        widest: int = WIDEST,
    ) -> None:
        super().__init__()
        self.image_size = image_size
        refuse_under_one(domains=domains)
        self.features, features = _to_features(channels, image_size, width, widest)
        self.heads = nn.Conv2d(features, domains, 1)

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """Score images (N, channels, H, W) as pictures of the domains in labels (N,): (N,)."""
        refuse_other_size(images, self.image_size)
        return _taken(self.heads(self.features(images)).flatten(1), labels)


def _to_features(channels: int, image_size: int, width: int | None, widest: int) -> tuple[nn.Sequential, int]:
    """Return layers from images (N, channels, H, W) to (N, features, 1, 1), and that number of features."""
    width = width or width_for(image_size)
    refuse_under_one(channels=channels, width=width)
    widths = widths_of(width, doublings(image_size), widest)
    layers = [
        nn.Conv2d(channels, width, 3, padding=1),
        *(DownBlock(fine, coarse, normed=False, halves=True) for fine, coarse in pairwise(widths)),
        nn.LeakyReLU(SLOPE),
        nn.Conv2d(widths[-1], widths[-1], 4),
        nn.LeakyReLU(SLOPE),
    ]
    return nn.Sequential(*layers), widths[-1]


def _perceptron(widths: list[int]) -> nn.Sequential:
    """Return linear layers of these widths, each followed by ReLU."""
    layers = [part for few, many in pairwise(widths) for part in (nn.Linear(few, many), nn.ReLU())]
    return nn.Sequential(*layers)


def _taken(every: Tensor, labels: Tensor) -> Tensor:
    """Return of what all heads say (N, domains, ...) what the head of each label (N,) does."""
    return every[torch.arange(every.shape[0], device=every.device), labels]
