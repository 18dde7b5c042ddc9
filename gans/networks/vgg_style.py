"""The discriminator of SRGAN and ESRGAN: one score for an image, by a network of VGG's form."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from gans.networks.norms import Norm, needs_bias, norm_layer
from gans.networks.sizes import refuse_other_size, refuse_under_one

SLOPE = 0.2
SMALLEST = 8
HIDDEN = 100  # numbers between the two linear layers
WIDEST = 8  # channels double with each halving up to this multiple of the width


class VGGStyleDiscriminator(nn.Module):
    """Scores whole images: pairs of convolutions that halve the resolution, then two linear layers.

    Each pair is a 3x3 convolution that doubles the channels and a 4x4 one of stride 2, both with norm and
    LeakyReLU 0.2; the first of all has no norm. Scores are raw. At 128 and 256 pixels it is the network of
    BasicSR, which has five and six pairs; at other sizes there are as many as leave 4 to 7 pixels.

    Papers: SRGAN (Ledig et al. 2017, arXiv:1609.04802), whose linear layer has 1024 numbers, and ESRGAN (Wang
    et al. 2018, arXiv:1809.00219). Layers stand in the order of BasicSR's checkpoints.

    Args:
        channels: of the images.
        image_size: height and width of the images in pixels, at least 8.
        width: channels after the first convolution.
        norm: normalisation after all convolutions but the first.

    Shape:
        (N, channels, image_size, image_size) to (N, 1).

    Raises:
        ValueError: if `image_size` is under 8 or another argument under 1, or in forward if the images have
            another size.
    """

    def __init__(self, channels: int, image_size: int, width: int = 64, norm: Norm = "batch") -> None:
        super().__init__()
        refuse_under_one(channels=channels, width=width)
        if image_size < SMALLEST:
            raise ValueError(
                f"this discriminator takes images of {SMALLEST} pixels and more, got image_size {image_size}"
            )
        self.image_size = image_size
        halvings = image_size.bit_length() - 3  # leaves 4 to 7 pixels
        widths = [width * min(2**halving, WIDEST) for halving in range(halvings)]
        layers = [nn.Conv2d(channels, width, 3, padding=1), nn.LeakyReLU(SLOPE, inplace=True)]
        layers += _normed(nn.Conv2d(width, width, 4, 2, padding=1, bias=needs_bias(norm)), norm)
        for entering, leaving in pairwise(widths):
            layers += _normed(nn.Conv2d(entering, leaving, 3, padding=1, bias=needs_bias(norm)), norm)
            layers += _normed(nn.Conv2d(leaving, leaving, 4, 2, padding=1, bias=needs_bias(norm)), norm)
        self.stages = nn.Sequential(*layers)
        self.score = nn.Sequential(
            nn.Linear(widths[-1] * (image_size >> halvings) ** 2, HIDDEN),
            nn.LeakyReLU(SLOPE, inplace=True),
            nn.Linear(HIDDEN, 1),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Score (N, channels, image_size, image_size): (N, 1), higher means more real."""
        refuse_other_size(images, self.image_size)
        scores: Tensor = self.score(self.stages(images).flatten(1))
        return scores


def _normed(convolution: nn.Conv2d, norm: Norm) -> list[nn.Module]:
    """Return a convolution, its norm and its activation."""
    return [convolution, norm_layer(norm, convolution.out_channels), nn.LeakyReLU(SLOPE, inplace=True)]
