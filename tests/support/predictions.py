"""Prediction of a folder without the command: data module, a model that needs no training, and writer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import nn

from datamodules import UnpairedImages
from datamodules.base import PredictBatch
from gans.callbacks.predicting.write_predictions import WritePredictions
from gans.protocol import Predictions


class Negative(nn.Module):
    """Makes pictures of each image, light and dark reversed; counts the images it has seen."""

    def __init__(self, pictures: Sequence[str] = ("one", "two")) -> None:
        super().__init__()
        self.pictures = pictures
        self.network = nn.Conv2d(3, 3, 1)
        self.seen = 0
        self.hparams: dict[str, Any] = {}

    def generator_networks(self) -> tuple[str, ...]:
        return ("network",)

    def averaged(self, name: str) -> nn.Module:
        return self.network

    def predict_step(self, batch: PredictBatch, batch_idx: int) -> Predictions:
        self.network(batch.images)
        count = len(self.pictures)
        self.seen += len(batch.names)
        names = [f"{which}/{name}" for which in self.pictures for name in batch.names]
        return Predictions(torch.cat([-batch.images] * count), names, batch.names * count)


@torch.no_grad()
def predict(
    folder: Path, *, data: dict[str, Any] | None = None, model: Negative | None = None, **arguments: Any
) -> Negative:
    """Predict FOLDER/set/images to FOLDER/out, by default in tiles of 32 pixels.

    Args:
        folder: with the images.
        data: arguments of the data module.
        model: makes the pictures.
        arguments: of the writer.
    """
    settings = {"eval_batch_size": 4, "tile": 32, "overlap": 8} | (data or {})
    images = UnpairedImages(
        faces_count=2, test_count=3, size=16, predict_dir=str(folder / "set" / "images"), **settings
    )
    trainer: Any = SimpleNamespace(default_root_dir=str(folder / "out"), datamodule=images)
    module: Any = model or Negative()
    writer = WritePredictions(**arguments)
    writer.setup(trainer, module, "predict")
    loader = images.predict_dataloader()
    module.seen = 0  # the probe was no image
    for number, loaded in enumerate(loader):
        batch = loaded.finish()
        writer.write_on_batch_end(trainer, module, module.predict_step(batch, 0), None, batch, number, 0)
    writer.on_predict_end(trainer, module)
    return module  # type: ignore[no-any-return]
