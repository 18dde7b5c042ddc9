"""The smallest MUNIT, and images for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from support.tiny import trainer
from torch import Tensor
from torch.utils.data import DataLoader

from datamodules.unpaired.batches import UnpairedBatch
from gans.munit import MUNIT

TINY: dict[str, Any] = {
    "image_size": 16,
    "generator_width": 4,
    "blocks": 1,
    "style_size": 3,
    "mlp_width": 8,
    "discriminator_width": 4,
    "discriminator_layers": 2,
    "discriminator_scales": 2,
}
NAMES = ["a.png", "b.png"]


def tiny(**arguments: Any) -> MUNIT:
    torch.manual_seed(0)
    return MUNIT(**(TINY | arguments))


def images(count: int = 2, channels: int = 3, height: int = 16, width: int = 16, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, channels, height, width, generator=generator) * 2 - 1


def batch(**sides: int) -> UnpairedBatch:
    return UnpairedBatch(images(**sides), images(seed=1, **sides), names_A=NAMES, names_B=NAMES)


def fit(module: MUNIT, folder: Path, pairs: UnpairedBatch, epochs: int = 1) -> dict[str, float]:
    """Train on one batch per epoch; return the last losses."""
    fitting = trainer(folder, max_epochs=epochs, precision="32-true")
    fitting.fit(module, DataLoader([pairs], batch_size=None))  # type: ignore[arg-type]
    logged = fitting.callback_metrics.items()
    return {name.removeprefix("train/"): float(value) for name, value in logged if name.count("/") == 2}
