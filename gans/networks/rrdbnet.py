"""The generator of ESRGAN and Real-ESRGAN: residual-in-residual dense blocks."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gans.networks.init import initialise_damped
from gans.networks.padding import crop_to, pad_to_multiple
from gans.networks.sizes import Scale, refuse_other_scale, refuse_under_one

SLOPE = 0.2
RESIDUAL = 0.2  # share of a block's output that is added to its input
ENLARGEMENT = 4  # of the network behind its entry


class RRDBNet(nn.Module):
    """Enlarges images four times; or twice or not at all, having made them smaller at its entry.

    For the scales 2 and 1 squares of 2x2 and 4x4 pixels become channels, and the rest stays as it is: so most
    of the work is done on small maps. No normalisation, and no connection from the image to the output.
    Convolutions of the dense blocks start from Kaiming's distribution times 0.1, the others from PyTorch's.

    Papers: ESRGAN (Wang et al. 2018, arXiv:1809.00219); Real-ESRGAN (Wang et al. 2021, arXiv:2107.10833) for
    the scales 2 and 1. Layers stand in the order of their checkpoints.

    Args:
        channels: of the images.
        width: channels of the feature maps.
        blocks: residual-in-residual dense blocks; 23 in the papers, 6 in the model for drawings.
        growth: channels that each convolution of a dense block adds.
        scale: 1, 2 or 4.

    Shape:
        (N, channels, H, W) in [0, 1] to (N, channels, scale * H, scale * W), not bounded. Sides that the
        entry does not divide are padded by their mirror image, and the output is cropped.

    Raises:
        ValueError: if `scale` is another one, or another argument is under 1.
    """

    def __init__(
        self, channels: int = 3, width: int = 64, blocks: int = 23, growth: int = 32, scale: Scale = 4
    ) -> None:
        super().__init__()
        refuse_under_one(channels=channels, width=width, blocks=blocks, growth=growth)
        refuse_other_scale(scale, 1, 2, 4)
        self.scale, self.divisor = scale, ENLARGEMENT // scale
        self.entry = nn.PixelUnshuffle(self.divisor)
        self.first = nn.Conv2d(channels * self.divisor**2, width, 3, padding=1)
        self.blocks = nn.Sequential(
            *(ResidualInResidual(width, growth) for _ in range(blocks)),
            nn.Conv2d(width, width, 3, padding=1),
        )
        self.enlarge = nn.Sequential(
            nn.Upsample(scale_factor=2),
            nn.Conv2d(width, width, 3, padding=1),
            nn.LeakyReLU(SLOPE, inplace=True),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(width, width, 3, padding=1),
            nn.LeakyReLU(SLOPE, inplace=True),
        )
        self.last = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1),
            nn.LeakyReLU(SLOPE, inplace=True),
            nn.Conv2d(width, channels, 3, padding=1),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Enlarge (N, channels, H, W) to (N, channels, scale * H, scale * W)."""
        features = self.first(self.entry(pad_to_multiple(images, self.divisor)))
        enlarged: Tensor = self.last(self.enlarge(features + self.blocks(features)))
        return enlarged if self.divisor == 1 else crop_to(enlarged, images, self.scale)


class ResidualInResidual(nn.Module):
    """Three dense blocks in a row, whose output is added to their input with a weight of 0.2.

    Args:
        channels: channels in and out.
        growth: see `DenseBlock`.

    Shape:
        (N, channels, H, W) to the same.
    """

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(DenseBlock(channels, growth) for _ in range(3)))

    def forward(self, features: Tensor) -> Tensor:
        """Return the features plus a fifth of what the blocks make of them, (N, channels, H, W)."""
        residual: Tensor = self.blocks(features)
        return features + RESIDUAL * residual


class DenseBlock(nn.Module):
    """Five 3x3 convolutions, each of which sees the input and the output of all before it.

    Args:
        channels: channels in and out.
        growth: channels that each convolution but the last adds to what the next one sees.

    Shape:
        (N, channels, H, W) to the same: a fifth of the last convolution, added to the input.
    """

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        self.growing = nn.ModuleList(
            nn.Sequential(nn.Conv2d(channels + number * growth, growth, 3, padding=1), nn.LeakyReLU(SLOPE))
            for number in range(4)
        )
        self.last = nn.Conv2d(channels + 4 * growth, channels, 3, padding=1)
        initialise_damped(self)

    def forward(self, features: Tensor) -> Tensor:
        """Return the features plus a fifth of what the convolutions make of them, (N, channels, H, W)."""
        seen = features
        for grow in self.growing:
            seen = torch.cat([seen, grow(seen)], dim=1)
        residual: Tensor = self.last(seen)
        return features + RESIDUAL * residual
