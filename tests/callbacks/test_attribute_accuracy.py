from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lightning as L
import pytest
import torch
from support.compared import trainer
from support.processes import run_together
from torch import Tensor
from torch.utils.data import DataLoader

from gans.callbacks.attribute_accuracy import AttributeAccuracy
from gans.metrics.attribute_classifier import AttributeClassifier
from gans.protocol import Comparison

NAMES = [["red", "green", "hat"]]
NAN = float("nan")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = str(tmp_path_factory.mktemp("classifier") / "attributes.ckpt")
    saving = L.Trainer(logger=False, enable_checkpointing=False, accelerator="cpu")
    saving.strategy.connect(AttributeClassifier(NAMES, [["red", "green"]], image_size=8))
    saving.save_checkpoint(path, weights_only=True)
    return path


def by_colour(self: AttributeClassifier, images: Tensor) -> Tensor:
    """See attribute k where channel k is bright."""
    return (images.mean(dim=(2, 3)) > 0).float()


def showing(*labels: list[int]) -> Tensor:
    return (torch.tensor(labels).float() * 2 - 1)[:, :, None, None].expand(-1, -1, 8, 8).contiguous()


class Shown(L.LightningModule):
    """Offers comparisons as they are, one batch each; a process takes every other one."""

    def __init__(self, batches: list[dict[str, Comparison]]) -> None:
        super().__init__()
        self.batches = batches

    def val_dataloader(self) -> Any:
        mine = range(self.trainer.global_rank, len(self.batches), self.trainer.world_size)
        return DataLoader(list(mine), batch_size=None)  # type: ignore[arg-type]

    def validation_step(self, index: Any, batch_idx: int) -> dict[str, Comparison]:
        return self.batches[int(index)]


SOURCE = showing([0, 1, 0], [1, 0, 1], [1, 0, 0])
SOURCE_LABELS = torch.tensor([[0.0, 1, 0], [1, 0, 1], [0, 1, NAN]])  # of the third the classifier is wrong
WANTED = torch.tensor([[1.0, 0, NAN], [1, 0, NAN], [1, 0, NAN]])
TURNED = torch.tensor([[0.0, 1, 1], [1, 0, 0], [0, 1, 1]])
BATCHES = [
    {
        "red": Comparison(
            showing([1, 0, 0], [1, 0, 0], [0, 1, 0]), None, SOURCE, None, WANTED, SOURCE_LABELS
        ),
        "hat": Comparison(
            showing([0, 1, 1], [1, 0, 1], [0, 0, 1]), None, SOURCE, None, TURNED, SOURCE_LABELS
        ),
    },
    {"red": Comparison(showing([0, 0, 0]), None, SOURCE[:1], None, WANTED[:1], SOURCE_LABELS[:1])},
]
EXPECTED = {
    "val/accuracy/red": 2 / 4,
    "val/accuracy_of_real/red": 1.0,  # of the one that is red
    "val/accuracy/hat": 2 / 3,
    "val/accuracy_of_real/hat": 1.0,  # of the two that are known
    "val/accuracy": (2 / 4 + 2 / 3) / 2,
    "val/accuracy_of_real": 1.0,
}


def measure(folder: str, checkpoint: str, devices: int) -> dict[str, float]:
    AttributeClassifier.recognise = by_colour  # type: ignore[method-assign]
    options = {"devices": devices, "strategy": "ddp"} if devices > 1 else {}
    run = trainer(Path(folder), AttributeAccuracy(checkpoint), **options)
    run.validate(Shown(BATCHES), verbose=False)
    return {name: float(value) for name, value in run.callback_metrics.items()}


def test_shares_are_over_all_images(tmp_path: Path, checkpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AttributeClassifier, "recognise", by_colour)
    assert measure(str(tmp_path), checkpoint, 1) == pytest.approx(EXPECTED)


def test_number_of_processes_does_not_matter(tmp_path: Path, checkpoint: str) -> None:
    for metrics in run_together(measure, str(tmp_path), checkpoint, 2):
        assert metrics == pytest.approx(EXPECTED)


def test_variants_without_attributes_are_left_alone(tmp_path: Path, checkpoint: str) -> None:
    other = [{"A2B": Comparison(SOURCE)}, {"red": Comparison(SOURCE)}]
    (metrics,) = trainer(tmp_path, AttributeAccuracy(checkpoint)).validate(Shown(other), verbose=False) or [
        {}
    ]
    assert metrics == {}


def test_a_classifier_of_other_attributes_is_refused(checkpoint: str) -> None:
    given: Any = SimpleNamespace(datamodule=SimpleNamespace(attributes=[["cat", "dog"]]))
    with pytest.raises(
        ValueError, match=r"trained on the attributes \[\['red'.*data has \[\['cat', 'dog'\]\]"
    ):
        AttributeAccuracy(checkpoint).setup(given, L.LightningModule(), "fit")


def test_a_missing_classifier_is_explained(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.ckpt is no file. Train one: python -m gans\.tools"):
        AttributeAccuracy(str(tmp_path / "none.ckpt"))
