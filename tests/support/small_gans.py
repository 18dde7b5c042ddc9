"""The smallest GAN, and one whose discriminator is linear, so that its losses are known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from support.tiny import trainer
from torch import Tensor, nn
from torch.utils.data import DataLoader

from datamodules.images.batches import ImageBatch
from gans.gan import GAN

SLOPE = 3.0


class LinearScore(nn.Module):
    """Scores an image by SLOPE times its mean: its gradient is SLOPE / pixels at each pixel, everywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(SLOPE))
        self.seen: list[Tensor] = []

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        self.seen.append(images.detach())
        return self.slope * images.flatten(1).mean(1)


def tiny(**arguments: Any) -> GAN:
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"image_size": 4, "channels": 1, "latent_size": 3, "width": 5}
    return GAN(**(sizes | arguments))


def linear(**arguments: Any) -> tuple[GAN, LinearScore]:
    """Return a GAN whose discriminator is linear: its losses are known."""
    module, score = tiny(**arguments), LinearScore()
    module.discriminator = score
    return module, score


def batch(count: int = 4, seed: int = 1) -> ImageBatch:
    images = torch.rand(count, 1, 4, 4, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    return ImageBatch(images, names=[f"{index}.png" for index in range(count)])


def fit(module: GAN, folder: Path, steps: int = 1, **options: Any) -> Any:
    """Train in `steps` steps on one batch each; return the trainer."""
    options = {"max_steps": steps, "max_epochs": -1, "precision": "32-true"} | options
    fitting = trainer(folder, **options)
    fitting.fit(module, DataLoader([batch()] * steps, batch_size=None))  # type: ignore[arg-type]
    return fitting
