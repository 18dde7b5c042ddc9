"""Colours to grey, as programs that show and store pictures do it."""

from __future__ import annotations

from torch import Tensor

WEIGHTS = (0.299, 0.587, 0.114)  # ITU-R BT.601, as readers of files have them


def grey(images: Tensor) -> Tensor:
    """Return the grey (..., 1, H, W) of RGB (..., 3, H, W), in whatever range they are."""
    weights = images.new_tensor(WEIGHTS).view(3, 1, 1)
    return (weights * images).sum(-3, keepdim=True)
