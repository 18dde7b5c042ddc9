"""The discriminator of Real-ESRGAN: a U-Net that scores every pixel."""

from __future__ import annotations

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from gans.networks.norms import bounded_by_power_iteration
from gans.networks.sizes import refuse_under_one

SLOPE = 0.2
DIVISOR = 8  # three halvings


class UNetDiscriminator(nn.Module):
    """One score for each pixel of an image, by a U-Net with spectral norm whose skips are sums.

    Three 4x4 convolutions of stride 2, then three times a bilinear enlargement and a 3x3 convolution, whose
    output is added to the features of that size; two 3x3 convolutions, and one that scores. All but the first
    and the last are divided by their largest singular value and have no bias. Scores are raw.

    Paper: Real-ESRGAN (Wang et al. 2021, arXiv:2107.10833), after Schönfeld et al. 2020, arXiv:2002.12655.
    Layers stand in the order of its checkpoints.

    Args:
        channels: of the images.
        width: channels after the first convolution; doubled by each halving.

    Shape:
        (N, channels, H, W), sides divisible by 8, to (N, 1, H, W).

    Raises:
        ValueError: if an argument is under 1, or in forward if 8 does not divide the sides.
    """

    def __init__(self, channels: int, width: int = 64) -> None:
        super().__init__()
        refuse_under_one(channels=channels, width=width)
        widths = [width, 2 * width, 4 * width, 8 * width]
        self.first = nn.Sequential(nn.Conv2d(channels, width, 3, padding=1), _activation())
        self.down = nn.ModuleList(
            _bounded(nn.Conv2d(entering, leaving, 4, 2, padding=1, bias=False))
            for entering, leaving in pairwise(widths)
        )
        self.up = nn.ModuleList(
            _bounded(nn.Conv2d(entering, leaving, 3, padding=1, bias=False))
            for entering, leaving in zip(widths[:0:-1], widths[-2::-1], strict=True)
        )
        self.last = nn.Sequential(
            *(_bounded(nn.Conv2d(width, width, 3, padding=1, bias=False)) for _ in range(2)),
            nn.Conv2d(width, 1, 3, padding=1),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Score the pixels of (N, channels, H, W): (N, 1, H, W), higher means more real."""
        height, width = images.shape[-2:]
        if height % DIVISOR or width % DIVISOR:
            raise ValueError(
                f"this discriminator halves images {DIVISOR.bit_length() - 1} times and takes sides that "
                f"{DIVISOR} divides, got {height}x{width}: crop them"
            )
        features = self.first(images)
        skipped = []
        for halve in self.down:
            skipped.append(features)
            features = halve(features)
        for enlarge, skip in zip(self.up, reversed(skipped), strict=True):
            features = enlarge(F.interpolate(features, scale_factor=2, mode="bilinear")) + skip
        scores: Tensor = self.last(features)
        return scores


def _bounded(convolution: nn.Conv2d) -> nn.Sequential:
    """Return a convolution under spectral norm, and its activation."""
    return nn.Sequential(bounded_by_power_iteration(convolution), _activation())


def _activation() -> nn.LeakyReLU:
    return nn.LeakyReLU(SLOPE, inplace=True)
