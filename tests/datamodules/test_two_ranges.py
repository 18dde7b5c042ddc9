"""Two domains with values of their own, such as CT in Hounsfield units and MR in 16 bit."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from support.pictures import random_pixels, write_image

from datamodules import PairedImages, UnpairedImages
from datamodules.base import ImageDataModule
from gans.callbacks.predicting.write_predictions import WritePredictions
from gans.protocol import Predictions

CT, MR = np.int16, np.uint16
RANGES: dict[str, Any] = {"value_range_A": [-1000, 400], "value_range_B": [0, 4095]}
COMMON: dict[str, Any] = {"size": 16, "flip": False, "preprocess": "none"}


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """Write trainA, trainB, testA and testB: each image has the ends and the middle of its domain's range."""
    for name, values, dtype in (("A", [-1000, -300, 400], CT), ("B", [0, 2047.5, 4095], MR)):
        for split in ("train", "test"):
            (tmp_path / f"{split}{name}").mkdir()
            for number in range(2):
                image = np.resize(np.array(values).astype(dtype), (16, 16))
                np.save(tmp_path / f"{split}{name}" / f"{number}.npy", image)
    return tmp_path


def is_unit(images: torch.Tensor) -> bool:
    return bool((images.flatten()[:3] - torch.tensor([-1.0, 0, 1])).abs().max() < 1e-3)


def written(data: ImageDataModule, folder: Path, direction: str = "A2B") -> list[Any]:
    """Predict with a model that changes nothing; return the arrays written."""
    trainer: Any = SimpleNamespace(default_root_dir=str(folder), datamodule=data)
    module: Any = SimpleNamespace(hparams={"direction": direction})
    writer = WritePredictions()
    writer.setup(trainer, module, "predict")
    for loaded in data.predict_dataloader():
        batch = loaded.finish()
        assert is_unit(batch.images)
        made = Predictions(batch.images, batch.names)
        writer.write_on_batch_end(trainer, module, made, None, batch, 0, 0)
    writer.on_predict_end(trainer, module)
    return [np.load(path) for path in sorted(folder.rglob("*.npy"))]


def test_each_domain_is_read_in_its_range(scans: Path) -> None:
    unpaired = UnpairedImages(str(scans), **COMMON, **RANGES)
    batch = next(iter(unpaired.train_dataloader())).finish()
    assert is_unit(batch.A)
    assert is_unit(batch.B)
    paired = PairedImages(str(scans), **COMMON, **RANGES, direction="B2A")
    pair = next(iter(paired.test_dataloader())).finish()
    assert is_unit(pair.input)
    assert is_unit(pair.target)


@pytest.mark.parametrize(("direction", "ends"), [("A2B", [0, 2048, 4095]), ("B2A", [0, 0, 400])])
def test_a_translation_is_written_in_the_range_it_leads_to(
    scans: Path, tmp_path: Path, direction: str, ends: list[int]
) -> None:
    """In the type of its file, though, which cannot hold what is below 0 in B."""
    data = UnpairedImages(str(scans), **COMMON, **RANGES)
    arrays = written(data, tmp_path / "out", direction)
    assert len(arrays) == 2
    for array in arrays:
        assert array.dtype == (CT if direction == "A2B" else MR)
        assert array.ravel()[:3].tolist() == ends


def test_the_range_of_both_is_that_of_a_domain_without_its_own(scans: Path) -> None:
    data = UnpairedImages(str(scans), **COMMON, value_range=[0, 4095], value_range_A=[-1000, 400])
    assert data.prediction_ranges()[0].window == (-1000, 400)
    assert data.prediction_ranges()[1].window == (0, 4095)


def test_signed_numbers_without_a_range_say_so(scans: Path) -> None:
    with pytest.raises(ValueError, match=r"int16 values from -1000 to 400 have no known range\. Say which"):
        next(iter(UnpairedImages(str(scans), **COMMON, value_range_B=[0, 4095]).train_dataloader()))


def test_halves_of_a_picture_have_one_range(tmp_path: Path) -> None:
    for name in ("train/a.png", "test/b.png"):
        write_image(tmp_path / name, random_pixels(8, 16))
    with pytest.raises(ValueError, match="A and B are in one file"):
        PairedImages(str(tmp_path), **RANGES)
