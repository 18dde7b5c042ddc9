"""The smallest adversarial variant: what the base does can be seen on it without images."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import lightning as L
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from gans.base import AdversarialModule
from gans.protocol import Comparison, Grid
from gans.sampling.image_history import ImageHistory
from gans.training.turns import Player, Turn


class TinyGAN(AdversarialModule):
    """A linear generator on (N, 3) inputs against a small critic; the generator steps every `rest` steps."""

    players: ClassVar[tuple[Player, ...]] = (
        Player("critic", ("critic",)),
        Player("generator", ("generator",)),
    )
    turns: ClassVar[tuple[Turn, ...]] = (Turn("critic"), Turn("generator", every="rest"))

    def __init__(
        self, rest: int = 1, poison_step: int = 0, history_size: int = 4, **optimisation: Any
    ) -> None:
        super().__init__(**optimisation)
        self.generator = nn.Linear(3, 3)
        self.critic = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
        self.history = ImageHistory(history_size)

    def produce(self, batch: list[Tensor]) -> Tensor:
        fake: Tensor = self.generator(batch[0])
        return fake

    def critic_terms(self, batch: list[Tensor], fake: Tensor) -> dict[str, Tensor]:
        return {
            "real": self.critic(batch[0]).pow(2).mean(),
            "fake": (self.critic(self.history(fake)) - 1).pow(2).mean(),
        }

    def generator_terms(self, batch: list[Tensor], fake: Tensor) -> dict[str, Tensor]:
        poison = float("nan") if self.global_step + 1 == self.hparams["poison_step"] else 1.0
        return {"adversarial": self.critic(fake).pow(2).mean() * poison}

    def comparisons(self, batch: list[Tensor]) -> dict[str, Comparison]:
        return {"same": Comparison(self.averaged("generator")(batch[0]), batch[0])}

    def grids(self, batch: list[Tensor]) -> dict[str, Grid]:
        return {}


def rows(count: int) -> DataLoader[Any]:
    """Return `count` fixed float64 rows in order, as one batch each of size 2."""
    values = torch.linspace(-1, 1, count * 3, dtype=torch.float64).view(count, 3)
    return loader(values, 2)


def loader(values: Tensor, batch_size: int) -> DataLoader[Any]:
    return DataLoader(TensorDataset(values), batch_size=batch_size)


def trainer(folder: Path, **options: Any) -> L.Trainer:
    """Return a quiet float64 trainer that writes into `folder`."""
    settings: dict[str, Any] = {
        "accelerator": "cpu",
        "precision": "64-true",
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "log_every_n_steps": 1,
        "max_epochs": 1,
    }
    return L.Trainer(default_root_dir=folder, **(settings | options))
