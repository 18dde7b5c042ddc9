"""Chance in a training step that does not depend on the number of processes."""

from __future__ import annotations

import lightning as L
import torch
from torch import Tensor

from gans.training.lightning_internals import has_trainer

NOBODYS_RANK = 4095  # steps are seeded 4096 apart; no process draws from this seed


def joined_generator(
    module: L.LightningModule, device: torch.device | str = "cpu", stream: int = 0
) -> torch.Generator:
    """Return a generator that is a function of the seed and the training step, the same on all processes.

    Args:
        module: of a variant; the base seeds each of its steps by its number plus the rank.
        device: where it is to draw.
        stream: number of the draws, of those of a step that are to differ.
    """
    # Without the rank, all processes draw the same.
    seed = torch.initial_seed() - module.global_rank + NOBODYS_RANK - stream
    return torch.Generator(device).manual_seed(seed)


def joined_noise(module: L.LightningModule, count: int, size: int) -> Tensor:
    """Draw standard normal noise (count, size) for the rows of this process's training batch.

    It is drawn for the joined batch of all processes, of which each takes its rows: what belongs to an image
    is the same on one process and on several. Called twice in a step it returns the same.

    Args:
        module: whose device and precision the noise gets; without a trainer it counts as the only process.
        count: rows of this process's batch; all processes have as many.
        size: numbers in a row.
    """
    world = module.trainer.world_size if has_trainer(module) else 1
    like = next(module.parameters())
    generator = joined_generator(module, like.device)
    joined = torch.randn(count * world, size, generator=generator, device=like.device, dtype=like.dtype)
    return joined[module.global_rank :: world]
