"""From a folder of images to a folder of pictures: data module, model and writer together."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from support.pictures import random_pixels, write_image
from torch import nn

from datamodules import UnpairedImages
from datamodules.base import PredictBatch
from datamodules.readers import read_image
from gans.callbacks.write_predictions import WritePredictions
from gans.protocol import Predictions

SHAPES = {"large.png": (40, 70), "sub/a.png": (20, 18)}


class Negative(nn.Module):
    """Makes two pictures of each image, light and dark reversed; counts the images it has seen."""

    def __init__(self) -> None:
        super().__init__()
        self.network = nn.Conv2d(3, 3, 1)
        self.seen = 0

    def generator_networks(self) -> tuple[str, ...]:
        return ("network",)

    def averaged(self, name: str) -> nn.Module:
        return self.network

    def predict_step(self, batch: PredictBatch, batch_idx: int) -> Predictions:
        self.network(batch.images)
        self.seen += len(batch.names)
        names = [f"{which}/{name}" for which in ("one", "two") for name in batch.names]
        return Predictions(torch.cat([-batch.images] * 2), names, batch.names * 2)


@pytest.fixture
def pictures(tmp_path: Path) -> dict[str, Any]:
    """Write a set of images, and a mask for each."""
    pixels = {name: random_pixels(*shape, 3, seed) for seed, (name, shape) in enumerate(SHAPES.items())}
    for name, image in pixels.items():
        write_image(tmp_path / "set" / "images" / name, image)
        write_image(tmp_path / "set" / "masks" / name, image)
    return pixels


def predict(folder: Path, **arguments: Any) -> Negative:
    """Predict FOLDER/set/images in tiles of 32 pixels to FOLDER/out."""
    data = UnpairedImages(
        faces_count=2,
        test_count=3,
        size=16,
        predict_dir=str(folder / "set" / "images"),
        eval_batch_size=4,
        tile=32,
        overlap=8,
    )
    trainer: Any = SimpleNamespace(default_root_dir=str(folder / "out"), datamodule=data)
    model: Any = Negative()
    writer = WritePredictions(**arguments)
    writer.setup(trainer, model, "predict")
    batches = [batch.finish() for batch in data.predict_dataloader()]
    model.seen = 0
    for number, batch in enumerate(batches):
        writer.write_on_batch_end(trainer, model, model.predict_step(batch, 0), None, batch, number, 0)
    return model  # type: ignore[no-any-return]


@torch.no_grad()
def test_large_and_small_images_come_out_whole_with_their_masks(
    tmp_path: Path, pictures: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    model = predict(tmp_path, also_copy=str(tmp_path / "set" / "masks"))
    assert model.seen == 2 * 3 + 1  # tiles of the large image, and the small one
    for name, image in pictures.items():
        for which in ("one", "two"):
            found = read_image(tmp_path / "out" / which / name, 3)
            np.testing.assert_array_equal(found, 255 - image)
            assert (tmp_path / "out" / "masks" / which / name).is_file()
    assert "large.png: the largest step between lines is" in capsys.readouterr().out


@torch.no_grad()
def test_a_repeated_command_does_what_is_missing(tmp_path: Path, pictures: dict[str, Any]) -> None:
    predict(tmp_path)
    (tmp_path / "out" / "two" / "sub" / "a.png").unlink()
    assert predict(tmp_path, skip_existing=True).seen == 1
    assert (tmp_path / "out" / "two" / "sub" / "a.png").is_file()
    assert predict(tmp_path, skip_existing=True).seen == 0
    assert predict(tmp_path).seen == 7


def test_a_missing_mask_is_said_before_any_image_is_read(tmp_path: Path, pictures: dict[str, Any]) -> None:
    (tmp_path / "set" / "masks" / "large.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"1 of 2 images .*large\.png"):
        predict(tmp_path, also_copy=str(tmp_path / "set" / "masks"))
    assert not (tmp_path / "out").exists()
