"""The generator and the discriminator of R3GAN: residual blocks, and neither norms nor styles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gans.networks.resampling import FilteredDoubling, FilteredHalving
from gans.networks.sizes import SMALLEST_MAP, refuse_other_size, refuse_under_one

Layer = TypeVar("Layer", nn.Conv2d, nn.Linear)

EXPANSION = 2  # a block's inner channels for each of its own
SLOPE = 0.2  # of LeakyReLU for negative numbers
GAIN = math.sqrt(2 / (1 + SLOPE**2))  # by which LeakyReLU keeps the variance


class R3GANGenerator(nn.Module):
    """Latents to images: a learnt 4x4 map scaled by the latent, then stages of residual blocks.

    Between two stages the resolution doubles by linear interpolation, after a 1x1 convolution where the
    width changes; a last 1x1 convolution makes the image. Nothing is normalised and nothing bounds the image.
    At the start every block is the identity.

    Paper: Huang et al. 2024, arXiv:2501.05441, configuration E.

    Args:
        widths: channels of each stage, from 4x4 pixels up; their number decides the size of the images.
        blocks: residual blocks of each stage.
        latent_size: numbers in a latent.
        channels: channels of the images.
        group_width: inner channels of a block that one group of its 3x3 convolution sees.
        classes: number of classes, of which each has a learnt vector of `latent_size` numbers that is
            appended to the latent; 0 for a generator without condition.

    Shape:
        latents (N, latent_size), in training drawn from N(0, 1), and labels (N,) int64 to
        (N, channels, S, S), S being 4 doubled for each stage after the first.

    Raises:
        ValueError: if an argument is out of range, or in forward if there are classes and no labels.
    """

    def __init__(
        self,
        widths: Sequence[int],
        blocks: Sequence[int],
        latent_size: int = 64,
        channels: int = 3,
        group_width: int = 16,
        classes: int = 0,
    ) -> None:
        super().__init__()
        refuse_under_one(latent_size=latent_size, channels=channels)
        _refuse_stages(widths, blocks, group_width)
        self.vectors = ClassVectors(classes, latent_size) if classes else None
        entering = latent_size + (latent_size if classes else 0)
        self.stages = nn.Sequential()
        for number, (width, count) in enumerate(zip(widths, blocks, strict=True)):
            before = _enlarging(widths[number - 1], width) if number else _Start(entering, width)
            self.stages.append(nn.Sequential(before, *_residual(width, count, group_width, sum(blocks))))
        self.image = _pointwise(widths[-1], channels)

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Make images of latents (N, latent_size) and labels (N,)."""
        if self.vectors is not None:
            latents = torch.cat([latents, self.vectors(labels)], dim=1)
        images: Tensor = self.image(self.stages(latents))
        return images


class R3GANDiscriminator(nn.Module):
    """Images to one raw score each: the generator mirrored.

    A 1x1 convolution, stages of residual blocks between which the resolution is halved by the same filter,
    and a linear layer over the 4x4 map after each channel has been weighed over it. With classes that layer
    gives a vector, whose product with a learnt one of the class is the score.

    Paper: Huang et al. 2024, arXiv:2501.05441, configuration E.

    Args:
        widths: channels of each stage, from 4x4 pixels up; as the generator's.
        blocks: residual blocks of each stage, likewise.
        channels: channels of the images.
        group_width: inner channels of a block that one group of its 3x3 convolution sees.
        classes: number of classes, 0 for a discriminator without condition.
        identity: whether every block is the identity at the start, its last convolution being 0; spectral
            norm would divide that by its largest singular value, 0.

    Shape:
        images (N, channels, S, S) of any range and labels (N,) int64 to scores (N,), higher meaning more
        real; S is 4 doubled for each stage after the first.

    Raises:
        ValueError: if an argument is out of range, or in forward if the images are of another size, or there
            are classes and no labels.
    """

    def __init__(
        self,
        widths: Sequence[int],
        blocks: Sequence[int],
        channels: int = 3,
        group_width: int = 16,
        classes: int = 0,
        identity: bool = True,
    ) -> None:
        super().__init__()
        refuse_under_one(channels=channels)
        _refuse_stages(widths, blocks, group_width)
        self.image_size = SMALLEST_MAP << (len(widths) - 1)
        self.features = _pointwise(channels, widths[-1])
        self.stages = nn.Sequential()
        for number in reversed(range(len(widths))):
            width = widths[number]
            after = [_shrinking(width, widths[number - 1])] if number else []
            inner = _residual(width, blocks[number], group_width, sum(blocks), identity)
            self.stages.append(nn.Sequential(*inner, *after))
        deepest = widths[0]
        self.weigh = _drawn(nn.Conv2d(deepest, deepest, SMALLEST_MAP, groups=deepest, bias=False))
        self.score = _drawn(nn.Linear(deepest, deepest if classes else 1, bias=False))
        self.vectors = ClassVectors(classes, deepest, 1 / math.sqrt(deepest)) if classes else None

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Score images (N, channels, S, S), of labels (N,): (N,)."""
        refuse_other_size(images, self.image_size)
        scores: Tensor = self.score(self.weigh(self.stages(self.features(images))).flatten(1))
        return scores.squeeze(1) if self.vectors is None else (scores * self.vectors(labels)).sum(1)


class ClassVectors(nn.Linear):
    """A learnt vector for each class: a linear layer of the one-hot label, without bias.

    Args:
        classes: their number.
        size: numbers in a vector.
        gain: factor on the standard deviation at the start, 1 / sqrt(classes).

    Shape:
        labels (N,) int64 to (N, size).

    Raises:
        ValueError: in forward, if there are no labels.
    """

    def __init__(self, classes: int, size: int, gain: float = 1.0) -> None:
        super().__init__(classes, size, bias=False)
        _drawn(self, gain)

    def forward(self, labels: Tensor | None) -> Tensor:
        """Return the vectors of labels."""
        if labels is None:
            raise ValueError(
                f"this network tells {self.in_features} classes apart: give it a label for each image, or "
                "build it with classes=0"
            )
        return super().forward(F.one_hot(labels, self.in_features).to(self.weight.dtype))


class _Start(nn.Module):
    """A learnt 4x4 map of each channel, times a number that a linear layer makes of the latent."""

    def __init__(self, latent_size: int, width: int) -> None:
        super().__init__()
        self.map = nn.Parameter(torch.randn(width, SMALLEST_MAP, SMALLEST_MAP))
        self.scale = _drawn(nn.Linear(latent_size, width, bias=False))

    def forward(self, latents: Tensor) -> Tensor:
        scales: Tensor = self.scale(latents)
        return self.map * scales[..., None, None]


class R3Block(nn.Module):
    """A residual block: 1x1, grouped 3x3 and 1x1 convolution, LeakyReLU after the first two, added to x.

    Args:
        width: channels in and out; twice as many inside.
        group_width: inner channels that a group of the 3x3 convolution sees.
        of: blocks of the whole network, by whose number the initial weights are damped
            (Zhang et al. 2019, arXiv:1901.09321).
        identity: whether the last convolution begins with zeros.

    Shape:
        (N, width, H, W) to the same.
    """

    def __init__(self, width: int, group_width: int, of: int, identity: bool = True) -> None:
        super().__init__()
        inner = EXPANSION * width
        gain = GAIN * of**-0.25  # three layers in a block: -1 / (2 * 3 - 2)
        self.layers = nn.Sequential(
            _drawn(nn.Conv2d(width, inner, 1), gain),
            nn.LeakyReLU(SLOPE, inplace=True),
            _drawn(nn.Conv2d(inner, inner, 3, padding=1, groups=inner // group_width), gain),
            nn.LeakyReLU(SLOPE, inplace=True),
            _drawn(nn.Conv2d(inner, width, 1, bias=False), 0.0 if identity else gain),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Return the features plus what the block makes of them."""
        changed: Tensor = features + self.layers(features)
        return changed


def _residual(width: int, count: int, group_width: int, of: int, identity: bool = True) -> list[R3Block]:
    return [R3Block(width, group_width, of, identity) for _ in range(count)]


def _enlarging(width: int, to: int) -> nn.Sequential:
    """Double the resolution after the width has changed: cheapest at the lower resolution."""
    return nn.Sequential(*_changed(width, to), FilteredDoubling(to))


def _shrinking(width: int, to: int) -> nn.Sequential:
    return nn.Sequential(FilteredHalving(width), *_changed(width, to))


def _changed(width: int, to: int) -> list[nn.Module]:
    return [] if width == to else [_pointwise(width, to)]


def _pointwise(width: int, to: int) -> nn.Conv2d:
    return _drawn(nn.Conv2d(width, to, 1, bias=False))


def _drawn(layer: Layer, gain: float = 1.0) -> Layer:
    """Draw a layer's weights from N(0, gain / sqrt(what enters an output)), its biases being 0."""
    nn.init.normal_(layer.weight, 0.0, gain / math.sqrt(layer.weight[0].numel()))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def _refuse_stages(widths: Sequence[int], blocks: Sequence[int], group_width: int) -> None:
    refuse_under_one(group_width=group_width, widths=min(widths, default=0), blocks=min(blocks, default=0))
    if len(widths) != len(blocks):
        raise ValueError(
            f"there are {len(widths)} widths and {len(blocks)} numbers of blocks: give one of each for every "
            "stage, from 4x4 pixels up"
        )
    for width in widths:
        if EXPANSION * width % group_width:
            raise ValueError(
                f"a block of {width} channels has {EXPANSION * width} inside, which groups of {group_width} "
                "do not divide: choose another group_width, or widths that are multiples of half of it"
            )
