"""Chance in a training step that does not depend on the number of processes."""

from __future__ import annotations

import lightning as L
import torch
from torch import Tensor

from gans.sampling.draws import Draws
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


class JoinedChance:
    """Draws in a training step for the joined batch of all processes, of which each takes its rows.

    So what belongs to an image is the same on one process and on several. It is a function of the seed and
    the step; all processes ask for the same in the same order.

    Args:
        module: whose device and precision the draws get; without a trainer it counts as the only process.

    Attributes:
        world: number of processes.
    """

    def __init__(self, module: L.LightningModule) -> None:
        self.world = module.trainer.world_size if has_trainer(module) else 1
        self._like = next(module.parameters())
        generator = joined_generator(module, self._like.device)
        self._rows = Draws(generator, module.global_rank, self.world)
        # What decides about the step itself is drawn where nobody waits for the device.
        self._host = generator if generator.device.type == "cpu" else joined_generator(module)

    def normal(self, count: int, *shape: int) -> Tensor:
        """Draw standard normal numbers (count, *shape) for as many rows of each process's batch."""
        return self._rows.normal(self._like.new_empty(count), *shape)

    def uniform(self) -> float:
        """Draw one number in [0, 1), alike on all processes."""
        return float(torch.rand((), generator=self._host, dtype=torch.float64))

    def integer(self, low: int, high: int) -> int:
        """Draw one number from `low` to `high`, both included, alike on all processes."""
        return int(torch.randint(low, high + 1, (), generator=self._host))


def joined_noise(module: L.LightningModule, count: int, size: int) -> Tensor:
    """Draw standard normal noise (count, size) for the rows of this process's training batch.

    See `JoinedChance`. Called twice in a step it returns the same.

    Args:
        module: whose device and precision the noise gets; without a trainer it counts as the only process.
        count: rows of this process's batch; all processes have as many.
        size: numbers in a row.
    """
    return JoinedChance(module).normal(count, size)
