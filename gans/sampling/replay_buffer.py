"""Images that go on changing from step to step, as chains of samples."""

from __future__ import annotations

import torch
from torch import Tensor

from gans.checkpoints.contents import OwnState

LEVELS = 256


class ReplayBuffer(OwnState):
    """Keeps chains of samples, so that each begins where it stopped when it was last drawn.

    All chains begin as uniform noise. Whenever one is drawn it begins again with a small probability, so that
    noise is always among what is drawn.

    Images are kept with 8 bits, a quarter of the memory, and get uniform noise of one level when they are
    drawn, as in the official program. They are part of `state_dict()`, hence of a checkpoint: 10 000 images
    of 32 x 32 pixels in colour take 31 MB. Places are drawn from torch's global CPU generator, so the device
    is never waited for.

    Papers: Tieleman 2008, "Training restricted Boltzmann machines using approximations to the likelihood
    gradient", for persistent chains; Du & Mordatch 2019, arXiv:1903.08689, for this buffer.

    Args:
        size: number of chains, at least 1.
        restart_share: probability, in [0, 1], that a chain which is drawn begins again.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(self, size: int = 10_000, restart_share: float = 0.05) -> None:
        super().__init__()
        if size < 1 or not 0 <= restart_share <= 1:
            raise ValueError(
                f"A replay buffer of {size} chains, of which {restart_share} restart: it has 1 chain or "
                "more, and the share lies in [0, 1]."
            )
        self.size, self.restart_share = size, restart_share
        self._levels: Tensor | None = None  # (size, C, H, W) uint8, once the shape of an image is known

    def draw(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """Draw as many chains as `like` (N, C, H, W) has images, none of them twice.

        Args:
            like: whose shape, type and device the images get.

        Returns:
            Images (N, C, H, W) in [-1, 1], and their places in the buffer (N,), to be given to `keep`.

        Raises:
            ValueError: if there are fewer chains than images in the batch.
        """
        if len(like) > self.size:
            raise ValueError(
                f"The replay buffer has {self.size} chains, and a batch of {len(like)} needs more."
            )
        levels = self._filled(like)
        places = torch.randperm(self.size, device="cpu")[: len(like)].to(like.device)
        kept = (levels[places].to(like) + torch.rand_like(like)) * (2 / LEVELS) - 1
        restarted = torch.rand(len(like), device="cpu") < self.restart_share
        return torch.where(restarted.to(like.device)[:, None, None, None], uniform_noise(like), kept), places

    def keep(self, places: Tensor, images: Tensor) -> None:
        """Store where the chains at these places (N,) have come: images (N, C, H, W) in [-1, 1]."""
        levels = self._filled(images)
        levels[places] = ((images.detach() + 1) * (LEVELS / 2)).clamp(0, LEVELS - 1).to(torch.uint8)

    def _filled(self, like: Tensor) -> Tensor:
        """Return all chains on the device of `like`; those that have not begun are noise."""
        levels = (
            like.new_empty((0, *like.shape[1:]), dtype=torch.uint8) if self._levels is None else self._levels
        )
        if len(levels) < self.size or levels.device != like.device:
            shape = (self.size - len(levels), *like.shape[1:])
            noise = torch.randint(LEVELS, shape, dtype=torch.uint8, device=like.device)
            self._levels = levels = torch.cat([levels.to(like.device), noise])
        return levels

    def get_extra_state(self) -> list[Tensor]:
        """Return the chains on the CPU for `state_dict`; an empty list before the first was drawn."""
        return [] if self._levels is None else [self._levels.cpu()]

    def set_extra_state(self, state: list[Tensor]) -> None:
        """Take over chains from `load_state_dict`; a smaller buffer keeps the first ones."""
        self._levels = state[0][: self.size].clone() if state else None


def uniform_noise(like: Tensor) -> Tensor:
    """Return uniform noise in [-1, 1] of the shape, type and device of `like`."""
    return torch.rand_like(like) * 2 - 1
