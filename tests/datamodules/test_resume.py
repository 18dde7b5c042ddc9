"""Data order through Lightning itself: a resumed run sees what an uninterrupted one would have seen."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from support.pictures import write_folder
from torch import Tensor, nn

from datamodules import UnpairedImages
from datamodules.unpaired.batches import UnpairedBatch


class Recorder(L.LightningModule):
    """Learns one number and notes what every training batch shows."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
        self.seen: list[tuple[str, str, float]] = []

    def training_step(self, batch: UnpairedBatch, batch_idx: int) -> Tensor:
        for A, B, image in zip(batch.names_A, batch.names_B, batch.A, strict=True):
            self.seen.append((A, B, image.double().sum().item()))
        return self.weight * batch.A.mean()

    def validation_step(self, batch: UnpairedBatch, batch_idx: int) -> None:
        assert batch.A.dtype == torch.float32

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def train(
    root: Path, folder: Path, workers: int, resume: Path | None = None, save: Any = None, **options: Any
) -> list[Any]:
    """Train on 7 items in batches of 2, and return what was seen."""
    module = Recorder()
    trainer = L.Trainer(
        default_root_dir=folder,
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
        callbacks=[ModelCheckpoint(folder, save_top_k=-1, filename="{step}", **(save or {}))],
        **options,
    )
    data = UnpairedImages(str(root), size=8, batch_size=2, workers=workers)
    trainer.fit(module, datamodule=data, ckpt_path=resume)
    return module.seen


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    for seed, (name, count) in enumerate({"trainA": 7, "trainB": 5, "testA": 1, "testB": 2}.items()):
        write_folder(folder / name, count, (12, 12), seed=seed)
    return folder


@pytest.mark.parametrize("step", [1, 2, 3, 4, 6])
def test_a_resumed_run_sees_the_same_items(root: Path, tmp_path: Path, step: int) -> None:
    """Three batches make an epoch: mid-epoch, at its last batch, and in later epochs."""
    whole = train(root, tmp_path, 0, max_epochs=3, save={"every_n_train_steps": 1})
    assert len(whole) == 18
    resumed = train(root, tmp_path / "resumed", 0, tmp_path / f"step={step}.ckpt", max_epochs=3)
    assert resumed == whole[2 * step :]


def test_workers_that_read_ahead_do_not_move_the_place(root: Path, tmp_path: Path) -> None:
    whole = train(root, tmp_path, 2, max_epochs=2, save={"every_n_train_steps": 1})
    assert not multiprocessing.active_children()  # the workers ended with the run
    assert whole == train(root, tmp_path / "alone", 0, max_epochs=2)
    assert train(root, tmp_path / "resumed", 2, tmp_path / "step=4.ckpt", max_epochs=2) == whole[8:]


def test_workers_end_when_a_run_fails(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Recorder, batch: UnpairedBatch, batch_idx: int) -> Tensor:
        raise RuntimeError("out of luck")

    monkeypatch.setattr(Recorder, "training_step", fail)
    with pytest.raises(RuntimeError, match="out of luck") as error:
        train(root, tmp_path, 2, max_epochs=1)
    del error
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("on_train_epoch_end", [True, False])
def test_resuming_between_epochs(root: Path, tmp_path: Path, on_train_epoch_end: bool) -> None:
    """Saved after training or after validation, also when an epoch is cut short."""
    save = {"every_n_epochs": 1, "save_on_train_epoch_end": on_train_epoch_end}
    options: dict[str, Any] = {"limit_train_batches": 2, "max_epochs": 3}
    whole = train(root, tmp_path, 0, save=save, **options)
    assert len(whole) == 12
    assert train(root, tmp_path / "resumed", 0, tmp_path / "step=4.ckpt", **options) == whole[8:]
