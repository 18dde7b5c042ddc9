"""Pictures of `predict`, under the names of their inputs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import BasePredictionWriter
from torch import Tensor

from datamodules.base import ImageDataModule
from datamodules.value_range import from_unit
from datamodules.writers import EIGHT_BIT, Target, encode_pixels, target_of
from gans.files import written_whole
from gans.protocol import Predictions


class WritePredictions(BasePredictionWriter):
    """Writes every predicted picture into the run folder, in the format of its input where that can hold it.

    `portraits/ann.jpg` becomes FOLDER/portraits/ann.jpg; a name without a known suffix, and a picture with
    transparency under a name like that, become .png. Images of `predict_dir` keep depth and range of values
    too: 16-bit PNG, float32 TIFF, NumPy, DICOM and NIfTI come back as such.
    """

    def __init__(self) -> None:
        super().__init__("batch")
        self.written = 0

    def write_on_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        prediction: Any,
        batch_indices: Sequence[int] | None,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int,
    ) -> None:
        """Write the pictures of one batch.

        Raises:
            TypeError: if the variant's `predict_step` returns something other than `Predictions`.
        """
        if not isinstance(prediction, Predictions):
            raise TypeError(
                f"{type(pl_module).__name__}.predict_step returned {type(prediction).__name__}, but pictures "
                "are written from gans.protocol.Predictions."
            )
        sources = prediction.sources or prediction.names
        for image, name, source in zip(prediction.images, prediction.names, sources, strict=True):
            save_image(image, Path(trainer.default_root_dir), name, _target(trainer, source))
            self.written += 1


def _target(trainer: Trainer, source: str) -> Target:
    """Return how the picture made of an input is written: like the file, where the data module knows it."""
    data = getattr(trainer, "datamodule", None)
    return target_of(data.origin(source) if isinstance(data, ImageDataModule) else None)


def save_image(image: Tensor, folder: Path, name: str, target: Target = EIGHT_BIT) -> Path:
    """Save one image (C, H, W) in [-1, 1], by default with 8 bits per channel, and return its path.

    Args:
        image: grey, RGB or RGBA; any other number of channels is saved as a TIFF without colours.
        folder: where it goes; folders in `name` are made below it.
        name: file name of the input, from which the format is taken.
        target: type and range of the values, and the file that this one is to be like.

    Raises:
        ValueError: if the name leads out of the folder.
    """
    return save_pixels(to_pixels(image, target), folder, name, target)


def to_pixels(image: Tensor, target: Target = EIGHT_BIT) -> Tensor:
    """Turn an image (C, H, W) in [-1, 1], or rows of one, into values of the target's type on the CPU."""
    values = image.detach().float().cpu().numpy()
    return torch.from_numpy(from_unit(values, target.bounds, target.dtype))


def save_pixels(pixels: Tensor, folder: Path, name: str, target: Target = EIGHT_BIT) -> Path:
    """Save pixels (C, H, W), as `to_pixels` makes them, and return the path; see `save_image`."""
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"The picture {name} would be written outside of {folder}.")
    content, name = encode_pixels(pixels.permute(1, 2, 0).contiguous().numpy(), name, target)
    path = folder / name
    with written_whole(path) as file:
        file.write(content)
    return path
