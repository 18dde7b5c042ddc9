"""The small and fast generator of Real-ESRGAN."""

from __future__ import annotations

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from gans.networks.sizes import refuse_under_one


class SRVGG(nn.Module):
    """Enlarges images: what a plain row of convolutions adds to the image of enlarged pixels.

    All convolutions run at the size of the input, 3x3 with a PReLU for each channel; the channels of the last
    become pixels.

    Paper: none; Real-ESRGAN (Wang et al. 2021, arXiv:2107.10833) names it SRVGGNetCompact. Its general
    models have 32 layers and its models for animation 16, both of width 64 and scale 4. Layers stand in the
    order of their checkpoints.

    Args:
        channels: of the images.
        width: channels of the feature maps.
        layers: convolutions between the first and the last.
        scale: factor of height and width.

    Shape:
        (N, channels, H, W) in [0, 1] to (N, channels, scale * H, scale * W), not bounded.

    Raises:
        ValueError: if an argument is under 1.
    """

    def __init__(self, channels: int = 3, width: int = 64, layers: int = 16, scale: int = 4) -> None:
        super().__init__()
        refuse_under_one(channels=channels, width=width, layers=layers, scale=scale)
        self.scale = scale
        widths = [channels] + [width] * (layers + 1)
        self.layers = nn.Sequential(
            *(
                layer
                for entering, leaving in pairwise(widths)
                for layer in (nn.Conv2d(entering, leaving, 3, padding=1), nn.PReLU(leaving))
            ),
            nn.Conv2d(width, channels * scale**2, 3, padding=1),
            nn.PixelShuffle(scale),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Enlarge (N, channels, H, W) to (N, channels, scale * H, scale * W)."""
        residual: Tensor = self.layers(images)
        return residual + F.interpolate(images, scale_factor=self.scale, mode="nearest")
