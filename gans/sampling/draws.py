"""Random numbers of a training step, one row for each image of a batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


class Draws:
    """Draws numbers for the images of a batch, in the order in which they are asked for.

    They are drawn for the joined batch of all processes, of which each takes the rows of its own images: an
    image meets the same numbers on one process and on several.

    Args:
        generator: the same on all processes, on the device of the images; None is torch's global one.
        rank: of this process.
        world: number of processes.
    """

    def __init__(self, generator: torch.Generator | None = None, rank: int = 0, world: int = 1) -> None:
        self._generator = generator
        self._rank = rank
        self._world = world

    def uniform(self, images: Tensor, *shape: int) -> Tensor:
        """Return numbers in [0, 1), (N, *shape), for images (N, ...), where they are, in their precision."""
        return self._rows(torch.rand, images, shape)

    def normal(self, images: Tensor, *shape: int) -> Tensor:
        """Return standard normal numbers, otherwise as `uniform` does."""
        return self._rows(torch.randn, images, shape)

    def _rows(self, draw: Callable[..., Tensor], images: Tensor, shape: tuple[int, ...]) -> Tensor:
        joined = len(images) * self._world, *shape
        drawn = draw(joined, generator=self._generator, dtype=images.dtype, device=images.device)
        return drawn[self._rank :: self._world]


@dataclass(frozen=True)
class Chance:
    """The numbers by which one transform changes each image of a batch, if it does.

    Attributes:
        images: (N, C, H, W).
        probability: that the transform applies to an image; above 1 it always does.
        draws: where the numbers come from.
    """

    images: Tensor
    probability: float
    draws: Draws

    def uniform(self, *shape: int) -> Tensor:
        """Draw numbers in [0, 1), (N, *shape)."""
        return self.draws.uniform(self.images, *shape)

    def normal(self, *shape: int) -> Tensor:
        """Draw standard normal numbers, (N, *shape)."""
        return self.draws.normal(self.images, *shape)

    def or_else(self, values: Tensor, neutral: float) -> Tensor:
        """Return values (N, ...), but `neutral` for the images that the transform leaves as they are."""
        gate = self.uniform(*[1] * (values.ndim - 1))
        return torch.where(gate < self.probability, values, neutral)
