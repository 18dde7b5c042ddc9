from __future__ import annotations

from pathlib import Path

import pytest
import torch
from support.commands import run
from support.toys import TOYS, make_data, make_model
from torch import nn

import gans
from datamodules.captioned import CaptionedImages
from gans.inference import evaluating, prepared

every_variant = pytest.mark.parametrize("name", gans.VARIANTS)


def test_the_mode_comes_back_also_after_an_error() -> None:
    network = nn.Linear(1, 1).train()
    seen = []

    def fail() -> None:
        with evaluating(network):
            seen.append(network.training)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert seen == [False]
    assert network.training


@pytest.mark.parametrize("shape", [(3, 4, 4), (2, 3, 4, 4), (0, 3, 4, 4)])
def test_images_become_a_batch_in_the_networks_precision(shape: tuple[int, ...]) -> None:
    batch = prepared(torch.zeros(shape), nn.Conv2d(3, 1, 1).double(), channels=3)
    assert batch.dtype == torch.float64
    assert batch.shape[-3:] == (3, 4, 4)
    assert batch.ndim == 4


@pytest.mark.parametrize(
    ("shape", "said"), [((1, 4, 4), "have 1 channels, and the model takes 3"), ((4, 4), "shape")]
)
def test_other_images_are_refused(shape: tuple[int, ...], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        prepared(torch.zeros(shape), nn.Conv2d(3, 1, 1), channels=3)


def test_pixels_in_0_to_255_are_refused() -> None:
    with pytest.raises(ValueError, match=r"in \[-1, 1\], not torch\.uint8"):
        prepared(torch.zeros(1, 3, 4, 4, dtype=torch.uint8), nn.Conv2d(3, 1, 1), channels=3)


@every_variant
def test_a_data_module_for_another_kind_of_model_is_refused(name: str) -> None:
    others = {toy.data: other for other, toy in TOYS.items() if toy.data != TOYS[name].data}
    for data, other in others.items():
        batch = make_data(other).preview(1)
        with pytest.raises(ValueError, match=f"{name} learns from a .*Batch, but the data module makes a"):
            make_model(name).validation_step(batch, 0)
        assert data


@every_variant
def test_no_images_give_no_images(name: str) -> None:
    model, data = make_model(name), make_data(name)
    if isinstance(data, CaptionedImages):  # whose words a training would teach it
        model.text_encoder.vocabulary.fill(data.training_captions())  # type: ignore[union-attr, operator]
    batch = data.preview(2)
    empty = type(batch)(*(None if part is None else part[:0] for part in batch))
    for key, comparison in model.validation_step(empty, 0).items():
        assert comparison.fake.shape[0] == 0, key
        assert comparison.fake.shape[1:] == model.validation_step(batch, 0)[key].fake.shape[1:]


def test_a_data_module_for_another_kind_of_model_is_refused_before_anything_is_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = ["--data.faces_count=2", "--data.test_count=2", f"--run={tmp_path / 'run'}", "--logger=csv"]
    assert run("fit", "--config", "cyclegan", "--model", "Pix2Pix", *small) == 1
    told = capsys.readouterr().err
    assert "Pix2Pix learns from a PairedBatch, but the data module makes a UnpairedBatch" in told
    assert not list(tmp_path.rglob("*.png"))
