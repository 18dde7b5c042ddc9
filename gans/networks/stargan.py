"""The networks of StarGAN (Choi et al. 2018, arXiv:1711.09020): one generator for all domains.

Its instance norm has scale and shift. The official one also gathers running statistics, but the official
program never leaves training mode, so that nothing ever reads them: every image is normalised by its own
statistics, in training and afterwards. Here there are none; of an official checkpoint, `running_mean`,
`running_var` and `num_batches_tracked` are to be left out, and all else agrees in order and shape.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from gans.networks.norms import InstanceNorm2d
from gans.networks.padding import crop_to, pad_to_multiple

MOST_LAYERS = 6  # of the discriminator, the paper's number
SLOPE = 0.01  # of the discriminator's LeakyReLU


class StarGANGenerator(nn.Module):
    """Image and target label to image, by residual blocks at a quarter of the resolution.

    The label is tiled over the image and joined to its channels. Fully convolutional: images of any size
    pass, those whose sides are no multiples of the resolution's divisor padded and cropped back.

    Args:
        channels: channels of the images.
        labels: length K of a label, the mask over several data sets included.
        width: channels after the stem; doubled by each stride-2 convolution.
        blocks: number of residual blocks, 0 or more.
        downsamplings: stride-2 convolutions before the blocks, 0 or more, and as many transposed ones after
            them; 2 in the paper. Fewer keep more detail of small images.

    Shape:
        (N, channels, H, W) in [-1, 1] and (N, K) to (N, channels, H, W) in (-1, 1).

    Raises:
        ValueError: if a number is out of range.
    """

    def __init__(
        self,
        channels: int = 3,
        labels: int = 5,
        width: int = 64,
        blocks: int = 6,
        downsamplings: int = 2,
    ) -> None:
        super().__init__()
        if min(channels, labels, width) < 1 or min(blocks, downsamplings) < 0:
            raise ValueError(
                f"channels, labels and width of a generator must be 1 or more, blocks and downsamplings 0 or "
                f"more, got {channels} channels, {labels} labels, a width of {width}, {blocks} blocks and "
                f"{downsamplings} downsamplings"
            )
        self.labels = labels
        self.divisor = 1 << downsamplings
        widths = [width << level for level in range(downsamplings + 1)]
        down = [
            part
            for fine, coarse in pairwise(widths)
            for part in (
                nn.Conv2d(fine, coarse, 4, stride=2, padding=1, bias=False),
                *_norm_and_relu(coarse),
            )
        ]
        up = [
            part
            for coarse, fine in pairwise(widths[::-1])
            for part in (
                nn.ConvTranspose2d(coarse, fine, 4, stride=2, padding=1, bias=False),
                *_norm_and_relu(fine),
            )
        ]
        stem = nn.Conv2d(channels + labels, width, 7, padding=3, bias=False)
        self.encoder = nn.Sequential(stem, *_norm_and_relu(width), *down)
        self.blocks = nn.Sequential(*(_ResidualBlock(widths[-1]) for _ in range(blocks)))
        self.decoder = nn.Sequential(*up, nn.Conv2d(width, channels, 7, padding=3, bias=False), nn.Tanh())

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """Translate images (N, channels, H, W) to what the labels (N, K) say."""
        padded = pad_to_multiple(images, self.divisor, self.divisor)
        tiled = labels.to(padded.dtype)[:, :, None, None].expand(-1, -1, *padded.shape[2:])
        features = self.encoder(torch.cat([padded, tiled], dim=1))
        return crop_to(self.decoder(self.blocks(features)), like=images)


class StarGANDiscriminator(nn.Module):
    """Tells real patches from fake ones, and which attributes an image has.

    Stride-2 convolutions without norm, each doubling the channels, with two heads: one score per patch, and
    one logit per attribute from the whole map.

    Args:
        channels: channels of the images.
        labels: number K of attributes, those of all data sets.
        image_size: edge in pixels of the training images; the second head is as large as what is left of it.
        width: channels after the first convolution.
        layers: stride-2 convolutions; by default as many as leave a map of 2x2 or a little more, at most 6,
            which the paper has for 128 pixels.

    Shape:
        (N, channels, H, W), H and W at least `image_size`, to scores (N, 1, h, w) and logits (N, K), which
        are averaged over all places where the image is larger.

    Raises:
        ValueError: if the image is too small, or a number out of range.
    """

    def __init__(
        self,
        channels: int = 3,
        labels: int = 5,
        image_size: int = 128,
        width: int = 64,
        layers: int | None = None,
    ) -> None:
        super().__init__()
        layers = layers_for(image_size) if layers is None else layers
        rest = image_size >> layers
        if min(channels, labels, width, layers, rest) < 1:
            raise ValueError(
                f"a discriminator with {layers} stride-2 convolutions of {channels} channels, {labels} "
                f"labels and a width of {width} cannot judge images of {image_size} pixels"
            )
        outputs = [width << layer for layer in range(layers)]
        self.features = nn.Sequential(
            *(
                part
                for entering, leaving in zip([channels, *outputs], outputs, strict=False)
                for part in (nn.Conv2d(entering, leaving, 4, stride=2, padding=1), nn.LeakyReLU(SLOPE))
            )
        )
        self.source = nn.Conv2d(outputs[-1], 1, 3, padding=1, bias=False)
        self.attributes = nn.Conv2d(outputs[-1], labels, rest, bias=False)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scores (N, 1, h, w) of patches and the logits (N, K) of attributes."""
        features = self.features(images)
        return self.source(features), self.attributes(features).mean(dim=(2, 3))


def layers_for(image_size: int) -> int:
    """Return how many halvings leave 2 or 3 pixels of an image, between 1 and the paper's 6."""
    return max(1, min(MOST_LAYERS, image_size.bit_length() - 2))


class _ResidualBlock(nn.Module):
    """Two 3x3 convolutions, zero-padded, added to their input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            *_norm_and_relu(channels),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            InstanceNorm2d(channels, affine=True),
        )

    def forward(self, features: Tensor) -> Tensor:
        residual: Tensor = self.layers(features)
        return features + residual


def _norm_and_relu(channels: int) -> list[nn.Module]:
    return [InstanceNorm2d(channels, affine=True), nn.ReLU(inplace=True)]
