"""How probable augmentation has to be, by how surely a discriminator recognises the training images."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from gans.checkpoints.contents import OwnState


class AdaptiveProbability(OwnState):
    """The probability of augmentation that keeps a discriminator from learning the training images by heart.

    One that does scores nearly all of them for real, whose mean sign then nears 1, and the generator learns
    nothing any more. Every few steps the probability rises by a fixed amount where that mean lies above the
    target, and falls where it lies below, never under 0. There is no upper bound: from 1 on every transform
    always applies.

    The mean is over all processes, which so have the same probability; what each has noticed since the last
    look is its own part of a checkpoint, and a resumed run continues exactly.

    Paper: Karras et al. 2020, arXiv:2006.06676, section 3.

    Args:
        start: the first probability.
        target: of the mean sign.
        kimg: thousands of images over which the probability moves by 1.

    Attributes:
        probability: as it is now.
        sign: the mean sign at the last look; None before the first.
    """

    def __init__(self, start: float, target: float, kimg: float) -> None:
        super().__init__()
        self.probability = start
        self.sign: float | None = None
        self._target = target
        self._kimg = kimg
        self._images = 0
        self._scores = 0
        self._sum = torch.zeros((), dtype=torch.int64)

    def notice(self, margins: Tensor) -> None:
        """Take notice of scores of real images, of any shape: above 0 where they were recognised."""
        self._sum = self._sum.to(margins.device) + margins.detach().sign().sum(dtype=torch.int64)
        self._scores += margins.numel()

    def count(self, images: int) -> None:
        """Count images that a step of this process was trained on."""
        self._images += images

    def adapt(self) -> None:
        """Look at what was noticed since the last look, and move the probability (a collective call)."""
        noticed = torch.stack([self._sum, *self._sum.new_tensor([self._scores, self._images])])
        if dist.is_available() and dist.is_initialized():
            dist.all_reduce(noticed)
        total, scores, images = noticed.tolist()
        self._images, self._scores, self._sum = 0, 0, torch.zeros_like(self._sum)
        if not scores:
            return
        self.sign = total / scores
        direction = (self.sign > self._target) - (self.sign < self._target)
        self.probability = max(0.0, self.probability + direction * images / (1000 * self._kimg))

    def get_extra_state(self) -> dict[str, Any]:
        """Return all that a resumed run needs, for `state_dict`."""
        noticed = {"images": self._images, "scores": self._scores, "sum": int(self._sum)}
        return {"probability": self.probability, "sign": self.sign} | noticed

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Take over the state that `load_state_dict` has found."""
        self.probability, self.sign = state["probability"], state["sign"]
        self._images, self._scores = state["images"], state["scores"]
        self._sum = torch.tensor(state["sum"], dtype=torch.int64)
