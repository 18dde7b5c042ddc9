"""Changes of brightness, contrast, hue and saturation, all in one matrix for each image.

Of ADA (Karras et al. 2020, arXiv:2006.06676, appendix B): matrices (N, 4, 4) on colours (r, g, b, 1) in
[-1, 1], whose axis of greys is (1, 1, 1).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from gans.sampling.draws import Chance

BRIGHTNESS = 0.2  # standard deviation of what is added
CONTRAST = 0.5  # of the exponent of 2
SATURATION = 1.0  # of the exponent of 2

OF_COLOURS = ("hue", "saturation")  # what images of one channel have not


def brightness(chance: Chance) -> Tensor:
    """Add one number to all channels."""
    added = chance.or_else(BRIGHTNESS * chance.normal(), 0)
    matrices = _identity(chance.images)
    matrices[:, :3, 3] = added[:, None]
    return matrices


def contrast(chance: Chance) -> Tensor:
    """Scale all channels about 0."""
    return _linear(_scaled(chance.or_else(torch.exp2(CONTRAST * chance.normal()), 1), _unit(chance.images)))


def luma_flip(chance: Chance) -> Tensor:
    """Turn light into dark in half of the images, and leave hue and saturation."""
    flipped = chance.or_else((2 * chance.uniform()).floor(), 0)
    return _linear(_unit(chance.images) - _scaled(2 * flipped, _greys(chance.images)))


def hue(chance: Chance) -> Tensor:
    """Turn by any angle about the axis of greys."""
    angles = chance.or_else((2 * chance.uniform() - 1) * math.pi, 0)
    greys, unit = _greys(chance.images), _unit(chance.images)
    turned = _scaled(angles.cos(), unit - greys) + _scaled(angles.sin(), _across(chance.images))
    return _linear(greys + turned)


def saturation(chance: Chance) -> Tensor:
    """Scale the distance from the axis of greys."""
    factor = chance.or_else(torch.exp2(SATURATION * chance.normal()), 1)
    greys = _greys(chance.images)
    return _linear(greys + _scaled(factor, _unit(chance.images) - greys))


TRANSFORMS: dict[str, Callable[[Chance], Tensor]] = {
    "brightness": brightness,
    "contrast": contrast,
    "lumaflip": luma_flip,
    "hue": hue,
    "saturation": saturation,
}
"""In the order in which they are drawn; the names are those of the paper's program."""


def recoloured(images: Tensor, chances: Mapping[str, Chance]) -> Tensor:
    """Apply those colour transforms to images (N, 1 or 3, H, W) that have a chance.

    Grey images have neither hue nor saturation, for which nothing is drawn.

    Raises:
        ValueError: if the images have another number of channels.
    """
    asked = [name for name in TRANSFORMS if name in chances]
    if asked and images.shape[1] not in (1, 3):
        raise ValueError(
            "Colours are augmented in images of 1 or 3 channels, and the discriminator sees "
            f"{images.shape[1]}: leave color out, such as by --model.augment_pipe '{{blit: 1, geom: 1}}'."
        )
    if images.shape[1] == 1:
        asked = [name for name in asked if name not in OF_COLOURS]
    if not asked:
        return images
    matrices = _identity(images)
    for name in asked:
        matrices = TRANSFORMS[name](chances[name]) @ matrices
    factors, offsets = matrices[:, :3, :3], matrices[:, :3, 3:]
    if images.shape[1] == 1:
        factors, offsets = factors.sum(2, keepdim=True).mean(1, keepdim=True), offsets.mean(1, keepdim=True)
    return (factors @ images.flatten(2) + offsets).view_as(images)


def _scaled(factors: Tensor, matrix: Tensor) -> Tensor:
    """Return the matrix (3, 3) times each factor (N,)."""
    return factors[:, None, None] * matrix


def _unit(like: Tensor) -> Tensor:
    return torch.eye(3, dtype=like.dtype, device=like.device)


def _greys(like: Tensor) -> Tensor:
    """Return the projection onto the axis of greys."""
    return torch.full((3, 3), 1 / 3, dtype=like.dtype, device=like.device)


def _across(like: Tensor) -> Tensor:
    """Return the cross product with the axis of greys: the quarter turn about it, of what stands across."""
    return like.new_tensor([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / math.sqrt(3)


def _identity(images: Tensor) -> Tensor:
    unit = torch.eye(4, dtype=images.dtype, device=images.device)
    return unit.repeat(len(images), 1, 1)


def _linear(matrices: Tensor) -> Tensor:
    """Return matrices (N, 3, 3) as such on (r, g, b, 1)."""
    whole = _identity(matrices)
    whole[:, :3, :3] = matrices
    return whole
