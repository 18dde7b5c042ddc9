"""Pictures in another size, by Lanczos's kernel of eight taps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from gans.inference import Given, Images

LOBES = 4  # on either side of the kernel's middle
ROWS = 64  # of the new picture at once: what is computed on the way is small beside it then
STEPS = 2048  # of a weight, with which pictures of 8 bit are resized

Array = npt.NDArray[Any]


def in_other_size(pictures: Given, scale: int, outscale: float) -> Given:
    """Return what a model made, in another size.

    Args:
        pictures: in [-1, 1], or Pillow images; see `gans.inference.Images`.
        scale: so many times as high and wide as their images they are.
        outscale: so many times they are to be.
    """
    returned: Given = _in_other_size(pictures, scale, outscale)
    return returned


def _in_other_size(pictures: Images, scale: int, outscale: float) -> Any:
    if isinstance(pictures, Tensor):
        sides = sides_of(pictures.shape[-2:], scale, outscale)
        stacked = pictures.flatten(end_dim=-3).permute(1, 2, 0).float().cpu().numpy()
        made = torch.from_numpy(resized(stacked, *sides)).permute(2, 0, 1).clamp(-1, 1)
        return made.unflatten(0, pictures.shape[:-2]).to(pictures)
    if isinstance(pictures, Image.Image):
        sides = sides_of(pictures.size[::-1], scale, outscale)
        return Image.fromarray(resized(np.asarray(pictures), *sides))
    return [_in_other_size(picture, scale, outscale) for picture in pictures]


def sides_of(made: Sequence[int], scale: int, outscale: float) -> tuple[int, int]:
    """Return height and width at `outscale` times an image, of which `made` has `scale` times the sides."""
    height, width = (max(1, int(side // scale * outscale)) for side in made)
    return height, width


def resized(pixels: Array, height: int, width: int) -> Array:
    """Return a picture in another size, of the same type.

    Each new pixel is a weighted sum of 8 x 8 old ones around its place; at the border the last pixel goes on.
    The kernel has one width whatever the factor, so a picture made much smaller shows aliasing. Integers are
    rounded and kept in their range. This is OpenCV's INTER_LANCZOS4, which Real-ESRGAN's program uses.

    Args:
        pixels: (H, W, C) or (H, W) of integers or floating point numbers.
        height: of the new picture in pixels, 1 or more.
        width: likewise.
    """
    rows, row_weights = _taps(len(pixels), height, pixels.dtype)
    columns, column_weights = _taps(pixels.shape[1], width, pixels.dtype)
    made = np.empty((height, width, *pixels.shape[2:]), pixels.dtype)
    for top in range(0, height, ROWS):
        strip = rows[top : top + ROWS]
        first = strip.min()
        seen = pixels[first : strip.max() + 1].astype(np.float64)
        wide = _weighted(seen, 1, columns, column_weights)
        summed = _weighted(wide, 0, strip - first, row_weights[top : top + ROWS])
        made[top : top + ROWS] = _stored(summed, pixels.dtype)
    return made


def _weighted(values: Array, axis: int, places: Array, weights: Array) -> Array:
    """Return weighted sums along an axis, each of the values at 8 places: both (N, 8) make N of them."""
    along = [1] * values.ndim
    along[axis] = -1
    made = np.zeros(())
    for place, weight in zip(places.T, weights.T, strict=True):
        made = made + np.take(values, place, axis) * weight.reshape(along)
    return made


def _taps(old: int, new: int, dtype: np.dtype[Any]) -> tuple[Array, Array]:
    """Return which pixels of a side each new one is made of, (new, 8), and their weights."""
    centres = (np.arange(new) + 0.5) * (old / new) - 0.5
    left = np.floor(centres).astype(int)
    offsets = np.arange(1 - LOBES, 1 + LOBES)
    distance = (centres - left)[:, None] - offsets
    weights = np.sinc(distance) * np.sinc(distance / LOBES)
    weights /= weights.sum(1, keepdims=True)
    if dtype == np.uint8:
        weights = np.rint(weights * STEPS) / STEPS
    return (left[:, None] + offsets).clip(0, old - 1), weights


def _stored(values: Array, dtype: np.dtype[Any]) -> Array:
    if dtype.kind not in "iu":
        return values.astype(dtype)
    limits = np.iinfo(dtype)
    return np.floor(values + 0.5).clip(limits.min, limits.max).astype(dtype)
