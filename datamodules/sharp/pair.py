"""How a small and a large image become one: made of a sharp picture, or of two files.

A pair is one tensor (2 * C, H, W) of the size of the large image, with the channels of the small one first,
each of whose pixels stands there `scale` times in each direction. So it is cached, cut, mirrored and turned
like any image, and nothing can be drawn for one of the two alone. Cut at multiples of the scale, both show
the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from datamodules.degradations.filtering import mirrored
from datamodules.files.readers import ImageError
from datamodules.reading import ImageFiles, read_pixels
from datamodules.sharp.shrinking import Shrinking, cropped_to_multiples, shrink
from datamodules.transforms import one_type


def join(small: Tensor, large: Tensor) -> Tensor:
    """Join (C, H, W) and (C, scale * H, scale * W); 8 bit and deeper ones come to one range."""
    (channels, height, width), scale = small.shape, large.shape[1] // small.shape[1]
    repeated = small[:, :, None, :, None].expand(-1, -1, scale, -1, scale)
    return torch.cat(one_type([repeated.reshape(channels, scale * height, scale * width), large]))


def separate(pairs: Tensor, scale: int) -> tuple[Tensor, Tensor]:
    """Return the small images (N, C, H / scale, W / scale) and the large ones of pairs (N, 2 * C, H, W)."""
    small, large = pairs.chunk(2, dim=1)
    return small[..., ::scale, ::scale], large


def middle(image: Tensor, side: int, scale: int) -> Tensor:
    """Return the window of at most (C, side, side) in the middle, which begins at multiples of the scale."""
    height, width = (min(side, length) for length in image.shape[1:])
    top, left = ((image.shape[1] - height) // 2, (image.shape[2] - width) // 2)
    top, left = top - top % scale, left - left % scale
    return image[:, top : top + height, left : left + width]


@dataclass(frozen=True)
class AtLeast:
    """Lets pictures (C, H, W) pass that have room for a window.

    Attributes:
        side: of the window.

    Raises:
        ValueError: a picture is smaller.
    """

    side: int

    def __call__(self, picture: Tensor) -> Tensor:
        """Return the picture."""
        height, width = picture.shape[1:]
        if min(height, width) < self.side:
            raise ValueError(
                f"{width}x{height} pixels are too few for a window of {self.side}, which is data.scale * "
                "data.size. Choose a smaller size, or leave such pictures out with on_bad_image: skip"
            )
        return picture


@dataclass(frozen=True)
class MirroredTo:
    """Enlarges pictures (C, H, W) that are smaller than a window by what mirrors below and at the right show.

    Attributes:
        side: of the window.
    """

    side: int

    def __call__(self, picture: Tensor) -> Tensor:
        """Return the picture, mirrored as far as it is too small."""
        for dim in (1, 2):
            missing = self.side - picture.shape[dim]
            if missing > 0:
                picture = mirrored(picture, missing, dim).narrow(dim, missing, self.side)
        return picture


@dataclass(frozen=True)
class Multiples:
    """Crops pictures (C, H, W) below and at the right to sides that the scale divides.

    Attributes:
        scale: what sides are multiples of.

    Raises:
        ValueError: a picture is smaller than the scale.
    """

    scale: int

    def __call__(self, picture: Tensor) -> Tensor:
        """Crop."""
        return cropped_to_multiples(picture, self.scale)


@dataclass(frozen=True)
class WithSmaller:
    """Makes a pair of a sharp picture (C, H, W), cropped to sides that the scale divides.

    Attributes:
        scale: the small image is so many times smaller.
        shrinking: how it is made.
        refuse: returns cropped pictures, or raises a ValueError for those that cannot be used.

    Raises:
        ValueError: the picture is smaller than the scale, or is refused.
    """

    scale: int
    shrinking: Shrinking
    refuse: Callable[[Tensor], Tensor]

    def __call__(self, picture: Tensor) -> Tensor:
        """Crop, make smaller and join."""
        large = self.refuse(cropped_to_multiples(picture, self.scale))
        return join(shrink(large, self.scale, self.shrinking), large)


@dataclass(frozen=True, eq=False)
class GivenPairs(ImageFiles):
    """Pairs in files; `paths` and `names` are those of the large images, which `prepare` lets pass.

    Where the large image lacks, or has beyond them, less than `scale` rows or columns for those of the small
    one, both lose these below and at the right.

    Attributes:
        small: the file of the small image by that of the large one.
        scale: large images are so many times as high and wide.

    Raises:
        ImageError: when a pair is asked for of which an image cannot be used, or of another scale.
    """

    small: Mapping[Path, Path]
    scale: int

    def __getitem__(self, index: int) -> Tensor:
        paths = self.small[self.paths[index]], self.paths[index]
        small, large = (read_pixels(path, self.channels, self.value_range) for path in paths)
        try:
            small, large = aligned(small, large, self.scale)
            self.prepare(large)
        except ValueError as error:
            raise ImageError(f"{paths[0]} and {paths[1]}: {error}") from error
        return join(small, large)


def aligned(small: Tensor, large: Tensor, scale: int) -> tuple[Tensor, Tensor]:
    """Return (C, H, W) and (C, scale * H, scale * W) of images that show the same from their first pixel on.

    Raises:
        ValueError: their sizes differ by another factor.
    """
    sides = list(zip(small.shape[1:], large.shape[1:], strict=True))
    if any(abs(scale * short - long) >= scale for short, long in sides):
        shown = " and ".join(f"{image.shape[2]}x{image.shape[1]}" for image in (small, large))
        raise ValueError(
            f"{shown} pixels are no small and large image of data.scale {scale}. Give pairs in which the "
            f"large one has {scale} times the height and width of the small one, or set their scale"
        )
    height, width = (min(short, long // scale) for short, long in sides)
    return small[:, :height, :width], large[:, : scale * height, : scale * width]
