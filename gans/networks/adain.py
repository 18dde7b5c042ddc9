"""What MUNIT's networks are made of: adaptive instance norm, its layer norm, and their blocks."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gans.networks.norms import InstanceNorm2d

EPSILON = 1e-5


class AdaIN(nn.Module):
    """Instance norm whose scale and shift come with the input: adaptive instance norm.

    Paper: Huang & Belongie 2017, arXiv:1703.06868. The two buffers are never used: the official MUNIT has
    them, and its checkpoints hold them.

    Args:
        channels: channels of the feature map.

    Shape:
        features (N, channels, H, W), shift and scale (N, channels), to (N, channels, H, W).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))
        self.norm = InstanceNorm2d(channels, EPSILON)

    def forward(self, features: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
        """Give every channel of every image the mean `shift` and the standard deviation `scale`."""
        normalised: Tensor = self.norm(features)
        return normalised * scale[..., None, None] + shift[..., None, None]


class ImageNorm(nn.Module):
    """Each image by its mean and standard deviation over channels and pixels; scale and shift per channel.

    It is the layer norm of the official MUNIT: unlike torch's, its standard deviation is the unbiased one,
    epsilon is added to that and not to the variance, and its scales start uniform in [0, 1).

    Args:
        channels: channels of the feature map.

    Shape:
        (N, channels, H, W) to the same.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, features: Tensor) -> Tensor:
        """Normalise (N, channels, H, W), image by image."""
        std, mean = torch.std_mean(features, dim=(1, 2, 3), keepdim=True)
        normed = (features - mean) / (std + EPSILON)
        return normed * self.weight[:, None, None] + self.bias[:, None, None]


class ConvBlock(nn.Module):
    """A convolution with reflection padding, a normalisation and an activation.

    Args:
        channels_in: channels of the input.
        channels_out: channels of the output.
        kernel: side of the kernel in pixels.
        stride: 1 keeps the resolution, 2 halves it.
        norm: of the convolution's output; None leaves it out.
        activation: what comes last; None leaves it out.

    Shape:
        (N, channels_in, H, W) to (N, channels_out, H // stride, W // stride).
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel: int,
        stride: int = 1,
        norm: nn.Module | None = None,
        activation: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.norm = norm  # before the convolution, as in the official state
        padding = (kernel - 1) // 2
        self.conv = nn.Conv2d(
            channels_in, channels_out, kernel, stride, padding=padding, padding_mode="reflect"
        )
        self.activation = activation

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, channels_in, H, W) to (N, channels_out, H // stride, W // stride)."""
        features = self.conv(features)
        if self.norm is not None:
            features = self.norm(features)
        if self.activation is not None:
            features = self.activation(features)
        return features


class ContentBlock(nn.Module):
    """Two 3x3 convolutions with instance norm, added to their input; no ReLU after the sum.

    Args:
        channels: channels in and out.

    Shape:
        (N, channels, H, W) to the same, H and W at least 2.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            ConvBlock(channels, channels, 3, norm=InstanceNorm2d(channels), activation=nn.ReLU()),
            ConvBlock(channels, channels, 3, norm=InstanceNorm2d(channels)),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Return the features plus what the block makes of them, (N, channels, H, W)."""
        residual: Tensor = self.layers(features)
        return features + residual


class StyledBlock(nn.Module):
    """Two 3x3 convolutions with adaptive instance norm, added to their input.

    Args:
        channels: channels in and out.

    Attributes:
        parameters_needed: numbers per image that the block's style consists of.

    Shape:
        features (N, channels, H, W) and style (N, 4 channels) to (N, channels, H, W).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.parameters_needed = 4 * channels
        self.norm_1 = AdaIN(channels)
        self.conv_1 = nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect")
        self.norm_2 = AdaIN(channels)
        self.conv_2 = nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect")

    def forward(self, features: Tensor, style: Tensor) -> Tensor:
        """Return the features plus what the block makes of them in this style, (N, channels, H, W)."""
        shift_1, scale_1, shift_2, scale_2 = style.chunk(4, dim=1)
        residual: Tensor = F.relu(self.norm_1(self.conv_1(features), shift_1, scale_1))
        residual = self.norm_2(self.conv_2(residual), shift_2, scale_2)
        return features + residual
