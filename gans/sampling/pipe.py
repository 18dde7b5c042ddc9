"""The augmentation pipe of StyleGAN2-ADA, through which a discriminator sees images, real and fake alike."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from gans.sampling.colours import TRANSFORMS as OF_COLOUR
from gans.sampling.colours import recoloured
from gans.sampling.disturbances import cut_out, filtered, noisy
from gans.sampling.draws import Chance, Draws
from gans.sampling.geometry import moved

PARTS: dict[str, tuple[str, ...]] = {
    "blit": ("xflip", "rotate90", "xint"),
    "geom": ("scale", "rotate", "aniso", "xfrac"),
    "color": tuple(OF_COLOUR),
    "filter": ("imgfilter",),
    "noise": ("noise",),
    "cutout": ("cutout",),
}
"""Part -> its transforms."""

BGC = {"blit": 1.0, "geom": 1.0, "color": 1.0}
"""The parts of the paper's bgc."""

_LAST = {"imgfilter": filtered, "noise": noisy, "cutout": cut_out}


class Pipe:
    """Changes each image by every transform with a probability of its own, differentiably.

    As long as no transform is applied nearly always, a generator that is judged through the pipe still learns
    images as they are. Geometry comes first and is one resampling, colours second and are one matrix. Where
    geometry is asked for, the images are resampled even at probability 0, which blurs nothing but rounds.

    It computes in 32 bits under autocast, and can be differentiated twice.

    Paper: Karras et al. 2020, arXiv:2006.06676, appendix B.

    Args:
        asked: part (blit, geom, color, filter, noise, cutout) or single transform of one -> a factor, from 0,
            on the probability. A transform named by itself wins over its part.

    Raises:
        ValueError: if a name is unknown or a factor negative.
    """

    def __init__(self, asked: Mapping[str, float]) -> None:
        known = {name for part in PARTS.values() for name in part}
        for name, factor in asked.items():
            if name not in PARTS and name not in known:
                raise ValueError(
                    f"unknown part {name!r} of an augmentation pipe: choose from {', '.join(PARTS)}, or from "
                    f"single transforms: {', '.join(sorted(known - set(PARTS)))}"
                )
            if not factor >= 0:
                raise ValueError(f"the factor of {name} in an augmentation pipe is 0 or more, got {factor}")
        named = {name: asked[part] for part, names in PARTS.items() if part in asked for name in names}
        singles = {name: factor for name, factor in asked.items() if name in known}
        self.factors = {name: factor for name, factor in (named | singles).items() if factor > 0}

    def __call__(self, images: Tensor, probability: float, draws: Draws) -> Tensor:
        """Return images (N, 1 or 3, H, W) in [-1, 1], each changed in its own way; they may leave the range.

        Args:
            images: with at least 2 pixels a side, and 22 for the filters.
            probability: that a transform of factor 1 applies to an image; from 1 on it always does.
            draws: where the random numbers come from.
        """
        if images.dtype in (torch.float16, torch.bfloat16):
            images = images.float()
        chances = {name: Chance(images, factor * probability, draws) for name, factor in self.factors.items()}
        with torch.autocast(images.device.type, enabled=False):
            images = recoloured(moved(images, chances), chances)
            for name, transform in _LAST.items():
                if name in chances:
                    images = transform(images, chances[name])
        return images
