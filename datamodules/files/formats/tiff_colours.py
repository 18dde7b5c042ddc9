"""Colours as TIFF stores them, to RGB with straight alpha; the numbers are those of Pillow at 8 bit."""

from __future__ import annotations

import numpy as np
from PIL import Image

from datamodules.files.formats.common import Array


def from_palette(indices: Array, palette: Array) -> Array:
    """Look up indices (H, W, 1) in a palette (3, N) of 16 bit; returns (H, W, 3) of 8 bit."""
    colours: Array = (palette >> 8).astype(np.uint8).T[indices[:, :, 0]]
    return colours


def from_ycbcr(pixels: Array) -> Array:
    """Turn brightness and two differences of colour (H, W, 3), of 8 bit, into RGB."""
    return np.asarray(Image.fromarray(pixels, "YCbCr").convert("RGB"))


def straight(pixels: Array, white: int) -> Array:
    """Divide colours by the alpha (last channel) that they were multiplied by; transparent ones become 0."""
    colours, alpha = pixels[:, :, :-1], pixels[:, :, -1:]
    divisor = np.where(alpha == 0, 1, alpha)
    if pixels.dtype.kind == "f":
        divided = colours / divisor
    else:
        divided = np.minimum(colours.astype(np.uint64) * white // divisor, white).astype(pixels.dtype)
    return np.concatenate([np.where(alpha == 0, 0, divided).astype(pixels.dtype), alpha], axis=2)


def separated_to_rgb(pixels: Array, white: int) -> Array:
    """Turn inks (H, W, CMYK, perhaps alpha) into RGB: what neither the ink nor black takes away is seen."""
    light = 1 - pixels[:, :, :4].astype(np.float64) / white
    colours = light[:, :, :3] * light[:, :, 3:] * white
    if pixels.dtype.kind != "f":
        colours = np.rint(colours)
    return np.concatenate([colours.astype(pixels.dtype), pixels[:, :, 4:]], axis=2)
