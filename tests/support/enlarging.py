"""A variant whose pictures are larger than its images: all that asks for sizes is tried with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import lightning as L
import torch
from torch import Tensor, nn

from datamodules import PairedImages
from datamodules.base import PredictBatch
from datamodules.paired.batches import PairedBatch
from gans.base import AdversarialModule
from gans.callbacks.predicting.write_predictions import WritePredictions
from gans.inference import Given, mapped
from gans.losses.reconstruction import l1
from gans.protocol import Comparison, Grid, Predictions
from gans.training.turns import Player


class Enlarger(AdversarialModule):
    """Learns by the L1 distance alone to make of images pictures `scale` times as high and wide.

    Args:
        channels_in: of the images; the pictures have as many.
        image_size: edge in pixels of the training images.
        scale: pictures are so many times as high and wide.
        **optimisation: the arguments of `AdversarialModule`.
    """

    batch_type = PairedBatch
    players: ClassVar[tuple[Player, ...]] = (Player("generator", ("generator",)),)

    def __init__(
        self, channels_in: int = 3, image_size: int = 16, scale: int = 2, **optimisation: Any
    ) -> None:
        super().__init__(**optimisation)
        self.scale = scale
        self.generator = nn.Sequential(
            nn.Conv2d(channels_in, 4, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.Upsample(scale_factor=scale),
            nn.Conv2d(4, channels_in, 3, padding=1),
            nn.Tanh(),
        )

    def generator_terms(self, batch: PairedBatch, products: None) -> dict[str, Tensor]:
        """Return the L1 distance to the targets (N, C, scale * H, scale * W)."""
        return {"l1": l1(self.generator(batch.input), batch.target)}

    def translate(self, images: Given) -> Given:
        """Enlarge images (N, C, H, W), or in any other form, to (N, C, scale * H, scale * W)."""
        network = self.averaged("generator")
        return mapped(images, network, self.hparams["channels_in"], network)

    def comparisons(self, batch: PairedBatch) -> dict[str, Comparison]:
        """Return the pictures, beside the targets both as real images and as their truth."""
        fake = self.translate(batch.input)
        return {"enlarged": Comparison(fake, batch.target, batch.input, batch.target)}

    def grids(self, batch: PairedBatch) -> dict[str, Grid]:
        """Return input, output and target."""
        columns = {"input": batch.input, "output": self.translate(batch.input), "target": batch.target}
        return {"enlarged": Grid(columns)}

    def predict_step(self, batch: PredictBatch, batch_idx: int) -> Predictions:
        """Enlarge a batch of a folder."""
        return Predictions(self.translate(batch.images), batch.names)


def enlarger(scale: int = 2) -> Enlarger:
    """Return an untrained one whose weights are large enough for all of an image to show in the picture."""
    torch.manual_seed(0)
    model = Enlarger(scale=scale)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2)
    return model


def predict(model: L.LightningModule, folder: Path, output: str, **settings: Any) -> dict[str, Path]:
    """Predict FOLDER/in to FOLDER/OUTPUT by a trainer; return the files by name.

    Args:
        model: enlarges the images.
        folder: with the images.
        output: name of the folder of the pictures.
        **settings: of the writer, and of the data module.
    """
    names = ("outscale", "suffix", "also_copy", "skip_existing")
    writer = {key: settings.pop(key) for key in names if key in settings}
    data = PairedImages(
        faces_count=1, test_count=1, predict_dir=str(folder / "in"), eval_batch_size=3, **settings
    )
    root = folder / output
    trainer = L.Trainer(
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        default_root_dir=root,
        callbacks=[WritePredictions(**writer)],
    )
    trainer.predict(model, data, return_predictions=False)
    return {path.relative_to(root).as_posix(): path for path in sorted(root.rglob("*")) if path.is_file()}
