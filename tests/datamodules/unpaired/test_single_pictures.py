"""One picture, or a few, per domain: zoomed windows to learn from, and whole pictures to evaluate on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from support.pictures import random_pixels, write_folder, write_image
from torch import Tensor

from datamodules import MultiDomainImages, PairedImages, UnpairedImages
from datamodules.faces.faces import draw_faces, face_seeds
from datamodules.transforms import resize, to_unit_range
from datamodules.unpaired.batches import UnpairedBatch

ZOOMING: dict[str, Any] = {"preprocess": "zoom_and_crop", "size": 8, "load_size": 51}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder with a picture of A and another of B."""
    write_image(tmp_path / "trainA/a.png", random_pixels(40, 60))
    write_image(tmp_path / "trainB/b.png", random_pixels(90, 60, seed=1))
    return tmp_path


def epoch(data: UnpairedImages, number: int = 0) -> list[UnpairedBatch]:
    loader = data.train_dataloader()
    loader.sampler.set_epoch(number)
    return [batch.finish() for batch in loader]


def whole(path: Path, height: int, width: int) -> Tensor:
    """Return a picture as it is evaluated."""
    pixels = torch.from_numpy(np.array(Image.open(path))).permute(2, 0, 1)
    return to_unit_range(resize(pixels, height, width))


@pytest.mark.parametrize("workers", [0, 2])
def test_an_epoch_of_one_picture_has_many_windows(root: Path, workers: int) -> None:
    options: dict[str, Any] = {"batch_size": 2, "epoch_length": 6, **ZOOMING}
    batches = epoch(UnpairedImages(str(root), workers=workers, **options), 3)
    assert [batch.A.shape for batch in batches] == [(2, 3, 8, 8)] * 3
    assert {name for batch in batches for name in batch.names_A} == {"a.png"}
    windows = torch.cat([batch.A for batch in batches] + [batch.B for batch in batches])
    assert len({window.numpy().tobytes() for window in windows}) == 12
    again = epoch(UnpairedImages(str(root), cache_gigabytes=0, **options), 3)
    assert torch.equal(windows[:6], torch.cat([batch.A for batch in again]))
    assert not torch.equal(
        windows[:6], torch.cat([batch.A for batch in epoch(UnpairedImages(str(root), **options))])
    )


def test_the_picture_is_evaluated_whole_in_its_load_size(root: Path) -> None:
    data = UnpairedImages(str(root), **ZOOMING)
    (batch,) = [batch.finish() for batch in data.val_dataloader()]
    assert torch.allclose(batch.A[0], whole(root / "trainA/a.png", 36, 52), atol=1e-6)
    assert batch.B.shape == (1, 3, 80, 52)
    assert torch.equal(data.preview(3).A, batch.A)
    assert data.image_size == 8  # what the networks learn from
    A, B = data.found()
    assert (A.training, A.held_out, A.where) == (1, 1, f"{root / 'trainA'}, evaluated on what is trained on")
    assert B.where.endswith("trainB, evaluated on what is trained on")


def test_predictions_have_the_load_size(root: Path) -> None:
    write_image(root / "others/wide.png", random_pixels(30, 100))
    (batch,) = UnpairedImages(str(root), **ZOOMING).predict_dataloader()
    assert batch.images.shape == (1, 3, 36, 52)
    (batch,) = UnpairedImages(str(root), predict_dir=str(root / "others"), **ZOOMING).predict_dataloader()
    assert torch.allclose(to_unit_range(batch.images)[0], whole(root / "others/wide.png", 16, 52), atol=1e-6)


def test_ten_pictures_are_split_and_fewer_are_not(tmp_path: Path) -> None:
    write_folder(tmp_path / "trainA", 9)
    write_folder(tmp_path / "trainB", 10)
    A, B = UnpairedImages(str(tmp_path), **ZOOMING).found()
    assert (A.training, A.held_out, B.training, B.held_out) == (9, 9, 9, 1)
    assert B.where == str(tmp_path / "trainB")
    A, _ = UnpairedImages(str(tmp_path), max_images=4, **ZOOMING).found()
    assert (A.training, A.held_out) == (4, 4)


def test_pictures_of_a_test_folder_are_evaluated(root: Path) -> None:
    write_folder(root / "testA", 2)
    data = UnpairedImages(str(root), **ZOOMING)
    assert next(iter(data.val_dataloader())).finish().names_A == ["000.png", "001.png"]
    assert data.found()[0].where == str(root / "trainA")


def test_other_kinds_still_need_two_pictures(root: Path) -> None:
    with pytest.raises(ValueError, match="trainA: one image cannot be split into training and held-out"):
        UnpairedImages(str(root), size=8)


def test_a_drawn_face_is_evaluated_whole_with_its_truth() -> None:
    data = UnpairedImages(faces_count=1, test_count=7, faces_A="person_1", faces_B="person_2", **ZOOMING)
    (batch,) = [batch.finish() for batch in data.test_dataloader()]
    seeds = face_seeds("train", "A", 1)
    for person, images in (("person_1", batch.A), ("person_2", batch.truth_A2B)):
        pixels = torch.from_numpy(draw_faces(seeds, 52, change=person).images).permute(0, 3, 1, 2)
        assert images is not None
        assert torch.equal(images, to_unit_range(pixels))
    assert epoch(data)[0].names_A == ["train_A_000000.png"] == batch.names_A
    (found, _) = data.found()
    assert (found.training, found.held_out, found.sizes) == (1, 1, ((51, 51), (51, 51)))
    assert found.where == "drawn faces, evaluated on what is trained on"


def test_many_drawn_faces_are_evaluated_on_others() -> None:
    data = UnpairedImages(faces_count=10, test_count=2, **ZOOMING)
    (batch,) = [batch.finish() for batch in data.test_dataloader()]
    assert batch.names_A == ["test_A_000000.png", "test_A_000001.png"]
    assert batch.A.shape == (2, 3, 52, 52)
    assert data.found()[0].where == "drawn faces"


@pytest.mark.parametrize("module", [PairedImages, MultiDomainImages])
def test_zooming_is_for_unpaired_images(module: Any) -> None:
    with pytest.raises(ValueError, match="preprocess: zoom_and_crop is not for "):
        module(**ZOOMING)


def test_zoomed_pictures_are_not_tiled(root: Path) -> None:
    with pytest.raises(ValueError, match=r"tile: 32 cuts .* leave it out"):
        UnpairedImages(str(root), tile=32, **ZOOMING)
