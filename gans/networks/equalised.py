"""Layers with an equalised learning rate, whose weights are scaled when they are used, not when drawn.

A weight is kept at N(0, 1) / rate and multiplied by rate / sqrt(fan_in) in every forward, so that a step of
Adam moves all layers by the same share (Karras et al. 2018, arXiv:1710.10196). Activations are LeakyReLU of
slope 0.2 times sqrt(2), which keeps the variance.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gans.networks.resampling import downsampled, filter_of, padded_and_filtered, upsampled

SLOPE = 0.2
GAIN = math.sqrt(2)
HALF = math.sqrt(0.5)  # gain of both branches of a residual block, so that their sum keeps the variance


class EqualisedLinear(nn.Linear):
    """A linear layer with an equalised rate.

    Args:
        inputs: features that come in.
        outputs: features that go out.
        activation: whether LeakyReLU times sqrt(2) follows.
        rate: at which it learns, relative to the others: 0.01 in mapping networks.
        start: of the bias.

    Shape:
        (N, inputs) to (N, outputs).
    """

    def __init__(
        self, inputs: int, outputs: int, activation: bool = False, rate: float = 1.0, start: float = 0.0
    ) -> None:
        super().__init__(inputs, outputs)
        self.activation, self.rate = activation, rate
        nn.init.normal_(self.weight, std=1 / rate)
        nn.init.constant_(self.bias, start / rate)

    def forward(self, features: Tensor) -> Tensor:
        """Apply the layer."""
        gain = GAIN if self.activation else 1.0
        scale = gain * self.rate / math.sqrt(self.in_features)
        # Gains pass through LeakyReLU, so they are applied to the weights, which are fewer than the features.
        made = F.linear(features, self.weight * scale, self.bias * (gain * self.rate))
        return F.leaky_relu(made, SLOPE) if self.activation else made


class EqualisedConv2d(nn.Conv2d):
    """A convolution with an equalised rate that keeps, halves or doubles the size, without aliasing.

    Halving, the filter comes before the convolution; doubling, after it.

    Args:
        inputs: channels that come in.
        outputs: channels that go out.
        kernel: side of the kernel, 1 or 3.
        activation: whether LeakyReLU times sqrt(2) follows, and a bias comes before.
        resample: `keep`, `halve` or `double` the size.
        gain: on what goes out.

    Shape:
        (N, inputs, H, W) to (N, outputs, H, W), (N, outputs, H/2, W/2) or (N, outputs, 2H, 2W).
    """

    filter: Tensor

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        activation: bool = True,
        resample: str = "keep",
        gain: float = 1.0,
    ) -> None:
        super().__init__(inputs, outputs, kernel, bias=activation)
        self.activation, self.resample, self.gain = activation, resample, gain
        self.register_buffer("filter", filter_of(), persistent=False)
        nn.init.normal_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def forward(self, features: Tensor) -> Tensor:
        """Apply the layer."""
        gain = self.gain * (GAIN if self.activation else 1.0)
        weight = self.weight * (gain / math.sqrt(self.weight[0].numel()))
        bias = None if self.bias is None else self.bias * gain
        made = resampling_convolution(features, weight, bias, self.filter, self.resample)
        return F.leaky_relu(made, SLOPE) if self.activation else made


def resampling_convolution(
    features: Tensor, weight: Tensor, bias: Tensor | None, kernel: Tensor, resample: str
) -> Tensor:
    """Convolve features, whose size is kept, halved or doubled under a filter.

    Args:
        features: (N, inputs, H, W).
        weight: (outputs, inputs, k, k), k of 1 or 3.
        bias: (outputs,), or None.
        kernel: the filter, (4, 4).
        resample: `keep`, `halve` or `double`.

    Returns:
        (N, outputs, H, W), (N, outputs, H/2, W/2) or (N, outputs, 2H, 2W).
    """
    side = weight.shape[-1]
    if resample == "keep":
        return F.conv2d(features, weight, bias, padding=side // 2)
    if resample == "halve":
        if side == 1:
            return F.conv2d(downsampled(features, kernel), weight, bias)
        return F.conv2d(padded_and_filtered(features, kernel, (2, 2)), weight, bias, stride=2)
    if side == 1:
        made = upsampled(F.conv2d(features, weight), kernel)
    else:
        spread = F.conv_transpose2d(features, weight.transpose(0, 1), stride=2)
        made = padded_and_filtered(spread, 4 * kernel, (1, 1))
    return made if bias is None else made + bias[:, None, None]


def normalised(features: Tensor) -> Tensor:
    """Divide each row of (N, F) by the root of its mean square."""
    precise = _precise(features)
    made = precise * (precise.square().mean(1, keepdim=True) + 1e-8).rsqrt()
    return made.to(features.dtype)


def minibatch_deviation(features: Tensor, group: int, channels: int = 1) -> Tensor:
    """Return how much images of a group differ, as channels to be appended to the features of each.

    The standard deviation over a group, averaged over positions and the channels' shares, tells the
    discriminator how varied a batch is. A group takes images at equal distances: of a batch of B in groups
    of G, image i is with i + B/G, i + 2B/G and so on. Processes that take turns in dealing out a batch, as
    here, so form the very groups of the joined batch, if G divides their share.

    Paper: Karras et al. 2018, arXiv:1710.10196.

    Args:
        features: (N, C, H, W).
        group: images in a group; of a smaller batch all are one.
        channels: how many; they divide C.

    Returns:
        (N, channels, H, W), the same at all positions.

    Raises:
        ValueError: if the groups do not divide the batch.
    """
    count, _, height, width = features.shape
    group = min(group, count)
    if count % max(group, 1):
        raise ValueError(
            f"A batch of {count} images does not divide into groups of {group}, over which the discriminator "
            "measures variety: choose a batch size that is a multiple of model.minibatch_group, or another "
            "group."
        )
    grouped = _precise(features).view(group, -1, channels, features.shape[1] // channels, height, width)
    deviation = (grouped.var(0, unbiased=False) + 1e-8).sqrt().mean((2, 3, 4))
    return deviation.repeat(group, 1)[:, :, None, None].expand(-1, -1, height, width).to(features.dtype)


def _precise(features: Tensor) -> Tensor:
    """Return features of 16 bits, in which 1e-8 is nothing, in 32."""
    return features.float() if features.dtype in (torch.float16, torch.bfloat16) else features
