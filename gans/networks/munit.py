"""The autoencoder of MUNIT, which takes an image apart into content and style."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gans.networks.adain import ContentBlock, ConvBlock, ImageNorm, StyledBlock
from gans.networks.norms import InstanceNorm2d
from gans.networks.padding import crop_to, pad_to_multiple

STYLE_HALVINGS = 4
STYLE_SMALLEST = 2**STYLE_HALVINGS  # leaves the last reflection padding two pixels


class Codes(NamedTuple):
    """What an image consists of: content (N, C, h, w), what is where, and style (N, style_size)."""

    content: Tensor
    style: Tensor


class ContentEncoder(nn.Sequential):
    """Halves an image several times and transforms it by residual blocks; instance norm takes the style out.

    Args:
        channels: channels of the images.
        width: channels after the first convolution; doubled by each halving.
        halvings: number of stride-2 convolutions.
        blocks: number of residual blocks.

    Shape:
        (N, channels, H, W) to (N, width 2^halvings, H / 2^halvings, W / 2^halvings).
    """

    def __init__(self, channels: int, width: int, halvings: int, blocks: int) -> None:
        features = width * 2**halvings
        super().__init__(
            _content_layer(channels, width, 7, 1),
            *(_content_layer(width * 2**i, width * 2 ** (i + 1), 4, 2) for i in range(halvings)),
            *(ContentBlock(features) for _ in range(blocks)),
        )


def _content_layer(channels_in: int, channels_out: int, kernel: int, stride: int) -> ConvBlock:
    norm = InstanceNorm2d(channels_out)
    return ConvBlock(channels_in, channels_out, kernel, stride, norm, nn.ReLU(inplace=True))


class StyleEncoder(nn.Sequential):
    """Four halvings without normalisation, which would take the style out, and the mean over all pixels.

    Args:
        channels: channels of the images.
        width: channels after the first convolution; doubled by the first two halvings.
        style_size: length of the style code.

    Shape:
        (N, channels, H, W), sides of at least 16, to (N, style_size).
    """

    def __init__(self, channels: int, width: int, style_size: int) -> None:
        widths = [width * 2 ** min(i, 2) for i in range(STYLE_HALVINGS + 1)]
        super().__init__(
            ConvBlock(channels, width, 7, activation=nn.ReLU(inplace=True)),
            *(
                ConvBlock(narrow, wide, 4, stride=2, activation=nn.ReLU(inplace=True))
                for narrow, wide in pairwise(widths)
            ),
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(widths[-1], style_size, 1),
            nn.Flatten(),
        )


class StyledDecoder(nn.Module):
    """Residual blocks whose adaptive instance norms bring the style in, then upsampling to an image.

    Args:
        channels: channels of the images.
        width: channels before the last convolution.
        doublings: nearest upsamplings by 2, each before a 5x5 convolution.
        blocks: number of residual blocks.

    Attributes:
        parameters_needed: numbers per image that bring the style into all blocks.

    Shape:
        content (N, width 2^doublings, h, w) and parameters (N, parameters_needed) to (N, channels,
        h 2^doublings, w 2^doublings) in (-1, 1).
    """

    def __init__(self, channels: int, width: int, doublings: int, blocks: int) -> None:
        super().__init__()
        features = width * 2**doublings
        self.blocks = nn.ModuleList(StyledBlock(features) for _ in range(blocks))
        self.parameters_needed = blocks * 4 * features
        stages: list[nn.Module] = []
        for _ in range(doublings):
            half = features // 2
            stages += [
                nn.Upsample(scale_factor=2, mode="nearest"),
                ConvBlock(features, half, 5, norm=ImageNorm(half), activation=nn.ReLU(inplace=True)),
            ]
            features = half
        self.stages = nn.Sequential(*stages, ConvBlock(features, channels, 7, activation=nn.Tanh()))

    def forward(self, content: Tensor, parameters: Tensor) -> Tensor:
        """Draw the content in the style that the parameters describe."""
        shares = parameters.chunk(len(self.blocks), dim=1) if len(self.blocks) else ()
        for block, style in zip(self.blocks, shares, strict=True):
            content = block(content, style)
        images: Tensor = self.stages(content)
        return images


class StyledAutoencoder(nn.Module):
    """MUNIT's networks of one domain: image to content and style, and back.

    A translation is the content of an image of one domain, decoded by the other domain's autoencoder with one
    of that domain's styles. Images of any size pass: those whose sides are too small or do not divide are
    padded by their mirror image, and what is decoded `like` them is cropped back.

    Paper: Huang et al. 2018, arXiv:1804.04732, where width is 64, with two halvings, four blocks in encoder
    and decoder, and a style of 8 numbers.

    Args:
        channels: channels of the domain's images.
        width: channels after the first convolution.
        halvings: stride-2 convolutions of the content encoder, upsamplings of the decoder.
        blocks: residual blocks in the content encoder, and as many in the decoder.
        style_size: length of the style code.
        mlp_width: width of the network that turns a style into scales and shifts.

    Raises:
        ValueError: if a number is out of range.
    """

    def __init__(
        self,
        channels: int,
        width: int = 64,
        halvings: int = 2,
        blocks: int = 4,
        style_size: int = 8,
        mlp_width: int = 256,
    ) -> None:
        super().__init__()
        if min(channels, width, blocks, style_size, mlp_width) < 1 or halvings < 0:
            raise ValueError(
                f"channels {channels}, width {width}, blocks {blocks}, style_size {style_size} and mlp_width "
                f"{mlp_width} of an autoencoder are 1 or more, and halvings {halvings} 0 or more"
            )
        self._multiple = 2**halvings
        self.style_encoder = StyleEncoder(channels, width, style_size)
        self.content_encoder = ContentEncoder(channels, width, halvings, blocks)
        self.decoder = StyledDecoder(channels, width, halvings, blocks)
        self.mlp = nn.Sequential(
            nn.Linear(style_size, mlp_width),
            nn.ReLU(inplace=True),
            nn.Linear(mlp_width, mlp_width),
            nn.ReLU(inplace=True),
            nn.Linear(mlp_width, self.decoder.parameters_needed),
        )

    def encode(self, images: Tensor) -> Codes:
        """Take images (N, channels, H, W) in [-1, 1] apart."""
        return Codes(self.content_of(images), self.style_of(images))

    def content_of(self, images: Tensor) -> Tensor:
        """Return the content (N, width 2^halvings, h, w) of images (N, channels, H, W)."""
        # Reflection padding in the blocks needs a content of two pixels, the decoder's 5x5 one of four.
        smallest = max(2 * self._multiple, 4)
        content: Tensor = self.content_encoder(pad_to_multiple(images, self._multiple, smallest))
        return content

    def style_of(self, images: Tensor) -> Tensor:
        """Return the styles (N, style_size) of images (N, channels, H, W)."""
        style: Tensor = self.style_encoder(pad_to_multiple(images, 1, STYLE_SMALLEST))
        return style

    def decode(self, content: Tensor, style: Tensor, like: Tensor) -> Tensor:
        """Draw content (N, C, h, w) in the styles (N, style_size).

        Args:
            content: of images of either domain.
            style: of this domain.
            like: the images (N, any channels, H, W) whose content it is; only their size matters.

        Returns:
            Images (N, channels, H, W) in (-1, 1).
        """
        (images,) = self.decode_joined([Codes(content, style)], [like])
        return images

    def decode_joined(self, codes: Sequence[Codes], likes: Sequence[Tensor]) -> list[Tensor]:
        """Return `decode` of each of several batches, by one forward where their contents have one shape."""
        if len({content.shape[1:] for content, _ in codes}) > 1:
            return [self.decode(*code, like) for code, like in zip(codes, likes, strict=True)]
        contents, styles = zip(*codes, strict=True)
        drawn = self.decoder(torch.cat(contents), self.mlp(torch.cat(styles)))
        parts = drawn.split([len(style) for style in styles])
        return [crop_to(images, like) for images, like in zip(parts, likes, strict=True)]
