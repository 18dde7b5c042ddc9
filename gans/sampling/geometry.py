"""Moves, turns and stretches of images, all in one resampling without aliasing.

Of ADA (Karras et al. 2020, arXiv:2006.06676, appendix B). A transform is given by its inverse, which says for
a point of the output where it comes from: matrices (N, 3, 3) on points (x, y, 1), in pixels from the middle.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gans.sampling.draws import Chance

SHIFT = 1 / 8  # of a side: the largest integer shift, and the standard deviation of the fractional one
STRETCH = 0.2  # standard deviation of the exponents of 2

SYM6 = (
    0.015404109327027373,
    0.0034907120842174702,
    -0.11799011114819057,
    -0.048311742585633,
    0.4910559419267466,
    0.787641141030194,
    0.3379294217276218,
    -0.07263752278646252,
    -0.021060292512300564,
    0.04472490177066578,
    0.0017677118642428036,
    -0.007800708325034148,
)
"""Low-pass filter of Daubechies' sixth symlet, nearly symmetric."""
REACH = len(SYM6) // 4  # of the filter at doubled size, in pixels of the image


def flip(chance: Chance) -> Tensor:
    """Mirror half of the images."""
    mirrored = chance.or_else((2 * chance.uniform()).floor(), 0)
    return _scaling(1 - 2 * mirrored, torch.ones_like(mirrored))


def quarter_turns(chance: Chance) -> Tensor:
    """Turn by 0 to 3 right angles."""
    return _rotation(math.pi / 2 * chance.or_else((4 * chance.uniform()).floor(), 0))


def shift_by_pixels(chance: Chance) -> Tensor:
    """Shift by up to an eighth of each side, by whole pixels."""
    shares = chance.or_else((2 * chance.uniform(2) - 1) * SHIFT, 0)
    return _translation(-(shares * _sides(chance.images)).round())


def scale(chance: Chance) -> Tensor:
    """Scale both sides alike."""
    factor = chance.or_else(torch.exp2(STRETCH * chance.normal()), 1)
    return _scaling(1 / factor, 1 / factor)


def rotate(chance: Chance) -> Tensor:
    """Turn by any angle.

    This is done twice, before and after `stretch`: each with such a probability that an image is turned with
    the transform's.
    """
    never = max(1 - chance.probability, 0)
    once = replace(chance, probability=1 - math.sqrt(never))
    return _rotation(once.or_else((2 * once.uniform() - 1) * math.pi, 0))


def stretch(chance: Chance) -> Tensor:
    """Scale the width, and the height by the reciprocal."""
    factor = chance.or_else(torch.exp2(STRETCH * chance.normal()), 1)
    return _scaling(1 / factor, factor)


def shift(chance: Chance) -> Tensor:
    """Shift by any distance."""
    shares = chance.or_else(SHIFT * chance.normal(2), 0)
    return _translation(-shares * _sides(chance.images))


TRANSFORMS: tuple[tuple[str, Callable[[Chance], Tensor]], ...] = (
    ("xflip", flip),
    ("rotate90", quarter_turns),
    ("xint", shift_by_pixels),
    ("scale", scale),
    ("rotate", rotate),
    ("aniso", stretch),
    ("rotate", rotate),
    ("xfrac", shift),
)
"""In the order in which they are drawn; the names are those of the paper's program."""


def moved(images: Tensor, chances: Mapping[str, Chance]) -> Tensor:
    """Apply those geometric transforms to images (N, C, H, W) that have a chance.

    With none of them the images are returned as they are; with any, all are resampled, also those to which
    none applies.
    """
    inverse = None
    for name, transform in TRANSFORMS:
        if name in chances:
            step = transform(chances[name])
            inverse = step if inverse is None else inverse @ step
    return images if inverse is None else resample(images, inverse)


def resample(images: Tensor, inverse: Tensor) -> Tensor:
    """Return images (N, C, H, W), each transformed by its own matrix.

    Images are reflected at their borders as far as any image of the batch needs it, and are zero beyond.
    They are doubled in size and halved again by a filter of 12 taps, so that points between pixels can be
    read linearly. It can be differentiated twice with respect to the images.

    Args:
        images: of 2 or more pixels a side.
        inverse: (N, 3, 3), from the output to the input.
    """
    height, width = images.shape[2:]
    left, top, right, bottom = _margins(inverse, width, height)
    doubled = _doubled(F.pad(images, (left, right, top, bottom), mode="reflect"))
    # Pixels of the doubled image count from the middle of the padded one. Its filter leans by half of such a
    # pixel, hence the shift there and back.
    there = _matrix(inverse, (2, left - right - 0.5), (2, top - bottom - 0.5))
    back = _matrix(inverse, (0.5, 0.25), (0.5, 0.25))
    target = (2 * (height + 2 * REACH), 2 * (width + 2 * REACH))
    return _halved(_read(doubled, there @ inverse @ back, target))


def _margins(inverse: Tensor, width: int, height: int) -> tuple[int, int, int, int]:
    """Return how far outputs lie beyond the left, top, right and bottom border, in whole pixels."""
    half = inverse.new_tensor([(width - 1) / 2, (height - 1) / 2])
    signs = inverse.new_tensor([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    corners = F.pad(signs * half, (0, 1), value=1.0)
    places = (inverse @ corners.t())[:, :2].transpose(0, 1).flatten(1)  # x and y of all corners
    beyond = torch.stack([-places.amin(1), places.amax(1)]) + 2 * REACH - half
    largest = inverse.new_tensor([width - 1, height - 1])
    (left, top), (right, bottom) = beyond.clamp(min=0).minimum(largest).ceil().int().tolist()
    return left, top, right, bottom


def _read(images: Tensor, inverse: Tensor, size: tuple[int, int]) -> Tensor:
    """Return outputs (N, C, *size), read linearly from images where the matrices say, zero outside."""
    (height, width), (rows, columns) = images.shape[2:], size
    # The grid counts from -1 to 1, there as here.
    there, back = ((2 / width, 0), (2 / height, 0)), ((columns / 2, 0), (rows / 2, 0))
    places = _matrix(inverse, *there) @ inverse @ _matrix(inverse, *back)
    grid = F.affine_grid(places[:, :2], [len(images), 1, rows, columns], align_corners=False)
    read: Tensor = _Reading.apply(images, grid)
    return read


class _Reading(torch.autograd.Function):
    """Reads images linearly at the points of a grid.

    torch's own `grid_sample` has no second derivative. With respect to the images it is linear, so that its
    derivative is its transpose, and the derivative of that the reading again.
    """

    @staticmethod
    def forward(ctx: Any, images: Tensor, grid: Tensor) -> Tensor:
        ctx.save_for_backward(grid)
        ctx.shape = images.shape
        return F.grid_sample(images, grid, "bilinear", "zeros", align_corners=False)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (grid,) = ctx.saved_tensors
        return _Spreading.apply(gradients[0], grid, ctx.shape), None


class _Spreading(torch.autograd.Function):
    """The transpose of `_Reading`: what comes in at the points of a grid goes to the pixels around them."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, grid: Tensor, shape: torch.Size) -> Tensor:
        ctx.save_for_backward(grid)
        bilinear, zeros, wanted = 0, 0, (True, False)
        spread: Tensor = torch.ops.aten.grid_sampler_2d_backward(
            gradient, gradient.new_empty(shape), grid, bilinear, zeros, False, wanted
        )[0]
        return spread

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (grid,) = ctx.saved_tensors
        return _Reading.apply(gradients[0], grid), None, None


def _doubled(images: Tensor) -> Tensor:
    """Return images of twice the sides."""
    row, column = _filters(images, 2.0)
    wide = F.conv_transpose2d(_single(images), row, stride=(1, 2), padding=(0, 5))
    high = F.conv_transpose2d(wide, column, stride=(2, 1), padding=(5, 0))
    return high.view(*images.shape[:2], *high.shape[2:])


def _halved(images: Tensor) -> Tensor:
    """Return images of half the sides, less `REACH` pixels at each border."""
    row, column = _filters(images, 1.0)
    narrow = F.conv2d(_single(images)[..., 1:-1, 1:-1], row, stride=(1, 2))
    low = F.conv2d(narrow, column, stride=(2, 1))
    return low.view(*images.shape[:2], *low.shape[2:])


def _single(images: Tensor) -> Tensor:
    return images.reshape(-1, 1, *images.shape[2:])


def _filters(images: Tensor, gain: float) -> tuple[Tensor, Tensor]:
    """Return the filter as a row and as a column, in the images' precision."""
    taps = torch.tensor(SYM6, dtype=torch.float32)
    taps = (gain * (taps / taps.sum())).to(images)
    return taps.view(1, 1, 1, -1), taps.view(1, 1, -1, 1)


def _sides(images: Tensor) -> Tensor:
    """Return width and height."""
    return torch.tensor([images.shape[3], images.shape[2]], dtype=images.dtype, device=images.device)


def _translation(offsets: Tensor) -> Tensor:
    """Return matrices (N, 3, 3) for offsets (N, 2) in x and y."""
    x, y = offsets.unbind(1)
    one, zero = torch.ones_like(x), torch.zeros_like(x)
    return _matrices((one, zero, x), (zero, one, y))


def _scaling(x: Tensor, y: Tensor) -> Tensor:
    """Return matrices (N, 3, 3) for factors (N,)."""
    zero = torch.zeros_like(x)
    return _matrices((x, zero, zero), (zero, y, zero))


def _rotation(angles: Tensor) -> Tensor:
    """Return matrices (N, 3, 3) for angles (N,)."""
    cosine, sine = angles.cos(), angles.sin()
    zero = torch.zeros_like(angles)
    return _matrices((cosine, -sine, zero), (sine, cosine, zero))


def _matrices(*rows: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """Return matrices (N, 3, 3) from the entries (N,) of two rows; the third is 0, 0, 1."""
    upper = torch.stack([torch.stack(row, 1) for row in rows], 1)
    last = upper.new_tensor([0, 0, 1]).expand(len(upper), 1, 3)
    return torch.cat([upper, last], 1)


def _matrix(like: Tensor, x: tuple[float, float], y: tuple[float, float]) -> Tensor:
    """Return one matrix (3, 3) by the factor and the offset of x and of y."""
    return like.new_tensor([[x[0], 0, x[1]], [0, y[0], y[1]], [0, 0, 1]])
