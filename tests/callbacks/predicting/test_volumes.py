"""Volumes are predicted slice by slice, and written as volumes of their own kind."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest
import tifffile
import torch
from support.medical import write_nifti, write_series
from support.pictures import Array, random_pixels, write_image
from support.predictions import Negative, predict
from torch import nn

from datamodules import UnpairedImages
from gans.callbacks.predicting import write_predictions
from gans.callbacks.predicting.write_predictions import WritePredictions
from gans.protocol import Predictions

CUT: dict[str, Any] = {"slices": "axial", "value_range": [0, 999], "tile": None, "overlap": "auto"}


class Once(Negative):
    """Makes one picture of each image, light and dark reversed, of as many channels."""

    def __init__(self, channels: int = 1) -> None:
        super().__init__(("",))
        self.hparams = {"channels": channels}
        self.network = nn.Conv2d(channels, channels, 1)

    def predict_step(self, batch: Any, batch_idx: int) -> Predictions:
        pictures = super().predict_step(batch, batch_idx)
        return pictures._replace(names=[name.removeprefix("/") for name in pictures.names])


def voxels(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(0, 1000, shape, np.int16)


def data_of(path: Path) -> Array:
    image: Any = nibabel.load(path)
    return np.asarray(image.dataobj)


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Return the folder of volumes of three kinds, and of a picture."""
    images = tmp_path / "set" / "images"
    write_series(images / "p1" / "ct", voxels(6, 5, 4), suffix="")
    write_nifti(images / "b.nii.gz", voxels(6, 5, 3, seed=1))
    tifffile.imwrite(images / "c.tif", voxels(3, 5, 6, seed=2).astype(np.uint16), photometric="minisblack")
    write_image(images / "d.png", random_pixels(5, 6, 1))
    return images


@pytest.mark.parametrize("batch", [1, 5, 16])
def test_volumes_come_back_as_volumes_of_their_kind(tmp_path: Path, mixed: Path, batch: int) -> None:
    predict(tmp_path, data=CUT | {"eval_batch_size": batch, "slices": "k"}, model=Once())
    out = tmp_path / "out"
    assert sorted(contents(out)) == sorted(contents(mixed))
    np.testing.assert_array_equal(data_of(out / "b.nii.gz"), 999 - voxels(6, 5, 3, seed=1))
    np.testing.assert_array_equal(tifffile.imread(out / "c.tif"), 999 - voxels(3, 5, 6, seed=2))
    series = [pydicom.dcmread(path) for path in (out / "p1" / "ct").iterdir()]
    series.sort(key=lambda data: float(data.ImagePositionPatient[2]))
    np.testing.assert_array_equal(
        np.stack([data.pixel_array.T for data in series], axis=2), 999 - voxels(6, 5, 4)
    )
    assert {str(data.SeriesInstanceUID) for data in series} != {"1.2.3"}


@pytest.mark.parametrize("axis", ["axial", "coronal", "sagittal"])
def test_slices_go_back_to_where_they_were_cut(tmp_path: Path, axis: str) -> None:
    (tmp_path / "set" / "images").mkdir(parents=True)
    path = write_nifti(tmp_path / "set" / "images" / "a.nii", voxels(6, 5, 4), affine=np.diag([2.0, 3, 4, 1]))
    predict(tmp_path, data=CUT | {"slices": axis, "value_range": "p0-p100"}, model=Once())
    made: Any = nibabel.load(tmp_path / "out" / "a.nii")
    low, high = voxels(6, 5, 4).min(), voxels(6, 5, 4).max()
    np.testing.assert_array_equal(np.asarray(made.dataobj), low + high - voxels(6, 5, 4))
    np.testing.assert_array_equal(made.affine, np.diag([2, 3, 4, 1]))
    assert made.get_data_dtype() == nibabel.load(path).get_data_dtype()  # type: ignore[attr-defined]


def test_every_slice_is_predicted_whatever_was_trained_on(tmp_path: Path) -> None:
    (tmp_path / "set" / "images").mkdir(parents=True)
    stored = voxels(6, 5, 4)
    stored[:, :, :2] = 0
    write_nifti(tmp_path / "set" / "images" / "a.nii", stored)
    left_out = {"slice_range": "0%-50%", "slice_content": 0.5}
    predict(tmp_path, data=CUT | left_out, model=Once())
    np.testing.assert_array_equal(data_of(tmp_path / "out" / "a.nii"), 999 - stored)


def test_of_neighbouring_slices_the_middle_one_is_written(tmp_path: Path) -> None:
    (tmp_path / "set" / "images").mkdir(parents=True)
    write_nifti(tmp_path / "set" / "images" / "a.nii", voxels(6, 5, 4))
    predict(tmp_path, data=CUT | {"slice_neighbours": 1}, model=Once(3))
    np.testing.assert_array_equal(data_of(tmp_path / "out" / "a.nii"), 999 - voxels(6, 5, 4))


def test_of_colours_a_grey_volume_takes_the_grey(tmp_path: Path) -> None:
    (tmp_path / "set" / "images").mkdir(parents=True)
    write_nifti(tmp_path / "set" / "images" / "a.nii", voxels(6, 5, 4))
    predict(
        tmp_path, data=CUT | {"tile": 4, "overlap": 2}, model=Negative()
    )  # in tiles, two pictures of each
    for name in ("one", "two"):
        np.testing.assert_allclose(data_of(tmp_path / "out" / name / "a.nii"), 999 - voxels(6, 5, 4), atol=1)


def test_pictures_of_another_size_are_refused(tmp_path: Path) -> None:
    (tmp_path / "set" / "images").mkdir(parents=True)
    write_nifti(tmp_path / "set" / "images" / "a.nii", voxels(6, 5, 4))
    with pytest.raises(ValueError, match=r"10x12x1 of a slice of 5x6x1 .*written in their own shape"):
        predict(tmp_path, data=CUT, model=Once(), outscale=2)


def test_a_killed_run_goes_on_and_ends_alike(
    tmp_path: Path, mixed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = CUT | {"slices": "k", "eval_batch_size": 2}
    predict(tmp_path, data=data, model=Once())
    undisturbed = contents(tmp_path / "out")
    (tmp_path / "out").rename(tmp_path / "undisturbed")

    save = write_predictions.save
    saved: list[Path] = []

    def killed(*arguments: Any) -> Path:
        if len(saved) >= 3:  # in the middle of the series; several threads save
            raise KeyboardInterrupt
        saved.append(save(*arguments))
        return saved[-1]

    with monkeypatch.context() as patched:
        patched.setattr(write_predictions, "save", killed)
        with pytest.raises(KeyboardInterrupt):
            predict(tmp_path, data=data, model=Once(), skip_existing=True)
    assert 0 < len(contents(tmp_path / "out")) < len(undisturbed)
    model = predict(tmp_path, data=data, model=Once(), skip_existing=True)
    assert contents(tmp_path / "out") == undisturbed
    assert 0 < model.seen < 4 + 3 + 3 + 1


def test_masks_are_copied_under_the_names_of_the_volumes(tmp_path: Path, mixed: Path) -> None:
    masks = tmp_path / "set" / "masks"
    (masks / "p1" / "ct").mkdir(parents=True)
    write_nifti(masks / "b.nii", voxels(6, 5, 3))
    write_nifti(masks / "c.nii.gz", voxels(6, 5, 3))
    write_image(masks / "d.png", random_pixels(5, 6, 1))
    arguments: dict[str, Any] = {"data": CUT | {"slices": "k"}, "model": Once(), "also_copy": str(masks)}
    with pytest.raises(FileNotFoundError, match=r"1 of 4 images have no file .* first is p1/ct"):
        predict(tmp_path, **arguments)
    write_nifti(masks / "p1" / "ct.nii.gz", voxels(6, 5, 4))  # one for the whole series
    predict(tmp_path, **arguments)
    assert contents(tmp_path / "out" / "masks") == contents(masks)


def test_the_volumes_held_out_are_predicted_whole_without_a_folder(tmp_path: Path) -> None:
    for domain in ("A", "B"):
        (tmp_path / domain).mkdir()
        for number in range(4):
            stored = voxels(8, 8, 4, seed=number)
            stored[:, :, 0] = 0
            write_nifti(tmp_path / domain / f"{number}.nii", stored)
    folders = {"folder_A": str(tmp_path / "A"), "folder_B": str(tmp_path / "B")}
    images = UnpairedImages(**folders, size=8, max_images=2, slices="axial", value_range=[0, 999])
    model: Any = Once()
    trainer: Any = SimpleNamespace(default_root_dir=str(tmp_path / "out"), datamodule=images)
    writer = WritePredictions()
    writer.setup(trainer, model, "predict")
    for number, loaded in enumerate(images.predict_dataloader()):
        batch = loaded.finish()
        with torch.no_grad():
            made = model.predict_step(batch, 0)
        writer.write_on_batch_end(trainer, model, made, None, batch, number, 0)
    (path,) = (tmp_path / "out").iterdir()
    np.testing.assert_array_equal(data_of(path), 999 - data_of(tmp_path / "A" / path.name))
