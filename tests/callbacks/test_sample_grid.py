from __future__ import annotations

import warnings
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lightning as L
import numpy as np
import pytest
import torch
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from PIL import Image
from support.compared import Items, Painter, items, random_images, trainer

from gans.callbacks.sample_grid import SampleGrid
from gans.pictures.render import middle_slices
from gans.protocol import Grid


class Previewed(L.LightningDataModule):
    """Has a preview of as many of a module's images as are asked for, and lends its loaders."""

    def __init__(self, module: Painter) -> None:
        super().__init__()
        self.images = module.images
        self.train_dataloader = module.train_dataloader  # type: ignore[method-assign]
        self.val_dataloader = module.val_dataloader  # type: ignore[method-assign]

    def preview(self, count: int) -> Items:
        return Items(*(None if images is None else images[:count] for images in self.images))  # type: ignore[arg-type]


class PictureLogger(CSVLogger):
    """Takes pictures as W&B's logger does."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.pictures: list[tuple[str, int, tuple[int, int]]] = []

    def log_image(self, key: str, images: list[Any], step: int | None = None) -> None:
        assert step is not None
        (picture,) = images
        self.pictures.append((key, step, picture.size))


def fit(
    folder: Path,
    callback: SampleGrid,
    module: Painter | None = None,
    ckpt_path: Path | None = None,
    **options: Any,
) -> L.Trainer:
    """Train two epochs of two batches; return the trainer."""
    torch.manual_seed(0)
    module = module or Painter(items(5, 5))
    run = trainer(folder, callback, **({"max_epochs": 2} | options))
    run.fit(module, datamodule=Previewed(module), ckpt_path=ckpt_path)
    return run


def pictures(folder: Path) -> dict[str, np.ndarray[Any, Any]]:
    files = sorted((folder / "samples").iterdir())
    return {file.name: np.asarray(Image.open(file)) for file in files}


def test_a_grid_is_drawn_before_training_and_after_every_epoch(tmp_path: Path) -> None:
    fit(tmp_path, SampleGrid(count=3, before_training=True))
    drawn = pictures(tmp_path)
    assert list(drawn) == ["A2B_epoch-0000.png", "A2B_epoch-0001.png", "A2B_epoch-0002.png"]
    first, _, last = drawn.values()
    assert first.shape == last.shape
    column = first.shape[1] // 3
    inputs, outputs, noise = (slice(i * column, (i + 1) * column) for i in range(3))
    assert np.array_equal(first[:, inputs], last[:, inputs])
    assert np.array_equal(first[:, noise], last[:, noise])
    assert not np.array_equal(first[:, outputs], last[:, outputs])


@pytest.mark.parametrize(
    ("options", "epochs"),
    [
        ({"every_n_epochs": 2, "before_training": True}, [0, 2, 3]),
        ({}, [1, 2, 3]),
        ({"every_n_epochs": 9}, [3]),
    ],
)
def test_the_epochs_are_chosen(tmp_path: Path, options: dict[str, Any], epochs: list[int]) -> None:
    fit(tmp_path, SampleGrid(count=1, **options), max_epochs=3)
    assert list(pictures(tmp_path)) == [f"A2B_epoch-{epoch:04d}.png" for epoch in epochs]


def test_training_is_not_disturbed(tmp_path: Path) -> None:
    often, seldom = Painter(items(2, 2)), Painter(items(2, 2))
    fit(tmp_path / "often", SampleGrid(before_training=True), often)
    next_number = torch.rand(())
    fit(tmp_path / "seldom", SampleGrid(every_n_epochs=9), seldom)
    assert torch.equal(torch.rand(()), next_number)
    assert torch.equal(often.shift, seldom.shift)
    assert often.shift != 0.25


def test_modes_are_restored_part_by_part(tmp_path: Path) -> None:
    modes = []

    class Watched(Painter):
        def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
            modes.append((self.training, self.frozen.training))

    fit(tmp_path, SampleGrid(before_training=True), Watched(items(2, 2)), limit_val_batches=0)
    assert modes == [(True, False)] * 4


def test_a_resumed_run_keeps_its_first_picture(tmp_path: Path) -> None:
    fit(tmp_path, SampleGrid(count=1, before_training=True), max_epochs=1).save_checkpoint(
        tmp_path / "last.ckpt"
    )
    first = pictures(tmp_path)["A2B_epoch-0000.png"]
    fit(tmp_path, SampleGrid(count=1, before_training=True), ckpt_path=tmp_path / "last.ckpt")
    drawn = pictures(tmp_path)
    assert list(drawn) == [f"A2B_epoch-000{epoch}.png" for epoch in range(3)]
    assert np.array_equal(drawn["A2B_epoch-0000.png"], first)


def test_loggers_that_take_pictures_get_them(tmp_path: Path) -> None:
    taking = PictureLogger(tmp_path / "taking")
    board = TensorBoardLogger(tmp_path / "board")
    fit(
        tmp_path,
        SampleGrid(count=2, before_training=True),
        logger=[taking, CSVLogger(tmp_path / "csv"), board],
        max_epochs=1,
    )
    size = Image.open(tmp_path / "samples" / "A2B_epoch-0001.png").size
    assert taking.pictures == [("samples/A2B", 0, size), ("samples/A2B", 2, size)]

    reader = import_module("tensorboard.backend.event_processing.event_accumulator")  # it has no types
    events = reader.EventAccumulator(board.log_dir)
    events.Reload()
    assert [(event.step, event.width, event.height) for event in events.Images("samples/A2B")] == [
        (0, *size),
        (2, *size),
    ]


def test_a_domain_without_images_is_left_out(tmp_path: Path) -> None:
    class TwoWays(Painter):
        def grids(self, batch: Items) -> dict[str, Grid]:
            return {"none": Grid({"B": random_images(0)}), **super().grids(batch)}

    fit(tmp_path, SampleGrid(), TwoWays(items(2, 2)), max_epochs=1)
    assert list(pictures(tmp_path)) == ["A2B_epoch-0001.png"]


def test_without_a_preview_there_is_one_warning(tmp_path: Path) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        trainer(tmp_path, SampleGrid(), max_epochs=2).fit(Painter(items(2, 2)))
    assert len([warning for warning in caught if "No sample grids" in str(warning.message)]) == 1
    assert not (tmp_path / "samples").exists()


def test_of_neighbouring_slices_the_middle_one_is_shown() -> None:
    slices, other = torch.rand(2, 5, 4, 4), torch.rand(2, 3, 4, 4)
    shown = middle_slices(Grid({"A": slices, "B": other}), 2).columns
    assert torch.equal(shown["A"], slices[:, 2:3])
    assert torch.equal(shown["B"], other)
    grid = Grid({"A": slices})
    assert middle_slices(grid, 0) is grid


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="count is 0"):
        SampleGrid(count=0)
    with pytest.raises(ValueError, match="every_n_epochs is 0"):
        SampleGrid(every_n_epochs=0)
    with pytest.raises(ValueError, match="first_seconds is -1"):
        SampleGrid(first_seconds=-1)


def test_the_first_pictures_come_within_a_long_first_epoch_and_only_once(tmp_path: Path) -> None:
    fit(tmp_path, SampleGrid(count=1, first_seconds=0.0))
    assert list(pictures(tmp_path)) == [
        "A2B_epoch-0001.png",
        "A2B_epoch-0002.png",
        "A2B_step-0000001.png",
    ]


def test_where_no_epoch_is_drawn_soon_the_first_pictures_wait_for_their_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = iter(range(0, 1000, 10))
    clock = SimpleNamespace(monotonic=lambda: float(next(seconds)))
    monkeypatch.setattr("gans.callbacks.sample_grid.time", clock)
    fit(tmp_path, SampleGrid(count=1, every_n_epochs=9, first_seconds=25.0), max_epochs=3)
    assert list(pictures(tmp_path)) == ["A2B_epoch-0003.png", "A2B_step-0000003.png"]


def test_the_first_pictures_do_not_disturb_the_training(tmp_path: Path) -> None:
    early, none = Painter(items(2, 2)), Painter(items(2, 2))
    fit(tmp_path / "early", SampleGrid(first_seconds=0.0), early)
    next_number = torch.rand(())
    fit(tmp_path / "none", SampleGrid(first_seconds=None), none)
    assert torch.equal(torch.rand(()), next_number)
    assert torch.equal(early.shift, none.shift)
