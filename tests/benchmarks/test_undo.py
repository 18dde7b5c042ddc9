"""What the benchmarks undo is really undone, and computes the same: that is why it is on everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import Callback
from support.tiny import trainer
from support.toys import make_data, make_model

from benchmarks.plain_process import OperatorCounter
from benchmarks.undo import UNDO
from gans.losses import penalties
from gans.networks import joined

SIGNS = {
    "fused_adam": ("DCGAN", "fused"),
    "judges_without_gradients": ("DCGAN", "judge_gradient"),
    "resting_without_graph": ("StarGAN", "graphs"),
    "joined_forwards": ("CycleGAN", "forwards"),
    "penalties_without_zeros": ("StarGAN", "operators"),
}
"""By what is undone: a variant that shows it, and in what."""


class Witness(Callback):
    """Undoes one thing, and keeps the losses of every step and what else tells."""

    def __init__(self, undo: str | None) -> None:
        self.undo = undo
        self.losses: list[dict[str, float]] = []
        self.forwards = self.graphs = self.operators = 0
        self.fused: bool | None = None
        self.judge_gradient = 0.0

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        if self.undo:
            UNDO[self.undo](pl_module)
        self.judge = next(
            network for name, network in pl_module.named_children() if name.startswith("discriminator")
        )
        self.judge.register_forward_hook(self.judged)
        self.produce = pl_module.produce
        pl_module.produce = self.produced

    def judged(self, *_: Any) -> None:
        self.forwards += 1

    def produced(self, batch: Any) -> Any:
        made = self.produce(batch)
        self.graphs += isinstance(made, torch.Tensor) and made.requires_grad
        return made

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
        self.losses.append({name: float(value) for name, value in trainer.callback_metrics.items()})
        self.fused = trainer.optimizers[0].param_groups[0]["fused"]
        self.judge_gradient = sum(float(p.grad.abs().sum()) for p in self.judge.parameters())


def trained(name: str, folder: Path, undo: str | None, monkeypatch: pytest.MonkeyPatch) -> Witness:
    """Train a variant for six steps in float64, with one thing undone."""
    torch.manual_seed(0)
    monkeypatch.setenv("PL_GLOBAL_SEED", "0")
    # What is undone for the whole process is to be restored.
    monkeypatch.setattr(joined, "has_batch_statistics", joined.has_batch_statistics)
    monkeypatch.setattr(penalties, "StraightPieces", penalties.StraightPieces)
    witness = Witness(undo)
    fit = trainer(folder, max_steps=6, max_epochs=6, limit_val_batches=0, callbacks=[witness])
    without_dropout = {"dropout": False} if name == "Pix2Pix" else {}
    module = make_model(name, learning_rate=1e-6, **without_dropout)
    with OperatorCounter() as counter:
        fit.fit(module, make_data(name))
    witness.operators = counter.count
    return witness


@pytest.mark.parametrize("name", ["CycleGAN", "Pix2Pix", "StarGAN", "DCGAN"])
def test_losses_are_the_same_without_it(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = trained(name, tmp_path, None, monkeypatch)
    assert len(usual.losses) == 6
    for undo in UNDO:
        undone = trained(name, tmp_path, undo, monkeypatch)
        for expected, found in zip(usual.losses, undone.losses, strict=True):
            assert found == pytest.approx(expected, rel=1e-10), undo


@pytest.mark.parametrize("undo", UNDO)
def test_it_is_undone(undo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name, sign = SIGNS[undo]
    usual = trained(name, tmp_path, None, monkeypatch)
    undone = trained(name, tmp_path, undo, monkeypatch)
    assert getattr(undone, sign) != getattr(usual, sign)
