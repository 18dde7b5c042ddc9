"""What the callback says of drawings whose match with their captions is known."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, NamedTuple

import lightning as L
import pytest
import torch
from support.compared import trainer
from support.processes import run_together
from support.toys import make_data, make_model
from torch import Tensor
from torch.utils.data import DataLoader

from gans.callbacks.text_match import TextMatch
from gans.metrics.attribute_classifier import AttributeClassifier
from gans.protocol import Comparison

NAMES = ["red", "green", "hat"]


class Captioned(NamedTuple):
    """As much of a batch of captions as is looked at."""

    images: Tensor
    captions: list[str]
    groups: Tensor
    claims: Tensor


def showing(labels: Tensor) -> Tensor:
    """Return images of 16 pixels whose channel k is bright where attribute k is 1."""
    return (labels.float() * 2 - 1)[:, :, None, None].expand(-1, -1, 16, 16).contiguous()


CLAIMS = torch.tensor([[1, -1, 0], [-1, 1, 1], [1, -1, -1], [-1, 1, 0]]).float()
REAL = torch.tensor([[1, 0, 1], [0, 1, 1], [1, 0, 0], [0, 1, 0]])
DRAWN = torch.tensor([[1, 0, 1], [1, 0, 1], [0, 1, 1], [0, 1, 0]])
ABOVE = torch.tensor([1.0, 1.0, -1.0, 1.0])
EXPECTED = {
    "val/right_above_wrong": 3 / 4,
    "val/accuracy/red": 1 / 2,  # of those that are to be red
    "val/accuracy/green": 1 / 2,
    "val/accuracy/hat": 1 / 2,  # of those with a hat and those without
    "val/accuracy": 1 / 2,
    "val/accuracy_of_real/red": 1.0,
    "val/accuracy_of_real/green": 1.0,
    "val/accuracy_of_real/hat": 1.0,
    "val/accuracy_of_real": 1.0,
}


class Drawing(L.LightningModule):
    """Offers four drawings in batches of two; a process takes every other one."""

    def __init__(self, judges: bool = True) -> None:
        super().__init__()
        if judges:
            self.caption_scores = lambda batch: (ABOVE[batch.groups], torch.zeros(len(batch.groups)))

    def validation_step(self, batch: Any, batch_idx: int) -> dict[str, Comparison]:
        return {"drawn": Comparison(showing(DRAWN[batch.groups]), batch.images)}


class Captions(L.LightningDataModule):
    """Offers the captions and their images."""

    attribute_names: ClassVar[list[str]] = NAMES

    def val_dataloader(self) -> Any:
        assert self.trainer is not None
        rows = [torch.tensor([0, 1]), torch.tensor([2, 3])]
        mine = rows[self.trainer.global_rank :: self.trainer.world_size]
        batches = [Captioned(showing(REAL[i]), [f"caption {n}" for n in i], i, CLAIMS[i]) for i in mine]
        return DataLoader(batches, batch_size=None)  # type: ignore[arg-type]


class Embedding:
    """Embeds images by their colours, and captions by their own claims."""

    def __init__(self) -> None:
        self.hparams = {"image_size": 8}

    def embed(self, texts: list[str]) -> Tensor:
        return CLAIMS[[int(text.split()[-1]) for text in texts]]

    def embed_images(self, images: Tensor) -> Tensor:
        assert images.shape[2:] == (8, 8), "images are to be resized"
        return images.mean((2, 3))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = str(tmp_path_factory.mktemp("classifier") / "attributes.ckpt")
    saving = L.Trainer(logger=False, enable_checkpointing=False, accelerator="cpu")
    saving.strategy.connect(AttributeClassifier([NAMES], [["red", "green"]], image_size=16))
    saving.save_checkpoint(path, weights_only=True)
    return path


def by_colour(self: AttributeClassifier, images: Tensor) -> Tensor:
    """See attribute k where channel k is bright."""
    return (images.mean(dim=(2, 3)) > 0).float()


def measure(folder: str, callback: TextMatch, devices: int = 1, judges: bool = True) -> dict[str, float]:
    AttributeClassifier.recognise = by_colour  # type: ignore[method-assign]
    options = {"devices": devices, "strategy": "ddp"} if devices > 1 else {}
    run = trainer(Path(folder), callback, **options)
    run.validate(Drawing(judges), datamodule=Captions(), verbose=False)
    return {name: float(value) for name, value in run.callback_metrics.items()}


def measure_with(folder: str, checkpoint: str, devices: int) -> dict[str, float]:
    return measure(folder, TextMatch(checkpoint), devices)


@pytest.fixture(autouse=True)
def _restored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AttributeClassifier, "recognise", by_colour)


def test_shares_are_of_the_images_whose_captions_name_the_attribute(tmp_path: Path, checkpoint: str) -> None:
    assert measure(str(tmp_path), TextMatch(checkpoint)) == pytest.approx(EXPECTED)


def test_the_number_of_processes_does_not_matter(tmp_path: Path, checkpoint: str) -> None:
    for metrics in run_together(measure_with, str(tmp_path), checkpoint, 2):
        assert metrics == pytest.approx(EXPECTED)


def test_the_rank_counts_captions_that_say_something_else(tmp_path: Path) -> None:
    """Red and green contradict each other: each caption has two others, and a drawing of the wrong colour
    puts both before its own."""
    callback = TextMatch()
    callback._encoder = Embedding()  # type: ignore[assignment]
    metrics = measure(str(tmp_path), callback)
    assert metrics["val/retrieval_rank_of_real"] == 1
    assert metrics["val/retrieval_rank"] == pytest.approx((1 + 100 + 100 + 1) / 4)
    assert "val/accuracy" not in metrics


def test_variants_without_captions_are_left_alone(tmp_path: Path, checkpoint: str) -> None:
    assert measure(str(tmp_path), TextMatch(checkpoint), judges=False) == {}


def test_a_gan_cls_is_measured_with_the_encoder_it_came_from(tmp_path: Path) -> None:
    """In the sizes of the toys: drawings of 16 pixels, by an encoder of images of 32."""
    fitting = trainer(tmp_path, max_epochs=1)
    data = make_data("TextEncoder", size=32, batch_size=4)
    fitting.fit(make_model("TextEncoder", image_size=32), data)
    fitting.save_checkpoint(tmp_path / "text.ckpt")
    model = make_model("GANCLS", text_encoder_arguments=None, text_encoder=str(tmp_path / "text.ckpt"))
    run = trainer(tmp_path, TextMatch())
    run.validate(model, make_data("GANCLS"), verbose=False)
    measured = {name.partition("/")[2] for name in run.callback_metrics}
    assert measured == {"right_above_wrong", "retrieval_rank", "retrieval_rank_of_real"}


def test_a_classifier_of_other_attributes_is_refused(checkpoint: str) -> None:
    given: Any = SimpleNamespace(datamodule=SimpleNamespace(attribute_names=["red", "hat", "beard", "tie"]))
    with pytest.raises(ValueError, match="does not know beard, tie: train one"):
        TextMatch(checkpoint).setup(given, Drawing(), "fit")


@pytest.mark.parametrize("argument", ["classifier", "text_encoder"])
def test_missing_files_are_named(argument: str) -> None:
    with pytest.raises(FileNotFoundError, match=rf"text_match\.{argument}: none\.ckpt does not exist"):
        TextMatch(**{argument: "none.ckpt"})
