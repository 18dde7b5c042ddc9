"""What the official programs of StyleGAN2-ADA and R3GAN drew while they were recorded."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from gans.sampling.draws import Draws


class RecordedDraws(Draws):
    """Gives the numbers of the recordings' rule, which goes by the number of the draw, or those listed.

    Attributes:
        taken: number of draws so far.

    Args:
        values: what is drawn, in order; None draws by the rule.
    """

    def __init__(self, values: list[Tensor] | None = None) -> None:
        super().__init__()
        self.taken = 0
        self._values = values

    def uniform(self, images: Tensor, *shape: int) -> Tensor:
        """Return the next draw of numbers in [0, 1)."""
        return self._drawn(images, shape, lambda wave: 0.5 + 0.499 * wave)

    def normal(self, images: Tensor, *shape: int) -> Tensor:
        """Return the next draw of normal numbers."""
        return self._drawn(images, shape, lambda wave: wave)

    def _drawn(self, images: Tensor, shape: tuple[int, ...], rule: Any) -> Tensor:
        whole = (len(images), *shape)
        number, self.taken = self.taken, self.taken + 1
        if self._values is not None:
            return self._values[number].to(images).view(whole)
        values = rule(np.cos(0.7 * number + 0.9 * np.arange(np.prod(whole))))
        return torch.from_numpy(values.astype(np.float32)).to(images).view(whole)
