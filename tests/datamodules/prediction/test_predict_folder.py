from __future__ import annotations

import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lightning as L
import numpy as np
import pytest
import torch
from support.pictures import random_pixels, write_deep_png, write_folder, write_image
from torch import Tensor

from datamodules import UnpairedImages
from datamodules.base import PredictBatch
from datamodules.files.writers import target_of

FACES: dict[str, Any] = {"faces_count": 2, "test_count": 3, "size": 16}
SHAPES = {"a.png": (9, 13), "b.png": (20, 8), "sub/c.png": (9, 13), "sub/d.png": (9, 13)}


def photos(folder: Path, channels: int = 3) -> dict[str, Any]:
    """Write images of two sizes, some in a sub-folder."""
    pixels = {
        name: random_pixels(*shape, channels, seed) for seed, (name, shape) in enumerate(SHAPES.items())
    }
    for name, image in pixels.items():
        write_image(folder / name, image)
    return pixels


def batches(data: UnpairedImages) -> list[PredictBatch]:
    return [batch.finish() for batch in data.predict_dataloader()]


def test_images_keep_their_sizes_and_names(tmp_path: Path) -> None:
    pixels = photos(tmp_path)
    found = batches(UnpairedImages(**FACES, predict_dir=str(tmp_path), eval_batch_size=2))
    assert sorted(len(batch.images) for batch in found) == [1, 1, 2]
    shown = {name: image for batch in found for name, image in zip(batch.names, batch.images, strict=True)}
    assert sorted(shown) == sorted(SHAPES)
    for name, image in shown.items():
        expected = torch.from_numpy(pixels[name]).permute(2, 0, 1) / 127.5 - 1
        assert torch.allclose(image, expected, atol=1e-6)


@pytest.mark.parametrize("world", [2, 3, 6])
def test_processes_share_a_folder_without_duplicates(tmp_path: Path, world: int) -> None:
    photos(tmp_path)
    names: list[str] = []
    for rank in range(world):
        data = UnpairedImages(**FACES, predict_dir=str(tmp_path))
        data.trainer = SimpleNamespace(global_rank=rank, world_size=world)
        names += [name for batch in batches(data) for name in batch.names]
    assert sorted(names) == sorted(SHAPES)


def test_images_are_given_the_channels_the_model_was_trained_on(tmp_path: Path) -> None:
    photos(tmp_path, channels=1)
    colour = batches(UnpairedImages(**FACES, predict_dir=str(tmp_path)))[0]
    assert colour.images.shape[1] == 3
    mixed = batches(UnpairedImages(**FACES, channels_B=1, predict_dir=str(tmp_path)))[0]
    assert mixed.images.shape[1] == 1  # A and B differ, so the files decide


def test_without_a_folder_the_held_out_images_are_predicted() -> None:
    data = UnpairedImages(**FACES)
    (batch,) = batches(data)
    assert torch.equal(batch.images, data.preview(3).A)
    assert batch.names == ["test_A_000000.png", "test_A_000001.png", "test_A_000002.png"]


def test_bad_files_stop_or_are_skipped(tmp_path: Path) -> None:
    photos(tmp_path)
    whole = (tmp_path / "b.png").read_bytes()
    (tmp_path / "b.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"b\.png: the image is damaged"):
        batches(UnpairedImages(**FACES, predict_dir=str(tmp_path)))
    with pytest.warns(UserWarning, match=r"1 images were skipped(.|\n)*b\.png"):
        found = batches(UnpairedImages(**FACES, predict_dir=str(tmp_path), on_bad_image="skip"))
    assert sorted(name for batch in found for name in batch.names) == ["a.png", "sub/c.png", "sub/d.png"]


def test_an_empty_folder_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no images for prediction \(predict_dir\)"):
        UnpairedImages(**FACES, predict_dir=str(tmp_path))
    with pytest.raises(FileNotFoundError, match="no such folder"):
        UnpairedImages(**FACES, predict_dir=str(tmp_path / "missing"))


class Negative(L.LightningModule):
    """Translates an image to its negative."""

    def predict_step(self, batch: PredictBatch, batch_idx: int) -> tuple[Tensor, list[str]]:
        return -batch.images, batch.names


def test_lightning_predicts_every_image_once(tmp_path: Path) -> None:
    pixels = write_folder(tmp_path, 3, (8, 8))
    trainer = L.Trainer(accelerator="cpu", logger=False, enable_progress_bar=False)
    data = UnpairedImages(**FACES, predict_dir=str(tmp_path), eval_batch_size=2)
    results: Any = trainer.predict(Negative(), datamodule=data)
    assert [len(images) for images, _ in results] == [2, 1]
    for images, names in results:
        for image, name in zip(images, names, strict=True):
            np.testing.assert_allclose(image.permute(1, 2, 0).numpy(), 1 - pixels[name] / 127.5, atol=1e-6)


@pytest.mark.parametrize(
    ("command", "folder", "drawn"),
    [("fit", False, 6), ("validate", False, 4), ("predict", False, 4), ("predict", True, 0)],
)
def test_no_faces_are_drawn_that_the_command_does_not_need(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, folder: bool, drawn: int
) -> None:
    """Of two domains: what is trained on, what is held out, and the truth of that."""
    monkeypatch.setenv("GANS_CACHE", str(tmp_path / "cache"))
    photos(tmp_path / "photos")
    data = UnpairedImages(**FACES, predict_dir=str(tmp_path / "photos") if folder else None)
    data.trainer = SimpleNamespace(state=SimpleNamespace(fn=command))
    data.prepare_data()
    assert len(list((tmp_path / "cache").rglob("*.npz"))) == drawn


def test_tiles_are_spoken_of_only_where_an_image_is_cut(tmp_path: Path) -> None:
    write_folder(tmp_path, 2, (20, 20))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not batches(UnpairedImages(**FACES, predict_dir=str(tmp_path), tile=20))[0].tiles
    with pytest.warns(UserWarning, match="Tiles differ from the whole image"):
        assert batches(UnpairedImages(**FACES, predict_dir=str(tmp_path), tile=16))[0].tiles


def test_held_out_images_are_written_as_they_were_read(tmp_path: Path) -> None:
    """Whether they are kept in memory or read again."""
    deep = random_pixels(16, 16, 1, dtype=np.uint16)
    for number in range(3):
        for domain in ("A", "B"):
            (tmp_path / f"train{domain}").mkdir(exist_ok=True)
            write_deep_png(tmp_path / f"train{domain}" / f"{number}.png", deep)
    for gigabytes in (1, 0):
        data = UnpairedImages(str(tmp_path), size=16, cache_gigabytes=gigabytes)
        (batch,) = batches(data)
        origin = data.origin(batch.names[0])
        assert origin is not None
        assert origin.path == tmp_path / "trainA" / batch.names[0]
        target = target_of(origin)
        assert target.dtype == np.dtype(np.uint16)
        assert target.bounds == (0, 65535)
    assert UnpairedImages(**FACES).origin("test_A_000000.png") is None
