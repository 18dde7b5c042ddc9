"""Which sizes of feature maps lead to an image, and how many channels they have."""

from __future__ import annotations

from gans.networks.sizes import Side, height_and_width

SMALLEST_START = 4  # pixels of the shorter side of the first map


def map_sizes(image_size: Side) -> list[tuple[int, int]]:
    """Return the (height, width) of every feature map, from the first to that of the image.

    Each is twice the one before. The first has a shorter side of 4 to 7 pixels: 4x4 for powers of two, 6x6
    for images of 48, 96 or 192 pixels, 4x6 for those of 64x96.

    Args:
        image_size: of the images in pixels.

    Raises:
        ValueError: if a side is too small, or cannot be halved to such a map.
    """
    height, width = height_and_width(image_size)
    doublings = _doublings(height, width)
    if not doublings:
        raise ValueError(_refusal(height, width))
    factor = 2**doublings
    return [(height // factor * 2**level, width // factor * 2**level) for level in range(doublings + 1)]


def nominal_side(image_size: Side) -> int:
    """Return the power of two in whose place an image stands: that of a square from a map of 4x4 pixels."""
    return int(SMALLEST_START * 2 ** (len(map_sizes(image_size)) - 1))


def map_channels(levels: int, base: int, most: int) -> list[int]:
    """Return the channels of as many feature maps, those of 4 pixels first: base / side, but not too many.

    A map that is not a square of a power of two has those of the power of two in its place.
    """
    return [max(min(base // (SMALLEST_START * 2**level), most), 1) for level in range(levels)]


def _doublings(height: int, width: int) -> int:
    """Return how often a map of 4 to 7 pixels doubles to these sides; 0 if none does."""
    doublings = max(min(height, width) // SMALLEST_START, 1).bit_length() - 1
    return 0 if height % 2**doublings or width % 2**doublings else doublings


def _refusal(height: int, width: int) -> str:
    """Return why images of these sides are not made, and the nearest that are."""
    rule = "a map whose shorter side has 4 to 7 pixels becomes the image by doubling"
    if height != width:
        factor = 2 ** (max(min(height, width) // SMALLEST_START, 2).bit_length() - 1)
        nearest = "x".join(str(max(round(side / factor), 1) * factor) for side in (height, width))
        return (
            f"data.size, or image_size in Python, is {height}x{width} (height x width), but {rule}: both "
            f"sides must be multiples of {factor}, such as --data.size {nearest}."
        )
    sides = [_next_square(height, step) for step in (-1, 1)]
    nearest = " or ".join(f"--data.size {side}" for side in sides if side)
    return f"data.size, or image_size in Python, is {height}, but {rule}: give {nearest}."


def _next_square(side: int, step: int) -> int:
    """Return the nearest side of a square that can be made, downwards or upwards; 0 if there is none."""
    while side > 0 and not _doublings(side, side):
        side += step
    return max(side, 0)
