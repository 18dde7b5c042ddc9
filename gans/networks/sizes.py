"""What sizes and scales networks take."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

SMALLEST_MAP = 4  # side in pixels of the features that a latent is projected to
SMALLEST_SIZE = 16

Scale = Literal[1, 2, 3, 4]
Side = int | tuple[int, int]
"""Of an image in pixels: one number, or height and width."""


def height_and_width(image_size: Side) -> tuple[int, int]:
    """Return both sides of an image, whose size may have been read from a config as a list."""
    height, width = (image_size, image_size) if isinstance(image_size, int) else image_size
    return height, width


def doublings(image_size: Side) -> int:
    """Return how often a map of 4x4 pixels is doubled in height and width to give `image_size`.

    Raises:
        ValueError: if the size is no power of two from 16, with the nearest ones; or no square.
    """
    if not isinstance(image_size, int):
        height, width = image_size
        square = _nearest_powers(max(image_size))[0 if max(image_size) > SMALLEST_SIZE else -1]
        raise ValueError(
            f"data.size, or image_size in Python, is {height}x{width} (height x width), but this network "
            f"takes squares: give one number such as --data.size {square}, or train a StyleGAN2 "
            "(--config stylegan2), which makes oblong images."
        )
    if image_size < SMALLEST_SIZE or image_size & (image_size - 1):
        nearest = " or ".join(f"--data.size {size}" for size in _nearest_powers(image_size))
        raise ValueError(
            f"data.size, or image_size in Python, is {image_size}, but this network doubles or halves the "
            f"sides of its images and takes powers of two from {SMALLEST_SIZE}: give {nearest}."
        )
    return (image_size // SMALLEST_MAP).bit_length() - 1


def refuse_other_size(images: Tensor, image_size: Side) -> None:
    """Raise a ValueError if the images (N, C, H, W) have other sides than `image_size`."""
    height, width = images.shape[-2:]
    expected = height_and_width(image_size)
    if (height, width) != expected:
        raise ValueError(
            f"this network takes images of {expected[0]}x{expected[1]} pixels, got {height}x{width}: crop "
            "them, or build it with their size as image_size"
        )


def refuse_under_one(**numbers: int) -> None:
    """Raise a ValueError that names the first of these arguments that is under 1."""
    for name, number in numbers.items():
        if number < 1:
            raise ValueError(f"{name} must be 1 or more, got {number}")


def refuse_other_scale(scale: int, *known: int) -> None:
    """Raise a ValueError if a network that enlarges images by the `known` factors has none of this scale."""
    if scale not in known:
        raise ValueError(
            f"scale is {scale}, and this network enlarges images by {', '.join(map(str, known))} only"
        )


def _nearest_powers(size: int) -> list[int]:
    """Return the powers of two from 16 next to a size that is none: below, where there is one, and above."""
    above = max(1 << size.bit_length(), SMALLEST_SIZE) if size > 0 else SMALLEST_SIZE
    return [power for power in (above // 2, above) if power >= SMALLEST_SIZE]
