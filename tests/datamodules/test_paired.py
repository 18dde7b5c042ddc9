from __future__ import annotations

import pickle
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lightning as L
import numpy as np
import pytest
import torch
from lightning.pytorch.utilities.types import STEP_OUTPUT
from support.pictures import random_pixels, write_deep_png, write_folder, write_image
from torch import Tensor

from datamodules import PairedImages
from datamodules.colour import join_lab
from datamodules.paired import PairedBatch

FACES: dict[str, Any] = {"faces_count": 4, "test_count": 3, "size": 16}


def finished(loader: Iterable[Any]) -> list[PairedBatch]:
    return [batch.finish() for batch in loader]


def epoch(data: PairedImages, number: int = 0) -> list[PairedBatch]:
    loader = data.train_dataloader()
    assert hasattr(loader.sampler, "set_epoch")
    loader.sampler.set_epoch(number)
    return finished(loader)


def unit(pixels: Any) -> Tensor:
    """Scale (H, W, C) of uint8 to (C, H, W) in [-1, 1]."""
    return torch.from_numpy(pixels).permute(2, 0, 1) / 127.5 - 1


def negatives(
    root: Path, count: int, size: tuple[int, int] = (20, 20), split: str = "train"
) -> dict[str, Any]:
    """Write B as the negative of A, so that any difference in place shows; return the pixels of A."""
    pixels = write_folder(root / f"{split}A", count, size)
    for name, image in pixels.items():
        write_image(root / f"{split}B" / name, 255 - image)
    return pixels


def side_by_side(root: Path, counts: dict[str, int], size: tuple[int, int] = (12, 12)) -> dict[str, Any]:
    """Write splits of pictures whose right half is the negative of the left one; return the left halves."""
    left = {}
    for seed, (split, count) in enumerate(counts.items()):
        for i in range(count):
            left[f"{split}{i}.png"] = random_pixels(*size, seed=100 * seed + i)
            picture = np.concatenate([left[f"{split}{i}.png"], 255 - left[f"{split}{i}.png"]], axis=1)
            write_image(root / split / f"{split}{i}.png", picture)
    return left


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


@pytest.mark.parametrize("direction", ["AtoB", "BtoA"])
def test_side_by_side_pictures_in_both_directions(tmp_path: Path, direction: Any) -> None:
    left = side_by_side(tmp_path, {"train": 2, "val": 3, "test": 1})
    data = PairedImages(str(tmp_path), size=12, direction=direction)
    for loader, split, count in ((data.val_dataloader(), "val", 3), (data.test_dataloader(), "test", 1)):
        (batch,) = finished(loader)
        assert list(batch.names) == [f"{split}{i}.png" for i in range(count)]
        A, B = (batch.input, batch.target) if direction == "AtoB" else (batch.target, batch.input)
        for name, a, b in zip(batch.names, A, B, strict=True):
            assert torch.allclose(a, unit(left[name]), atol=1e-6)
            assert torch.allclose(b, -unit(left[name]), atol=1e-6)


@pytest.mark.parametrize(
    ("splits", "validation", "test"),
    [({"val": 2, "test": 3}, "val", "test"), ({"val": 2}, "val", "val"), ({"test": 3}, "test", "test")],
)
def test_val_and_test_stand_in_for_each_other(
    tmp_path: Path, splits: dict[str, int], validation: str, test: str
) -> None:
    side_by_side(tmp_path, {"train": 2} | splits)
    data = PairedImages(str(tmp_path), size=12)
    for loader, split in ((data.val_dataloader(), validation), (data.test_dataloader(), test)):
        (batch,) = finished(loader)
        assert list(batch.names) == [f"{split}{i}.png" for i in range(splits[split])]


def test_without_them_a_share_is_held_out(tmp_path: Path) -> None:
    negatives(tmp_path, 10)
    data = PairedImages(
        folder_A=str(tmp_path / "trainA"), folder_B=str(tmp_path / "trainB"), size=16, held_out_share=0.3
    )
    trained = {name for batch in epoch(data) for name in batch.names}
    (held_out,) = finished(data.val_dataloader())
    assert len(held_out.names) == 3
    assert sorted(trained | set(held_out.names)) == [f"{i:03d}.png" for i in range(10)]
    (test,) = finished(data.test_dataloader())
    assert test.names == held_out.names
    again = PairedImages(
        folder_A=str(tmp_path / "trainA"),
        folder_B=str(tmp_path / "trainB"),
        direction="BtoA",
        seed=3,
        size=16,
        held_out_share=0.3,
    )
    (same,) = finished(again.val_dataloader())
    assert same.names == held_out.names
    assert torch.equal(same.input, held_out.target)


def test_channels_and_depth_may_differ(tmp_path: Path) -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    for i in range(3):
        write_image(tmp_path / "a" / f"{i}.png", levels)
        (tmp_path / "b").mkdir(exist_ok=True)
        write_deep_png(tmp_path / "b" / f"{i}.png", np.repeat(levels.astype(np.uint16) * 257, 3, axis=2))
    data = PairedImages(folder_A=str(tmp_path / "a"), folder_B=str(tmp_path / "b"), size=16, load_size=18)
    assert (data.channels_in, data.channels_out, data.image_size) == (1, 3, 16)
    (batch,) = finished(data.val_dataloader())
    assert batch.input.shape == (1, 1, 16, 16)
    assert torch.allclose(batch.input, unit(levels)[None], atol=1e-6)
    assert torch.allclose(batch.target, unit(levels).expand(1, 3, -1, -1), atol=1e-6)
    for training in epoch(data):  # 16 bits resize finer than 8, but to the same place
        assert (training.input - training.target).abs().max() < 1.5 / 127.5


def test_16_bit_targets_keep_their_depth(tmp_path: Path) -> None:
    ramp = np.arange(256, dtype=np.uint16).reshape(16, 16, 1)  # one 8-bit level in all
    for i in range(2):
        write_image(tmp_path / "a" / f"{i}.png", random_pixels(16, 16))
        (tmp_path / "b").mkdir(exist_ok=True)
        write_deep_png(tmp_path / "b" / f"{i}.png", ramp)
    data = PairedImages(folder_A=str(tmp_path / "a"), folder_B=str(tmp_path / "b"), size=16)
    assert len(data.preview(1).target.unique()) == 256


def test_grey_can_be_asked_of_one_half(tmp_path: Path) -> None:
    side_by_side(tmp_path, {"train": 2, "val": 1})
    whole = PairedImages(str(tmp_path), size=12).preview(1)
    data = PairedImages(str(tmp_path), size=12, channels_A=1)
    assert (data.channels_in, data.channels_out) == (1, 3)
    batch = data.preview(1)
    luma = (whole.input * torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(1, keepdim=True)
    assert (batch.input - luma).abs().max() < 1.5 / 127.5
    assert torch.equal(batch.target, whole.target)
    swapped = PairedImages(str(tmp_path), size=12, channels_A=1, direction="BtoA")
    assert (swapped.channels_in, swapped.channels_out) == (3, 1)


def test_colourisation_of_a_plain_folder(tmp_path: Path) -> None:
    pixels = write_folder(tmp_path, 8, (16, 16))
    data = PairedImages(
        folder=str(tmp_path), task="colorise", size=16, load_size=16, flip=False, held_out_share=0.25
    )
    assert (data.channels_in, data.channels_out, data.lab) == (1, 2, True)
    for batch in [*epoch(data), data.preview(2)]:
        assert batch.input.shape[1:] == (1, 16, 16)
        assert batch.target.shape[1:] == (2, 16, 16)
        assert max(batch.input.abs().max(), batch.target.abs().max()) <= 1
        for name, picture in zip(batch.names, join_lab(batch.input, batch.target), strict=True):
            assert torch.allclose(picture, unit(pixels[name]), atol=1e-4)


def test_edges_of_a_plain_folder(tmp_path: Path) -> None:
    half = np.zeros((16, 24, 3), np.uint8)
    half[:, 12:] = 255
    for i in range(3):
        write_image(tmp_path / f"{i}.png", half)
    data = PairedImages(folder=str(tmp_path), task="edges", size=16, preprocess="crop")
    assert (data.channels_in, data.channels_out, data.lab) == (1, 3, False)
    for batch in epoch(data) + epoch(data, 1):
        assert set(batch.input.flatten().tolist()) == {-1.0, 1.0}
        lines = (batch.input[0, 0] == -1).any(0).nonzero().flatten().tolist()
        assert len(lines) == 1  # one upright line, where the picture in the same window has its step
        around = batch.target[0, 0, :, lines[0] - 1 : lines[0] + 2]
        assert (around.amin(1) == -1).all()
        assert (around.amax(1) == 1).all()
    swapped = PairedImages(folder=str(tmp_path), task="edges", size=16, direction="BtoA")
    assert (swapped.channels_in, swapped.channels_out) == (3, 1)
    assert set(swapped.preview(1).target.flatten().tolist()) == {-1.0, 1.0}


def test_faces_need_nothing() -> None:
    data = PairedImages(**FACES, batch_size=2)
    assert (data.channels_in, data.channels_out, data.image_size) == (3, 3, 16)
    batches = epoch(data)
    assert [batch.input.shape for batch in batches] == [(2, 3, 16, 16)] * 2
    (batch,) = finished(data.test_dataloader())
    drawing, face = batch.input, batch.target
    assert ((drawing - face) > -0.02).all()  # the drawing has white where the face has colour
    assert ((drawing - face) > 0.5).any(1).float().mean() > 0.1
    assert drawing.min() < -0.5  # and the same lines
    assert not set(batch.names) & {name for training in batches for name in training.names}
    other = PairedImages(**FACES, seed=1).preview(3)
    assert torch.equal(other.target, data.preview(3).target)


@pytest.mark.parametrize("task", ["colorise", "edges"])
def test_faces_with_a_task(task: Any) -> None:
    data = PairedImages(**FACES, task=task)
    batch, plain = data.preview(3), PairedImages(**FACES).preview(3)
    assert batch.input.shape == (3, 1, 16, 16)
    pictures = join_lab(batch.input, batch.target) if task == "colorise" else batch.target
    assert torch.allclose(pictures, plain.target, atol=1e-4)
    assert epoch(data)[0].target.shape == (1, data.channels_out, 16, 16)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_run_repeats_and_resumes_whatever_the_workers(tmp_path: Path, workers: int) -> None:
    write_folder(tmp_path, 9)
    options: dict[str, Any] = {"folder": str(tmp_path), "task": "colorise", "size": 16, "batch_size": 2}
    expected = epoch(PairedImages(**options, cache_gigabytes=0), 1)
    assert len(expected) == 4
    loader: Any = PairedImages(**options, workers=workers).train_dataloader()
    loader.sampler.set_epoch(1)
    first = finished(islice(loader, 2))
    resumed: Any = PairedImages(**options, workers=workers).train_dataloader()
    resumed.sampler.set_epoch(1)
    resumed.load_state_dict(loader.state_dict())
    for one, other in zip(expected, first + finished(resumed), strict=True):
        assert one.names == other.names
        assert torch.equal(one.input, other.input)
        assert torch.equal(one.target, other.target)
    loader.close()
    resumed.close()


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
    sent = pickle.loads(pickle.dumps(loader.source))
    delivered = pickle.loads(pickle.dumps(sent[[(0, 0)]]))
    assert torch.equal(delivered.finish().target, loader.source[[(0, 0)]].finish().target)


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


def test_max_images(tmp_path: Path) -> None:
    side_by_side(tmp_path, {"train": 6, "val": 5})
    data = PairedImages(str(tmp_path), size=12, max_images=3)
    assert {name for batch in epoch(data) for name in batch.names} == {
        "train0.png",
        "train2.png",
        "train4.png",
    }
    assert len(data.preview(9).input) == 3


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


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"folder_A": "x"}, "folder_B is missing"),
        ({"root": "x", "folder_A": "x"}, "either root or folder_A and folder_B, not both"),
        ({"folder": "x"}, "task is missing"),
        (
            {"root": "x", "task": "edges"},
            "edges makes pairs of plain pictures: give these as folder, not as root",
        ),
        ({"task": "paint"}, "task: 'paint' is unknown"),
        ({"direction": "A2B"}, "direction: 'A2B' is unknown; AtoB and BtoA"),
        ({"task": "colorise", "direction": "BtoA"}, "direction: task colorise"),
        ({"task": "colorise", "channels_B": 3}, "channels_B: task colorise has 2 channels there, not 3"),
        ({"task": "edges", "channels_B": 4}, "channels_B: task edges has 1 or 3 channels there, not 4"),
        ({"task": "edges", "channels_A": 3}, "channels_A: task edges has 1 channel there, not 3"),
        ({"edge_sigma": 0}, "edge_sigma: 0 must be above 0"),
        ({"edge_threshold": -1}, "edge_threshold: -1"),
        ({"held_out_share": 1.0}, r"held_out_share: 1\.0"),
        ({"faces_count": 0}, "faces_count: 0"),
        ({"test_count": 0}, "test_count: 0"),
        ({"max_images": 0}, "max_images: 0"),
        ({"channels_A": 2}, "channels_A: drawn faces have 3 channels"),
        ({"faces_A": "hat"}, "domain of faces 'hat'"),
    ],
)
def test_bad_arguments_are_named_at_once(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PairedImages(**options)


def test_bad_pairs_stop_or_are_skipped(tmp_path: Path) -> None:
    negatives(tmp_path, 4)
    negatives(tmp_path, 1, split="test")
    (tmp_path / "trainB" / "002.png").write_text("no image")
    with pytest.raises(ValueError, match=r"trainB/002\.png: called \.png but holds no image"):
        PairedImages(str(tmp_path), size=16, channels_B=3).train_dataloader()
    data = PairedImages(str(tmp_path), size=16, on_bad_image="skip")
    with pytest.warns(UserWarning, match=r"1 images were skipped(.|\n)*trainB/002\.png"):
        batches = epoch(data)
    assert {name for batch in batches for name in batch.names} == {"000.png", "001.png", "003.png"}
    assert all((batch.input + batch.target).abs().max() < 1.5 / 127.5 for batch in batches)
