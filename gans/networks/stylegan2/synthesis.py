"""StyleGAN2's synthesis network: styles and noise to images."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gans.networks.equalised import (
    GAIN,
    HALF,
    SLOPE,
    EqualisedConv2d,
    EqualisedLinear,
    resampling_convolution,
)
from gans.networks.resampling import filter_of, upsampled

Architecture = Literal["skip", "residual", "plain"]
Noise = Literal["constant", "none"] | Sequence[Tensor]
"""Of the layers: what each keeps, none, or one tensor (N, 1, H, W) a layer."""


class StyledConvolution(nn.Module):
    """A 3x3 convolution whose input channels are scaled by a style, with noise, bias and LeakyReLU after it.

    What goes out is divided by the deviation that the style gives it (demodulation). The style scales the
    input and not the weights, of which each image would need its own: on a CPU this is as fast as one
    grouped convolution for wide maps, and up to three times as fast for narrow ones.

    Args:
        inputs: channels that come in.
        outputs: channels that go out.
        style_size: numbers in w.
        size: height and width of what goes out.
        double: whether it is twice as high and wide as what comes in.
        gain: on what goes out.

    Shape:
        features (N, inputs, H, W), w (N, style_size) and noise (N, 1, H', W') or (H', W') or None to
        (N, outputs, H', W').
    """

    noise: Tensor
    filter: Tensor

    def __init__(
        self,
        inputs: int,
        outputs: int,
        style_size: int,
        size: tuple[int, int],
        double: bool = False,
        gain: float = 1.0,
    ) -> None:
        super().__init__()
        self.resample, self.gain = "double" if double else "keep", gain
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3))
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.register_buffer("noise", torch.randn(size))
        self.register_buffer("filter", filter_of(), persistent=False)
        self.style = EqualisedLinear(style_size, inputs, start=1.0)

    def forward(self, features: Tensor, w: Tensor, noise: Tensor | None) -> Tensor:
        """Apply the layer."""
        gain = GAIN * self.gain
        style = self.style(w)
        made = resampling_convolution(
            features * style[:, :, None, None], self._weight(), None, self.filter, self.resample
        )
        made = made * (self._demodulation(style) * gain)[:, :, None, None].to(made.dtype)
        if noise is not None:
            made = made + (noise * (self.noise_strength * gain)).to(made.dtype)
        return F.leaky_relu(made + (self.bias * gain)[:, None, None].to(made.dtype), SLOPE)

    def _weight(self) -> Tensor:
        # Demodulation cancels the scale; it keeps sums within what 16 bits hold.
        return self.weight / math.sqrt(self.weight[0].numel())

    def _demodulation(self, style: Tensor) -> Tensor:
        """Return one over the deviation of each image's outputs, (N, outputs), for inputs of variance 1."""
        smallest = 1e-8 / self.weight[0].numel()
        with torch.autocast(style.device.type, enabled=False):
            power = self._weight().square().sum((2, 3))
            variance: Tensor = style.to(power.dtype).square() @ power.t()
        return (variance + smallest).rsqrt()


class ToImage(nn.Module):
    """A 1x1 convolution to the channels of the image, whose input channels are scaled by a style.

    Args:
        inputs: channels that come in.
        channels: of the image.
        style_size: numbers in w.

    Shape:
        features (N, inputs, H, W) and w (N, style_size) to (N, channels, H, W).
    """

    def __init__(self, inputs: int, channels: int, style_size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(channels, inputs, 1, 1))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.style = EqualisedLinear(style_size, inputs, start=1.0)

    def forward(self, features: Tensor, w: Tensor) -> Tensor:
        """Apply the layer."""
        style = self.style(w) / math.sqrt(self.weight.shape[1])
        # With so few outputs it is less work to scale the weights, one matrix for each image.
        weights = self.weight[None, :, :, 0, 0] * style[:, None, :]
        images = torch.baddbmm(self.bias[:, None], weights, features.flatten(2))
        return images.view(*images.shape[:2], *features.shape[2:])


class SynthesisBlock(nn.Module):
    """What makes the feature map of one size from that of half the size, and adds to the image.

    Args:
        inputs: channels that come in; 0 for the first block, which begins with a learned constant.
        outputs: channels that go out.
        style_size: numbers in w.
        size: height and width of what goes out.
        channels: of the image; 0 if this block adds nothing to it.
        residual: whether a 1x1 convolution goes past the two others.
    """

    filter: Tensor

    def __init__(
        self,
        inputs: int,
        outputs: int,
        style_size: int,
        size: tuple[int, int],
        channels: int,
        residual: bool,
    ) -> None:
        super().__init__()
        self.register_buffer("filter", filter_of(), persistent=False)
        residual = residual and inputs > 0
        if inputs:
            self.conv0 = StyledConvolution(inputs, outputs, style_size, size, double=True)
        else:
            self.constant = nn.Parameter(torch.randn(outputs, *size))
        self.conv1 = StyledConvolution(outputs, outputs, style_size, size, gain=HALF if residual else 1.0)
        self.to_image = ToImage(outputs, channels, style_size) if channels else None
        self.skip = (
            EqualisedConv2d(inputs, outputs, 1, activation=False, resample="double", gain=HALF)
            if residual
            else None
        )

    @property
    def convolutions(self) -> list[StyledConvolution]:
        """The one or two layers that take a w and noise, in order."""
        return [part for part in self.children() if isinstance(part, StyledConvolution)]

    def forward(
        self, features: Tensor | None, image: Tensor | None, w: Tensor, noise: Sequence[Tensor | None]
    ) -> tuple[Tensor, Tensor | None]:
        """Return features and image of this size.

        Args:
            features: of half the size; None in the first block.
            image: what the blocks before have made, of half the size; None if nothing.
            w: (N, layers, style_size), one for each convolution and one more for the image.
            noise: one for each convolution.
        """
        made = self.constant.expand(w.shape[0], -1, -1, -1) if features is None else features
        for number, convolution in enumerate(self.convolutions):
            made = convolution(made, w[:, number], noise[number])
        if self.skip is not None:
            made = made + self.skip(features)
        if image is not None:
            image = upsampled(image, self.filter)
        if self.to_image is not None:
            added = self.to_image(made, w[:, len(self.convolutions)])
            image = added if image is None else image + added
        return made, image


class Synthesis(nn.Module):
    """Styles to images: a learned constant, and blocks that double the size; w scales each layer's channels.

    With `skip` every block adds to the image, which is doubled under a filter; with `residual` a 1x1
    convolution goes past each block; with `plain` neither. Without tanh: images are about in [-1, 1].

    Paper: Karras et al. 2020, arXiv:1912.04958.

    Args:
        style_size: numbers in w.
        channels: of the images.
        sizes: height and width of every feature map, each twice the one before.
        widths: channels of every feature map.
        architecture: `skip`, as in the paper, `residual` or `plain`.

    Attributes:
        layers: how many w there are for an image.
        noise_sizes: height and width of the noise of every layer that takes some, in order.

    Shape:
        w (N, layers, style_size) to (N, channels, height, width).

    Raises:
        ValueError: if the architecture is unknown.
    """

    def __init__(
        self,
        style_size: int,
        channels: int,
        sizes: Sequence[tuple[int, int]],
        widths: Sequence[int],
        architecture: Architecture = "skip",
    ) -> None:
        super().__init__()
        if architecture not in get_args(Architecture):
            raise ValueError(
                f"model.generator_architecture is {architecture!r}: it is one of "
                f"{', '.join(get_args(Architecture))}."
            )
        shown = [architecture == "skip" or size == sizes[-1] for size in sizes]
        blocks = [
            SynthesisBlock(*pair, style_size, size, channels if shows else 0, architecture == "residual")
            for pair, size, shows in zip(pairwise([0, *widths]), sizes, shown, strict=True)
        ]
        self.blocks: Iterable[SynthesisBlock] = nn.ModuleList(blocks)  # type: ignore[assignment]
        convolutions = [layer for block in blocks for layer in block.convolutions]
        self.layers = len(convolutions) + 1
        self.noise_sizes = [tuple(layer.noise.shape) for layer in convolutions]

    def styled_layers(self) -> list[StyledConvolution | ToImage]:
        """Return what each w reaches first, in order: the convolutions, and what makes the image."""
        blocks = list(self.blocks)
        last = blocks[-1].to_image
        assert last is not None
        return [*(layer for block in blocks for layer in block.convolutions), last]

    def forward(self, w: Tensor, noise: Noise = "constant") -> Tensor:
        """Make the images of w (N, layers, style_size)."""
        features: Tensor | None = None
        image: Tensor | None = None
        first = 0
        for block in self.blocks:
            count = len(block.convolutions)
            if noise == "constant":
                own: list[Tensor | None] = [layer.noise for layer in block.convolutions]
            else:
                own = [None if noise == "none" else noise[first + number] for number in range(count)]
            features, image = block(features, image, w[:, first : first + count + 1], own)
            first += count
        assert image is not None
        return image
