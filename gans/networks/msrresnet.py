"""The residual generator of super-resolution without normalisation: SRResNet as it is trained today."""

from __future__ import annotations

from typing import get_args

import torch.nn.functional as F
from torch import Tensor, nn

from gans.networks.init import initialise_damped
from gans.networks.sizes import Scale, refuse_other_scale, refuse_under_one

SLOPE = 0.1


class MSRResNet(nn.Module):
    """Enlarges images two, three or four times: what residual blocks add to the bilinearly enlarged image.

    A 3x3 convolution, blocks of two 3x3 convolutions, convolutions whose channels become pixels, and two more
    3x3 convolutions. Weights start from Kaiming's distribution times 0.1, biases from 0.

    Papers: SRResNet (Ledig et al. 2017, arXiv:1609.04802), whose batch norm is left out as in EDSR (Lim et
    al. 2017, arXiv:1707.02921) and whose long skip connection is the image's; it is what BasicSR calls
    MSRResNet. Layers stand in the order of its checkpoints.

    Args:
        channels: of the images.
        width: channels of the feature maps.
        blocks: residual blocks.
        scale: 2, 3 or 4.

    Shape:
        (N, channels, H, W) in [0, 1] to (N, channels, scale * H, scale * W), not bounded.

    Raises:
        ValueError: if `scale` is another one, or another argument is under 1.
    """

    def __init__(self, channels: int = 3, width: int = 64, blocks: int = 16, scale: Scale = 4) -> None:
        super().__init__()
        refuse_under_one(channels=channels, width=width, blocks=blocks)
        refuse_other_scale(scale, *get_args(Scale)[1:])
        self.scale = scale
        self.first = nn.Sequential(nn.Conv2d(channels, width, 3, padding=1), nn.LeakyReLU(SLOPE))
        self.blocks = nn.Sequential(*(PlainResidualBlock(width) for _ in range(blocks)))
        steps = (2, 2) if scale == 4 else (scale,)
        self.enlarge = nn.Sequential(*(layer for step in steps for layer in _enlarging(width, step)))
        self.last = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1),
            nn.LeakyReLU(SLOPE, inplace=True),
            nn.Conv2d(width, channels, 3, padding=1),
        )
        initialise_damped(self)

    def forward(self, images: Tensor) -> Tensor:
        """Enlarge (N, channels, H, W) to (N, channels, scale * H, scale * W)."""
        residual: Tensor = self.last(self.enlarge(self.blocks(self.first(images))))
        return residual + F.interpolate(images, scale_factor=self.scale, mode="bilinear")


class PlainResidualBlock(nn.Module):
    """Two 3x3 convolutions with zero padding and a ReLU between them, added to their input.

    Args:
        channels: channels in and out.

    Shape:
        (N, channels, H, W) to the same.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Return the features plus what the block makes of them, (N, channels, H, W)."""
        residual: Tensor = self.layers(features)
        return features + residual


def _enlarging(width: int, step: int) -> list[nn.Module]:
    """Return layers that make features `step` times as high and wide."""
    return [
        nn.Conv2d(width, width * step**2, 3, padding=1),
        nn.PixelShuffle(step),
        nn.LeakyReLU(SLOPE, inplace=True),
    ]
