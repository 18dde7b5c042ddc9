"""The networks of StarGAN v2 (Choi et al. 2020, arXiv:1912.01865): one generator in any style of any domain.

A style is a vector that steers the generator. The mapping network makes it of noise, the style encoder reads
it off a picture; both have a head for each domain, as has the discriminator. All heads are computed and one
is taken: the others learn nothing, but weight decay reaches them, as in the authors' program.

Tensors are in the authors' order. Their high-pass filter is a constant here and no part of the state.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gans.networks.norms import InstanceNorm2d
from gans.networks.padding import crop_to, pad_to_multiple
from gans.networks.sizes import SMALLEST_SIZE, doublings, refuse_other_size, refuse_under_one

SLOPE = 0.2  # of all LeakyReLUs
WIDEST = 512
WIDTH_TIMES_SIZE = 1 << 14
COARSE, FINE = (32,), (64, 128)
"""Sides in pixels of the features that the first and the second mask let through."""


def width_for(image_size: int) -> int:
    """Return the published number of channels at the image: the larger, the fewer, at most 512."""
    return min(WIDTH_TIMES_SIZE // image_size, WIDEST)


class StyledGenerator(nn.Module):
    """Image and style to image, by residual blocks that halve it, blocks at the bottom, and blocks back up.

    The encoder's norms have scales and shifts of their own, those of the decoder come from the style. The
    output is not bounded: it may leave [-1, 1]. Fully convolutional: images of any size pass, those whose
    sides are no multiples of `divisor` padded and cropped back.

    With `high_pass`, for faces, decoder blocks have no shortcut, so that nothing but style passes them; what
    an encoder block of 32, 64 or 128 pixels sees is masked, filtered and added to what the decoder has of
    that size. Masks tell where: the first, of eyes, brows, nose, mouth and outline, at 32 pixels, the second,
    of eyes and nose, at 64 and 128. Without masks nothing is added.

    Args:
        channels: channels of the images.
        image_size: height and width of the training images in pixels, a power of two from 16.
        style_size: numbers in a style.
        width: channels at the image, doubled with each halving up to `widest`; by default 2^14 / image_size.
        high_pass: the paper's w_hpf, by which the filter is divided; 0 has none.
        widest: most channels of a layer.

    Shape:
        images (N, channels, H, W) in [-1, 1], styles (N, style_size) and masks (N, 2, h, w) in [0, 1] to
        (N, channels, H, W).

    Raises:
        ValueError: if a number is out of range.
    """

    def __init__(
        self,
        channels: int = 3,
        image_size: int = 256,
        style_size: int = 64,
        width: int | None = None,
        high_pass: float = 0.0,
        widest: int = WIDEST,
    ) -> None:
        super().__init__()
        width = width or width_for(image_size)
        refuse_under_one(channels=channels, style_size=style_size, width=width)
        halvings = doublings(image_size) - doublings(SMALLEST_SIZE) + (high_pass > 0)
        self.divisor = 1 << halvings
        widths = _widths(width, halvings, widest)
        levels = [*pairwise(widths), *[(widths[-1], widths[-1])] * 2]
        sides = [image_size >> min(level, halvings) for level in range(len(levels))]
        self.sides = [side if high_pass > 0 and side in COARSE + FINE else 0 for side in sides]
        self.from_image = nn.Conv2d(channels, width, 3, padding=1)
        self.encoder = nn.ModuleList(
            DownBlock(fine, coarse, normed=True, halves=level < halvings)
            for level, (fine, coarse) in enumerate(levels)
        )
        self.decoder = nn.ModuleList(
            StyledUpBlock(coarse, fine, style_size, doubles=level < halvings, shortcut=high_pass == 0)
            for level, (fine, coarse) in reversed(list(enumerate(levels)))
        )
        self.to_image = nn.Sequential(
            InstanceNorm2d(width, affine=True), nn.LeakyReLU(SLOPE), nn.Conv2d(width, channels, 1)
        )
        self.filter = HighPass(high_pass) if high_pass > 0 else None

    def forward(self, images: Tensor, styles: Tensor, masks: Tensor | None = None) -> Tensor:
        """Translate images (N, channels, H, W) into styles (N, style_size)."""
        features = self.from_image(pad_to_multiple(images, self.divisor, 2 * self.divisor))
        seen = []
        for block in self.encoder:
            seen.append(features)
            features = block(features)
        for block, side, passing in zip(self.decoder, self.sides[::-1], seen[::-1], strict=True):
            features = block(features, styles)
            if self.filter is not None and masks is not None and side:
                mask = masks[:, :1] if side in COARSE else masks[:, 1:]
                features = features + self.filter(_resized(mask, like=passing) * passing)
        return crop_to(self.to_image(features), like=images)


class DownBlock(nn.Module):
    """Twice LeakyReLU and a 3x3 convolution, added to the input; the sum is divided by the root of 2.

    Args:
        channels_in: channels of the input; of its convolution, too.
        channels_out: channels of the output.
        normed: whether instance norm with scale and shift comes before either LeakyReLU.
        halves: whether means over 2x2 pixels are taken.

    Shape:
        (N, channels_in, H, W) to (N, channels_out, H, W), or half as high and wide.
    """

    def __init__(self, channels_in: int, channels_out: int, *, normed: bool, halves: bool) -> None:
        super().__init__()
        norm: Callable[[int], nn.Module] = (
            (lambda channels: InstanceNorm2d(channels, affine=True)) if normed else (lambda _: nn.Identity())
        )
        self.halves = halves
        self.conv_1 = nn.Conv2d(channels_in, channels_in, 3, padding=1)
        self.conv_2 = nn.Conv2d(channels_in, channels_out, 3, padding=1)
        self.norm_1, self.norm_2 = norm(channels_in), norm(channels_in)
        self.shortcut = _shortcut(channels_in, channels_out)

    def forward(self, features: Tensor) -> Tensor:
        """Return the features and what the block makes of them."""
        residual = self.conv_1(_activated(self.norm_1(features)))
        past = self.shortcut(features)
        if self.halves:
            residual, past = F.avg_pool2d(residual, 2), F.avg_pool2d(past, 2)
        residual = self.conv_2(_activated(self.norm_2(residual)))
        both: Tensor = past + residual
        return both / 2**0.5


class StyledUpBlock(nn.Module):
    """Twice norm by style, LeakyReLU and a 3x3 convolution, added to the input as in `DownBlock`.

    Args:
        channels_in: channels of the input.
        channels_out: channels of the output.
        style_size: numbers in a style.
        doubles: whether each pixel becomes 2x2.
        shortcut: whether the input passes by the block; its weights are there in any case.

    Shape:
        features (N, channels_in, H, W) and styles (N, style_size) to (N, channels_out, H, W), or twice as
        high and wide.
    """

    def __init__(
        self, channels_in: int, channels_out: int, style_size: int, *, doubles: bool, shortcut: bool
    ) -> None:
        super().__init__()
        self.doubles, self.passes = doubles, shortcut
        self.conv_1 = nn.Conv2d(channels_in, channels_out, 3, padding=1)
        self.conv_2 = nn.Conv2d(channels_out, channels_out, 3, padding=1)
        self.norm_1 = StyleNorm(style_size, channels_in)
        self.norm_2 = StyleNorm(style_size, channels_out)
        self.shortcut = _shortcut(channels_in, channels_out)

    def forward(self, features: Tensor, styles: Tensor) -> Tensor:
        """Return what the block makes of the features in these styles."""
        residual = _activated(self.norm_1(features, styles))
        residual = self.conv_1(_doubled(residual) if self.doubles else residual)
        made: Tensor = self.conv_2(_activated(self.norm_2(residual, styles)))
        if not self.passes:
            return made
        past: Tensor = self.shortcut(_doubled(features) if self.doubles else features)
        return (past + made) / 2**0.5


class StyleNorm(nn.Module):
    """Instance norm by a style: adaptive instance norm, whose scale starts from 1.

    Paper: Huang & Belongie 2017, arXiv:1703.06868.

    Args:
        style_size: numbers in a style.
        channels: channels of the features.

    Shape:
        features (N, channels, H, W) and styles (N, style_size) to (N, channels, H, W).
    """

    def __init__(self, style_size: int, channels: int) -> None:
        super().__init__()
        self.norm = InstanceNorm2d(channels)
        self.linear = nn.Linear(style_size, 2 * channels)

    def forward(self, features: Tensor, styles: Tensor) -> Tensor:
        """Normalise every channel of every image, then scale and shift it as its style says."""
        scale, shift = self.linear(styles)[..., None, None].chunk(2, dim=1)
        normed: Tensor = (1 + scale) * self.norm(features) + shift
        return normed


class HighPass(nn.Module):
    """Keeps what a pixel differs by from those around it: 8 of itself less its eight neighbours.

    Args:
        weight: what the filter is divided by.

    Shape:
        (N, C, H, W) to the same, zeros around it.
    """

    kernel: Tensor

    def __init__(self, weight: float) -> None:
        super().__init__()
        kernel = torch.full((3, 3), -1.0)
        kernel[1, 1] = 8.0
        self.register_buffer("kernel", kernel / weight, persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """Filter every channel by itself."""
        channels = features.shape[1]
        kernel = self.kernel.to(features.dtype).expand(channels, 1, 3, 3)
        return F.conv2d(features, kernel, padding=1, groups=channels)


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
    widths = _widths(width, doublings(image_size), widest)
    layers = [
        nn.Conv2d(channels, width, 3, padding=1),
        *(DownBlock(fine, coarse, normed=False, halves=True) for fine, coarse in pairwise(widths)),
        nn.LeakyReLU(SLOPE),
        nn.Conv2d(widths[-1], widths[-1], 4),
        nn.LeakyReLU(SLOPE),
    ]
    return nn.Sequential(*layers), widths[-1]


def _widths(width: int, halvings: int, widest: int) -> list[int]:
    """Return the channels at the image and after each halving."""
    return [width, *(min(width << level, widest) for level in range(1, halvings + 1))]


def _shortcut(channels_in: int, channels_out: int) -> nn.Module:
    if channels_in == channels_out:
        return nn.Identity()
    return nn.Conv2d(channels_in, channels_out, 1, bias=False)


def _perceptron(widths: list[int]) -> nn.Sequential:
    """Return linear layers of these widths, each followed by ReLU."""
    layers = [part for few, many in pairwise(widths) for part in (nn.Linear(few, many), nn.ReLU())]
    return nn.Sequential(*layers)


def _activated(features: Tensor) -> Tensor:
    return F.leaky_relu(features, negative_slope=SLOPE)


def _doubled(features: Tensor) -> Tensor:
    return F.interpolate(features, scale_factor=2, mode="nearest")


def _resized(mask: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(mask, size=like.shape[-2:], mode="bilinear")


def _taken(every: Tensor, labels: Tensor) -> Tensor:
    """Return of what all heads say (N, domains, ...) what the head of each label (N,) does."""
    return every[torch.arange(every.shape[0], device=every.device), labels]
