"""StyleGAN2's discriminator."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from gans.networks.equalised import HALF, EqualisedConv2d, EqualisedLinear, minibatch_deviation
from gans.networks.resampling import downsampled, filter_of
from gans.networks.sizes import Side, refuse_under_one
from gans.networks.stylegan2.mapping import Mapping
from gans.networks.stylegan2.sizes import map_channels, map_sizes

DiscriminatorArchitecture = Literal["residual", "skip", "plain"]

LABEL_LAYERS = 8  # of the mapping of classes, however many the generator has


class DiscriminatorBlock(nn.Module):
    """What makes a feature map of half the size from one.

    Args:
        inputs: channels of the features that come in.
        outputs: channels that go out.
        channels: of the image, if it enters here, else 0.
        residual: whether a 1x1 convolution goes past the two others.
    """

    def __init__(self, inputs: int, outputs: int, channels: int, residual: bool) -> None:
        super().__init__()
        self.from_image = EqualisedConv2d(channels, inputs, 1) if channels else None
        self.conv0 = EqualisedConv2d(inputs, inputs, 3)
        self.conv1 = EqualisedConv2d(inputs, outputs, 3, resample="halve", gain=HALF if residual else 1.0)
        self.skip = (
            EqualisedConv2d(inputs, outputs, 1, activation=False, resample="halve", gain=HALF)
            if residual
            else None
        )

    def forward(self, features: Tensor | None, image: Tensor | None) -> Tensor:
        """Return features of half the size; the image, where it enters, is added to those that come in."""
        features = entered(self.from_image, features, image)
        made: Tensor = self.conv1(self.conv0(features))
        return made if self.skip is None else made + self.skip(features)


class Epilogue(nn.Module):
    """What makes a score, or features, of the last and smallest map and the variety of the batch.

    Args:
        inputs: channels of the map.
        size: its height and width.
        channels: of the image, if it enters here, else 0.
        group: images over which variety is measured; 0 measures none.
        deviations: channels that tell it.
        outputs: numbers that go out.
    """

    def __init__(
        self, inputs: int, size: tuple[int, int], channels: int, group: int, deviations: int, outputs: int
    ) -> None:
        super().__init__()
        self.group, self.deviations = group, deviations if group else 0
        self.from_image = EqualisedConv2d(channels, inputs, 1) if channels else None
        self.conv = EqualisedConv2d(inputs + self.deviations, inputs, 3)
        self.hidden = EqualisedLinear(inputs * size[0] * size[1], inputs, activation=True)
        self.out = EqualisedLinear(inputs, outputs)

    def forward(self, features: Tensor, image: Tensor | None) -> Tensor:
        """Return (N, outputs)."""
        features = entered(self.from_image, features, image)
        if self.deviations:
            deviation = minibatch_deviation(features, self.group, self.deviations)
            features = torch.cat([features, deviation], dim=1)
        made: Tensor = self.out(self.hidden(self.conv(features).flatten(1)))
        return made


class StyleGAN2Discriminator(nn.Module):
    """Images to one raw score each.

    With `residual` a 1x1 convolution goes past each block; with `skip` the image enters every block, halved
    under a filter; with `plain` neither. With classes the score is the product of features and the mapped
    class, divided by the root of their number (Miyato & Koyama 2018, arXiv:1802.05637).

    Paper: Karras et al. 2020, arXiv:1912.04958.

    Args:
        channels: of the images.
        image_size: their side in pixels, or height and width, see `map_sizes`.
        width: channels times side of a feature map, see `map_channels`.
        most_channels: of a feature map.
        classes: number of classes; 0 for a discriminator without condition.
        architecture: `residual`, as in the paper, `skip` or `plain`.
        group: images over which the variety of a batch is measured, see `minibatch_deviation`; 0 for none, so
            that no score depends on the rest of the batch.
        deviations: channels that tell it.

    Shape:
        images (N, channels, height, width) in [-1, 1] and labels (N,) of int64 to scores (N,), higher meaning
        more real.

    Raises:
        ValueError: if an argument is out of range, or in forward if images have another size, groups do not
            divide the batch, or there are classes and no labels.
    """

    filter: Tensor

    def __init__(
        self,
        channels: int = 3,
        image_size: Side = 256,
        width: int = 16384,
        most_channels: int = 512,
        classes: int = 0,
        architecture: DiscriminatorArchitecture = "residual",
        group: int = 4,
        deviations: int = 1,
    ) -> None:
        super().__init__()
        refuse_under_one(channels=channels)
        if architecture not in get_args(DiscriminatorArchitecture):
            raise ValueError(
                f"model.discriminator_architecture is {architecture!r}: it is one of "
                f"{', '.join(get_args(DiscriminatorArchitecture))}."
            )
        self.classes, self.skips = classes, architecture == "skip"
        sizes = map_sizes(image_size)[::-1]
        widths = map_channels(len(sizes), width, most_channels)[::-1]
        self.size = sizes[0]
        self.blocks = nn.ModuleList(
            DiscriminatorBlock(*pair, channels if self.skips or first else 0, architecture == "residual")
            for pair, first in zip(pairwise(widths), [True, *[False] * len(sizes)], strict=False)
        )
        if classes:
            self.mapping = Mapping(0, widths[-1], LABEL_LAYERS, classes)
        self.epilogue = Epilogue(
            widths[-1],
            sizes[-1],
            channels if self.skips else 0,
            group,
            deviations,
            widths[-1] if classes else 1,
        )
        self.register_buffer("filter", filter_of(), persistent=False)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Score images (N, channels, height, width), of labels (N,): (N,)."""
        self._refuse_other_size(images)
        features: Tensor | None = None
        image: Tensor | None = images
        for block in self.blocks:
            features = block(features, image)
            image = downsampled(image, self.filter) if self.skips and image is not None else None
        scores: Tensor = self.epilogue(features, image)
        if not self.classes:
            return scores.squeeze(1)
        mapped: Tensor = self.mapping(None, labels)
        return (scores * mapped).sum(1) / math.sqrt(mapped.shape[1])

    def _refuse_other_size(self, images: Tensor) -> None:
        if tuple(images.shape[-2:]) != self.size:
            raise ValueError(
                f"this network takes images of {self.size[0]}x{self.size[1]} pixels, got "
                f"{images.shape[-2]}x{images.shape[-1]}: crop them, or build it with their size as image_size"
            )


def entered(from_image: EqualisedConv2d | None, features: Tensor | None, image: Tensor | None) -> Tensor:
    """Return features with those of the image added, where it enters."""
    if from_image is None:
        assert features is not None
        return features
    own: Tensor = from_image(image)
    return own if features is None else features + own
