"""The generator of StarGAN v2: an image in another style."""

from __future__ import annotations

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from gans.networks.norms import InstanceNorm2d
from gans.networks.padding import crop_to, pad_to_multiple
from gans.networks.sizes import SMALLEST_SIZE, doublings, refuse_under_one
from gans.networks.stargan_v2.blocks import (
    SLOPE,
    WIDEST,
    DownBlock,
    HighPass,
    StyledUpBlock,
    width_for,
    widths_of,
)

COARSE, FINE = (32,), (64, 128)
"""Sides in pixels of the features that the first and the second mask let through."""


class StyledGenerator(nn.Module):
    """Image and style to image, by residual blocks that halve it, blocks at the bottom, and blocks back up.

    The encoder's norms have scales and shifts of their own, those of the decoder come from the style. The
    output is not bounded: it may leave [-1, 1]. Fully convolutional: images of any size pass, those whose
    sides are no multiples of `divisor` padded and cropped back.

    With `high_pass`, for faces, decoder blocks have no shortcut, so that nothing but style passes them; what
    an encoder block of 32, 64 or 128 pixels sees is masked, filtered and added to what the decoder has of
    that size. Masks tell where: the first, of eyes, brows, nose, mouth and outline, at 32 pixels, the second,
    of eyes and nose, at 64 and 128. Without masks nothing is added.

    Args:
        channels: channels of the images.
        image_size: height and width of the training images in pixels, a power of two from 16.
        style_size: numbers in a style.
        width: channels at the image, doubled with each halving up to `widest`; by default 2^14 / image_size.
        high_pass: the paper's w_hpf, by which the filter is divided; 0 has none.
        widest: most channels of a layer.

    Shape:
        images (N, channels, H, W) in [-1, 1], styles (N, style_size) and masks (N, 2, h, w) in [0, 1] to
        (N, channels, H, W).

    Raises:
        ValueError: if a number is out of range.
    """

    def __init__(
        self,
        channels: int = 3,
        image_size: int = 256,
        style_size: int = 64,
        width: int | None = None,
        high_pass: float = 0.0,
        widest: int = WIDEST,
    ) -> None:
        super().__init__()
        width = width or width_for(image_size)
        refuse_under_one(channels=channels, style_size=style_size, width=width)
        halvings = doublings(image_size) - doublings(SMALLEST_SIZE) + (high_pass > 0)
        self.divisor = 1 << halvings
        widths = widths_of(width, halvings, widest)
        levels = [*pairwise(widths), *[(widths[-1], widths[-1])] * 2]
        sides = [image_size >> min(level, halvings) for level in range(len(levels))]
        self.sides = [side if high_pass > 0 and side in COARSE + FINE else 0 for side in sides]
        self.from_image = nn.Conv2d(channels, width, 3, padding=1)
        self.encoder = nn.ModuleList(
            DownBlock(fine, coarse, normed=True, halves=level < halvings)
            for level, (fine, coarse) in enumerate(levels)
        )
        self.decoder = nn.ModuleList(
            StyledUpBlock(coarse, fine, style_size, doubles=level < halvings, shortcut=high_pass == 0)
            for level, (fine, coarse) in reversed(list(enumerate(levels)))
        )
        self.to_image = nn.Sequential(
            InstanceNorm2d(width, affine=True), nn.LeakyReLU(SLOPE), nn.Conv2d(width, channels, 1)
        )
        self.filter = HighPass(high_pass) if high_pass > 0 else None

    def forward(self, images: Tensor, styles: Tensor, masks: Tensor | None = None) -> Tensor:
        """Translate images (N, channels, H, W) into styles (N, style_size)."""
        features = self.from_image(pad_to_multiple(images, self.divisor, 2 * self.divisor))
        seen = []
        for block in self.encoder:
            seen.append(features)
            features = block(features)
        for block, side, passing in zip(self.decoder, self.sides[::-1], seen[::-1], strict=True):
            features = block(features, styles)
            if self.filter is not None and masks is not None and side:
                mask = masks[:, :1] if side in COARSE else masks[:, 1:]
                features = features + self.filter(_resized(mask, like=passing) * passing)
        return crop_to(self.to_image(features), like=images)


def _resized(mask: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(mask, size=like.shape[-2:], mode="bilinear")
