"""Pictures of `predict`, under the names of their inputs."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import BasePredictionWriter
from PIL import Image
from torch import Tensor

from gans.files import written_whole
from gans.protocol import Predictions

MODES = {1: "L", 3: "RGB", 4: "RGBA"}
FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".bmp": "BMP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}
WITHOUT_ALPHA = ("JPEG", "BMP")
QUALITY = 95  # of JPEG and WebP, 0..100


class WritePredictions(BasePredictionWriter):
    """Writes every predicted picture into the run folder, in the format of its input where that can hold it.

    `portraits/ann.jpg` becomes FOLDER/portraits/ann.jpg; a name without a known suffix, and a picture with
    transparency under a name like that, become .png.
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
        for image, name in zip(prediction.images, prediction.names, strict=True):
            save_image(image, Path(trainer.default_root_dir), name)
            self.written += 1


def save_image(image: Tensor, folder: Path, name: str) -> Path:
    """Save one image (C, H, W) in [-1, 1] with 8 bits per channel, and return its path.

    Args:
        image: grey, RGB or RGBA; any other number of channels is saved as a TIFF without colours.
        folder: where it goes; folders in `name` are made below it.
        name: file name of the input, from which the format is taken.

    Raises:
        ValueError: if the name leads out of the folder.
    """
    return save_pixels(to_pixels(image), folder, name)


def to_pixels(image: Tensor) -> Tensor:
    """Turn an image (C, H, W) in [-1, 1], or rows of one, into uint8 on the CPU."""
    scaled = (image.detach().float().cpu().nan_to_num(0.0) + 1) * 127.5
    return scaled.round().clamp(0, 255).to(torch.uint8)


def save_pixels(pixels: Tensor, folder: Path, name: str) -> Path:
    """Save pixels (C, H, W), as `to_pixels` makes them, and return the path; see `save_image`."""
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"The picture {name} would be written outside of {folder}.")
    array = pixels.permute(1, 2, 0).contiguous().numpy()
    buffer = io.BytesIO()
    if len(pixels) not in MODES:
        import tifffile  # here, because few images have two or more than four channels

        path = path.with_suffix(".tiff")
        tifffile.imwrite(buffer, array, photometric="minisblack")
    else:
        kind = FORMATS.get(path.suffix.lower(), "PNG")
        if kind == "PNG" or (len(pixels) == 4 and kind in WITHOUT_ALPHA):
            kind, path = "PNG", path.with_suffix(".png")
        Image.fromarray(array[:, :, 0] if len(pixels) == 1 else array).save(buffer, kind, quality=QUALITY)
    with written_whole(path) as file:
        file.write(buffer.getbuffer())
    return path
