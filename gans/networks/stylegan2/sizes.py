"""Which sizes of feature maps lead to an image, and how many channels they have."""

from __future__ import annotations

from collections.abc import Sequence

SMALLEST_START = 4  # pixels of the shorter side of the first map
Side = int | Sequence[int]
"""Of an image: one number, or height and width."""


def map_sizes(image_size: Side) -> list[tuple[int, int]]:
    """Return the (height, width) of every feature map, from the first to that of the image.

    Each is twice the one before. The first has a shorter side of 4 to 7 pixels: 4x4 for powers of two, 6x6
    for images of 48, 96 or 192 pixels, 4x6 for those of 64x96.

    Args:
        image_size: of the images in pixels.

    Raises:
        ValueError: if a side is too small, or cannot be halved to such a map.
    """
    sides = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
    if len(sides) != 2:
        raise ValueError(
            f"model.image_size is {image_size}: it is one number, or two, the height and the width."
        )
    height, width = sides
    doublings = max(min(sides) // SMALLEST_START, 0).bit_length() - 1
    factor = 2 ** max(doublings, 0)
    if doublings < 1 or height % factor or width % factor:
        raise ValueError(
            f"Images of {height}x{width} pixels are not what a map of 4 to 7 pixels becomes by doubling: "
            f"{_remedy(height, width, factor)}."
        )
    return [(height // factor * 2**level, width // factor * 2**level) for level in range(doublings + 1)]


def map_channels(levels: int, base: int, most: int) -> list[int]:
    """Return the channels of as many feature maps, those of 4 pixels first: base / side, but not too many.

    A map that is not a square of a power of two has those of the power of two in its place.
    """
    return [max(min(base // (SMALLEST_START * 2**level), most), 1) for level in range(levels)]


def _remedy(height: int, width: int, factor: int) -> str:
    if min(height, width) < 2 * SMALLEST_START:
        return f"both sides must have {2 * SMALLEST_START} pixels or more"
    nearest = " by ".join(_nearest(side, factor) for side in (height, width))
    return f"both sides must be multiples of {factor}, such as {nearest}"


def _nearest(side: int, factor: int) -> str:
    return str(max(round(side / factor), 1) * factor)
