from __future__ import annotations

import pickle
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lightning as L
import pytest
import torch
from lightning.pytorch.utilities.types import STEP_OUTPUT
from support.pairs import FACES, assert_resumes, epoch, finished, negatives, side_by_side, unit
from support.pictures import random_pixels, write_folder, write_image

from datamodules import PairedImages
from datamodules.paired.batches import PairedBatch
from datamodules.paired.colour import join_lab


@pytest.mark.parametrize("kind", ["resize_and_crop", "scale_width", "scale_width_and_crop", "crop", "none"])
def test_one_draw_serves_both_images(tmp_path: Path, kind: Any) -> None:
    negatives(tmp_path, 6, (20, 24))
    negatives(tmp_path, 1, split="test")
    data = PairedImages(str(tmp_path), size=16, preprocess=kind, batch_size=3)
    shown: dict[str, set[bytes]] = {}
    for batch in [batch for number in range(3) for batch in epoch(data, number)]:
        # bicubic values are rounded to 8 bit, of an image and of its negative not always alike
        assert (batch.input + batch.target).abs().max() < 1.5 / 127.5
        for name, image in zip(batch.names, batch.input, strict=True):
            shown.setdefault(name, set()).add(image.numpy().tobytes())
    views = max(len(of_one_pair) for of_one_pair in shown.values())
    assert views == 3 if data.preprocess.crops else 2  # windows differ, or at least the mirroring


def test_the_window_is_cut_from_the_files(tmp_path: Path) -> None:
    pixels = negatives(tmp_path, 4, (11, 14))
    negatives(tmp_path, 1, split="test")
    data = PairedImages(str(tmp_path), size=8, preprocess="crop")
    mirrored = 0
    for batch in epoch(data) + epoch(data, 1):
        whole = unit(pixels[batch.names[0]])
        windows = torch.stack([side.unfold(1, 8, 1).unfold(2, 8, 1) for side in (whole, whole.flip(2))])
        hits = (windows - batch.input[0, :, None, None]).abs().amax((1, 4, 5)) < 1e-6
        assert hits.sum() == 1
        mirrored += int(hits[1].any())
    assert 0 < mirrored < 8


def test_mirroring_can_be_switched_off(tmp_path: Path) -> None:
    pixels = negatives(tmp_path, 4, (12, 16))
    negatives(tmp_path, 1, split="test")
    for batch in epoch(PairedImages(str(tmp_path), size=8, preprocess="none", flip=False)):
        assert torch.allclose(batch.input[0], unit(pixels[batch.names[0]]), atol=1e-6)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_run_repeats_and_resumes_whatever_the_workers(tmp_path: Path, workers: int) -> None:
    write_folder(tmp_path, 9)
    options: dict[str, Any] = {"folder": str(tmp_path), "task": "colorise", "size": 16, "batch_size": 2}
    assert_resumes(partial(PairedImages, **options), workers)


def test_order_and_windows_change_with_epoch_and_seed(tmp_path: Path) -> None:
    negatives(tmp_path, 8)
    negatives(tmp_path, 1, split="test")

    def shown(number: int, seed: int = 0) -> dict[str, bytes]:
        batches = epoch(PairedImages(str(tmp_path), size=12, seed=seed), number)
        return {batch.names[0]: batch.input.numpy().tobytes() for batch in batches}

    first = shown(0)
    assert first == shown(0)
    for other in (shown(1), shown(0, seed=1)):
        assert list(first) != list(other)
        assert sum(first[name] != other[name] for name in first) > 4


@pytest.mark.parametrize("source", ["side by side", "two folders", "colorise", "edges"])
def test_what_makes_batches_travels_to_workers_of_any_kind(tmp_path: Path, source: str) -> None:
    """Not every system forks its workers; others send them what they need."""
    options: dict[str, Any] = {"root": str(tmp_path)}
    if source == "side by side":
        side_by_side(tmp_path, {"train": 2})
    elif source == "two folders":
        negatives(tmp_path, 2)
    else:
        write_folder(tmp_path, 2)
        options = {"folder": str(tmp_path), "task": source}
    loader: Any = PairedImages(**options, size=8, cache_gigabytes=0).train_dataloader()
    sent = pickle.loads(pickle.dumps(loader.batches))
    delivered = pickle.loads(pickle.dumps(sent[[(0, 0)]]))
    assert torch.equal(delivered.finish().target, loader.batches[[(0, 0)]].finish().target)


@pytest.mark.parametrize("world", [1, 2, 3, 5])
def test_evaluation_shows_every_pair_once_over_all_processes(tmp_path: Path, world: int) -> None:
    left = side_by_side(tmp_path, {"train": 2, "val": 4})
    names: list[str] = []
    for rank in range(world):
        data = PairedImages(str(tmp_path), size=12, eval_batch_size=1)
        data.trainer = SimpleNamespace(global_rank=rank, world_size=world)
        for batch in finished(data.val_dataloader()):
            assert batch.input.shape == batch.target.shape == (len(batch.names), 3, 12, 12)
            names += batch.names
    assert sorted(names) == [name for name in sorted(left) if name.startswith("val")]


@pytest.mark.parametrize("kind", ["scale_width", "none"])
def test_oblong_pairs_pass_one_by_one(tmp_path: Path, kind: Any) -> None:
    for split in ("train", "val"):
        side_by_side(tmp_path, {split: 1}, (20, 36))
        write_image(tmp_path / split / "tall.png", random_pixels(28, 24))
    data = PairedImages(str(tmp_path), size=16, preprocess=kind)
    shapes = {"scale_width": {(16, 16), (36, 16)}, "none": {(20, 36), (28, 12)}}[kind]
    assert {tuple(batch.target.shape[2:]) for batch in epoch(data)} == shapes
    assert [len(batch.input) for batch in finished(data.val_dataloader())] == [1, 1]
    assert data.preview(2).input.shape == (2, 3, 16, 16)  # a grid needs one size
    with pytest.raises(ValueError, match=r"cannot share a batch: set batch_size"):
        epoch(PairedImages(str(tmp_path), size=16, preprocess=kind, batch_size=2))


def test_preview_is_the_same_every_time(tmp_path: Path) -> None:
    side_by_side(tmp_path, {"train": 3, "val": 6})
    first, second = (PairedImages(str(tmp_path), size=12, seed=seed).preview(2) for seed in (0, 1))
    assert list(first.names) == ["val0.png", "val3.png"]
    assert torch.equal(first.input, second.input)
    assert torch.allclose(first.target, -first.input, atol=1e-6)
    assert len(PairedImages(str(tmp_path), size=12).preview(9).input) == 6


def test_predicting_takes_plain_inputs(tmp_path: Path) -> None:
    pixels = write_folder(tmp_path, 2, (9, 14), channels=1)
    data = PairedImages(**FACES, predict_dir=str(tmp_path))
    (batch,) = [batch.finish() for batch in data.predict_dataloader()]
    assert batch.names == list(pixels)
    assert torch.allclose(batch.images[1], unit(pixels["001.png"]).expand(3, -1, -1), atol=1e-6)
    edges = PairedImages(**FACES, task="edges", predict_dir=str(tmp_path))
    (batch,) = [batch.finish() for batch in edges.predict_dataloader()]
    assert torch.allclose(batch.images[0], unit(pixels["000.png"]), atol=1e-6)


def test_predicting_colours_takes_the_lightness_of_pictures(tmp_path: Path) -> None:
    pixels = write_folder(tmp_path, 1, (9, 14))
    data = PairedImages(**FACES, task="colorise", predict_dir=str(tmp_path))
    (batch,) = [batch.finish() for batch in data.predict_dataloader()]
    assert batch.images.shape == (1, 1, 9, 14)
    grey = join_lab(batch.images, torch.zeros(1, 2, 9, 14))
    linear = ((unit(pixels["000.png"]) + 1.11) / 2.11) ** 2.4  # sRGB, above its short straight part
    luminance = (linear * torch.tensor([0.2126, 0.7152, 0.0722]).view(3, 1, 1)).sum(0)
    assert torch.allclose(((grey[0, 0] + 1.11) / 2.11) ** 2.4, luminance, atol=0.01)


@pytest.mark.parametrize("task", [None, "colorise"])
def test_without_a_folder_the_inputs_of_the_test_are_predicted(task: Any) -> None:
    data = PairedImages(**FACES, task=task)
    (batch,) = [batch.finish() for batch in data.predict_dataloader()]
    (test,) = finished(data.test_dataloader())
    assert torch.allclose(batch.images, test.input, atol=1e-6)
    assert batch.names == list(test.names)


class Watcher(L.LightningModule):
    """Checks what Lightning hands to a model and notes the names."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.names: list[str] = []

    def training_step(self, batch: PairedBatch, batch_idx: int) -> STEP_OUTPUT:
        assert isinstance(batch, PairedBatch)
        return self.weight * (batch.input.mean() + batch.target.mean())

    def validation_step(self, batch: PairedBatch, batch_idx: int) -> None:
        assert batch.input.dtype == batch.target.dtype == torch.float32
        self.names += batch.names

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


@pytest.mark.parametrize("task", [None, "colorise"])
def test_lightning_trains_and_validates(task: Any, tmp_path: Path) -> None:
    module = Watcher()
    trainer = L.Trainer(
        default_root_dir=tmp_path,
        accelerator="cpu",
        max_epochs=1,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
    )
    trainer.fit(module, datamodule=PairedImages(**FACES, task=task))
    assert trainer.global_step == 4
    assert len(module.names) == len(set(module.names)) == 3
