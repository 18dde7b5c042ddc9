"""JPEG on tensors: the loss of quality without the file (Real-ESRGAN's DiffJPEG, arXiv:2107.10833).

After Shin and Song 2017, "JPEG-resistant adversarial images". It is the authors' arithmetic, not the
standard's: the table of brightness is transposed, tables are neither rounded nor held above 1, and sides that
are no multiples of 16 are filled with black.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

BLOCK = 8
LUMINANCE = (
    (16, 12, 14, 14, 18, 24, 49, 72),
    (11, 12, 13, 17, 22, 35, 64, 92),
    (10, 14, 16, 22, 37, 55, 78, 95),
    (16, 19, 24, 29, 56, 64, 87, 98),
    (24, 26, 40, 51, 68, 81, 103, 112),
    (40, 58, 57, 87, 109, 104, 121, 100),
    (51, 60, 69, 80, 103, 113, 120, 103),
    (61, 55, 56, 62, 77, 92, 101, 99),
)
CHROMINANCE = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    *((99,) * BLOCK,) * 4,
)
# JFIF's brightness, blueness and redness of a colour, and the colour of these
TO_YCBCR = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))
TO_RGB = ((1.0, 0.0, 1.402), (1.0, -0.344136, -0.714136), (1.0, 1.772, 0.0))

Round = Callable[[Tensor], Tensor]


def smooth_round(values: Tensor) -> Tensor:
    """Round, but for the cube of what that takes away, so that there is a gradient."""
    rounded = values.round()
    return rounded + (values - rounded) ** 3


def jpeg(images: Tensor, quality: Tensor, rounding: Round = torch.round) -> Tensor:
    """Return images as they come back from JPEG files with halved colour.

    Args:
        images: RGB (N, 3, H, W) in [0, 1].
        quality: (N,), from 1 to below 100.
        rounding: `torch.round`, or `smooth_round` where gradients are wanted.

    Returns:
        (N, 3, H, W) in [0, 1], not rounded to 8 bits.

    Raises:
        ValueError: images without three channels.
    """
    if images.shape[1] != 3:
        raise ValueError(f"JPEG here is for 3 channels, not {images.shape[1]}.")
    height, width = images.shape[-2:]
    padded = F.pad(images, (0, -width % (2 * BLOCK), 0, -height % (2 * BLOCK)))
    brightness, colour = _converted(255 * padded, TO_YCBCR).split([1, 2], dim=1)
    factor = torch.where(quality < 50, 50 / quality, 2 - quality / 50).to(images).view(-1, 1, 1, 1, 1, 1)
    brightness = _quantised(brightness - 128, LUMINANCE, factor, rounding) + 128
    halved = F.avg_pool2d(colour, 2)  # around 0 already: JFIF adds 128, which blocks take away again
    colour = _quantised(halved, CHROMINANCE, factor, rounding)
    colour = colour.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    rgb = _converted(torch.cat([brightness, colour], dim=1), TO_RGB)
    return rgb.clamp(0, 255)[..., :height, :width] / 255


def _converted(images: Tensor, matrix: tuple[tuple[float, ...], ...]) -> Tensor:
    """Multiply the colour of every pixel by a matrix."""
    return torch.einsum("ij,njhw->nihw", images.new_tensor(matrix), images)


def _quantised(images: Tensor, table: tuple[tuple[int, ...], ...], factor: Tensor, rounding: Round) -> Tensor:
    """Round the cosine transform of every block of 8 x 8 pixels to multiples of `factor` times the table."""
    basis = _cosines().to(images)
    samples, channels, height, width = images.shape
    blocks = images.view(samples, channels, height // BLOCK, BLOCK, width // BLOCK, BLOCK).transpose(3, 4)
    steps = images.new_tensor(table) * factor
    blocks = basis.T @ (rounding(basis @ blocks @ basis.T / steps) * steps) @ basis
    return blocks.transpose(3, 4).reshape(images.shape)


def _cosines() -> Tensor:
    """Return the orthonormal cosine transform (frequency, place) of float64."""
    places = torch.arange(BLOCK, dtype=torch.float64)
    waves = torch.cos((2 * places + 1) * places[:, None] * math.pi / (2 * BLOCK)) / 2
    waves[0] /= math.sqrt(2)
    return waves
