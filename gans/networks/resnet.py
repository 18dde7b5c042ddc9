"""The residual generator of CycleGAN and CUT."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

import torch.nn.functional as F
from torch import Tensor, nn

from gans.networks.antialiasing import AntialiasedDownsample, AntialiasedUpsample, Downsampling
from gans.networks.norms import Norm, needs_bias, norm_layer
from gans.networks.padding import crop_to, pad_to_multiple

Upsampling = Literal["transposed", "nearest", "antialiased"]

DOWNSAMPLING = 4  # two stride-2 convolutions
SMALLEST = 2 * DOWNSAMPLING  # the blocks mirror one pixel at the border, which takes two


class ResNetGenerator(nn.Module):
    """Image to image by residual blocks at a quarter of the resolution.

    A 7x7 stem, two stride-2 convolutions, the residual blocks, two upsampling stages and a 7x7 convolution
    with tanh; the stride-1 convolutions pad by reflection. Fully convolutional: images of any size pass,
    those whose sides are under 8 or no multiples of 4 padded likewise and cropped back.

    Paper: Zhu et al. 2017, arXiv:1703.10593, after Johnson et al. 2016, arXiv:1603.08155. `blocks_for`
    gives the paper's number of blocks.

    Args:
        channels_in: channels of the input images.
        channels_out: channels of the output images.
        width: channels after the stem; doubled by each stride-2 convolution.
        blocks: number of residual blocks, 0 or more.
        norm: normalisation after every convolution but the last, see `gans.networks.norms.norm_layer`.
        upsampling: `transposed` convolution as in the paper, or `nearest`: neighbours repeated, then a
            convolution, which avoids checkerboard patterns (Odena et al. 2016,
            https://distill.pub/2016/deconv-checkerboard), or `antialiased`: a filter, then a convolution, as
            in CUT.
        dropout: drop half of the features inside each residual block in training.
        downsampling: `strided` convolution as in the paper, or `antialiased`: one of stride 1, then a filter,
            as in CUT.

    Shape:
        (N, channels_in, H, W) in [-1, 1] to (N, channels_out, H, W) in (-1, 1).

    Raises:
        ValueError: if a number is out of range, or `norm`, `upsampling` or `downsampling` is unknown.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        width: int = 64,
        blocks: int = 9,
        norm: Norm = "instance",
        upsampling: Upsampling = "transposed",
        dropout: bool = False,
        downsampling: Downsampling = "strided",
    ) -> None:
        super().__init__()
        if blocks < 0:
            raise ValueError(f"blocks must be 0 or more, got {blocks}")
        if min(channels_in, channels_out, width) < 1:
            raise ValueError(
                f"channels and width of a generator must be 1 or more, got {channels_in} channels in, "
                f"{channels_out} out, and a width of {width}"
            )
        self.encoder = nn.Sequential(
            nn.Conv2d(channels_in, width, 7, padding=3, padding_mode="reflect", bias=needs_bias(norm)),
            norm_layer(norm, width),
            nn.ReLU(inplace=True),
            *_downsample(width, norm, downsampling),
            *_downsample(2 * width, norm, downsampling),
        )
        self.blocks = nn.Sequential(*(ResidualBlock(4 * width, norm, dropout) for _ in range(blocks)))
        self.decoder = nn.Sequential(
            *_upsample(4 * width, norm, upsampling),
            *_upsample(2 * width, norm, upsampling),
            nn.Conv2d(width, channels_out, 7, padding=3, padding_mode="reflect"),
            nn.Tanh(),
        )

    def forward(self, images: Tensor, numbers: Sequence[int] = (), encode_only: bool = False) -> Any:
        """Translate (N, channels_in, H, W) to (N, channels_out, H, W).

        Args:
            images: to translate.
            numbers: ascending `feature_numbers`, whose features are asked for along with the translation.
            encode_only: return the features alone, for which no layer after the last of them runs.

        Returns:
            The translation; with numbers, the translation and a list of features, or the list alone.
        """
        features = pad_to_multiple(images, DOWNSAMPLING, SMALLEST)
        if not numbers:
            return crop_to(self.decoder(self.blocks(self.encoder(features))), like=images)
        kept = [F.pad(features, (3, 3, 3, 3), mode="reflect")] if numbers[0] == 0 else []
        layers = [*self.encoder, *self.blocks]
        for number, layer in enumerate(layers[: numbers[-1]], start=1):
            features = layer(features)
            if number in numbers:
                # A reference: where a ReLU follows, it writes into what is kept, as in CUT's own program.
                kept.append(features)
        if encode_only:
            return kept
        following = layers[numbers[-1] :]
        if following and isinstance(following[0], nn.ReLU):
            features = features.clone()  # but not into the last one, after which that program stops
        for layer in following:
            features = layer(features)
        return crop_to(self.decoder(features), like=images), kept

    def feature_numbers(self) -> dict[str, int]:
        """Return the features that can be asked for: name -> number in the order of CUT's layers.

        `input` is the mirrored picture that enters the first convolution, `stem`, `down_1` and `down_2` are
        convolutions before their norm, `block_1` and so on the residual blocks. Every number up to that of
        the last block can be asked for.
        """
        convolutions = [n for n, layer in enumerate(self.encoder, start=1) if isinstance(layer, nn.Conv2d)]
        numbers = dict(zip(("stem", "down_1", "down_2"), convolutions, strict=True))
        blocks = {f"block_{n}": len(self.encoder) + n for n in range(1, len(self.blocks) + 1)}
        return {"input": 0, **numbers, **blocks}

    def feature_channels(self, numbers: Sequence[int]) -> list[int]:
        """Return how many channels the features of these numbers have."""
        first = self.encoder[0]
        assert isinstance(first, nn.Conv2d)
        channels = [first.in_channels]
        for layer in self.encoder:
            channels.append(layer.out_channels if isinstance(layer, nn.Conv2d) else channels[-1])
        channels += [channels[-1]] * len(self.blocks)
        return [channels[number] for number in numbers]


def blocks_for(image_size: int) -> int:
    """Return the paper's number of blocks for images of this side: 9 from 256 pixels on, 6 below."""
    return 9 if image_size >= 256 else 6


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with reflection padding, added to their input; no ReLU after the sum.

    Args:
        channels: channels in and out.
        norm: normalisation after both convolutions.
        dropout: drop half of the features between the convolutions in training.

    Shape:
        (N, channels, H, W) to the same, H and W at least 2.
    """

    def __init__(self, channels: int, norm: Norm = "instance", dropout: bool = False) -> None:
        super().__init__()
        bias = needs_bias(norm)
        self.layers = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect", bias=bias),
            norm_layer(norm, channels),
            nn.ReLU(inplace=True),
            *([nn.Dropout(0.5)] if dropout else []),
            nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect", bias=bias),
            norm_layer(norm, channels),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Return the features plus what the block makes of them, (N, channels, H, W)."""
        residual: Tensor = self.layers(features)
        return features + residual


def _downsample(channels: int, norm: Norm, downsampling: Downsampling) -> list[nn.Module]:
    """Halve the resolution and double the channels."""
    if downsampling not in get_args(Downsampling):
        raise ValueError(
            f"unknown downsampling {downsampling!r}: choose from {', '.join(get_args(Downsampling))}"
        )
    filtered = downsampling == "antialiased"
    stride = 1 if filtered else 2
    return [
        nn.Conv2d(channels, 2 * channels, 3, stride=stride, padding=1, bias=needs_bias(norm)),
        norm_layer(norm, 2 * channels),
        nn.ReLU(inplace=True),
        *([AntialiasedDownsample(2 * channels)] if filtered else []),
    ]


def _upsample(channels: int, norm: Norm, upsampling: Upsampling) -> list[nn.Module]:
    """Double the resolution and halve the channels."""
    half, bias = channels // 2, needs_bias(norm)
    enlarge: list[nn.Module]
    if upsampling == "transposed":
        enlarge = [nn.ConvTranspose2d(channels, half, 3, stride=2, padding=1, output_padding=1, bias=bias)]
    elif upsampling == "nearest":
        enlarge = [
            nn.Upsample(scale_factor=2, mode="nearest"),
            nn.Conv2d(channels, half, 3, padding=1, padding_mode="reflect", bias=bias),
        ]
    elif upsampling == "antialiased":
        enlarge = [AntialiasedUpsample(), nn.Conv2d(channels, half, 3, padding=1, bias=bias)]
    else:
        raise ValueError(f"unknown upsampling {upsampling!r}: choose from {', '.join(get_args(Upsampling))}")
    return [*enlarge, norm_layer(norm, half), nn.ReLU(inplace=True)]
