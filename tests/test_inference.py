from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from support.commands import run
from support.toys import TOYS, make_data, make_model
from torch import Tensor, nn

import gans
from datamodules.captioned.module import CaptionedImages
from gans.inference import AT_ONCE, coded, evaluating, mapped, prepared, to_pil

every_variant = pytest.mark.parametrize("name", gans.VARIANTS)


def test_the_modes_come_back_also_after_an_error() -> None:
    network = nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1).eval())
    seen: list[bool] = []

    def fail() -> None:
        with evaluating(network):
            seen.extend(part.training for part in network.modules())
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert seen == [False, False, False]
    assert [part.training for part in network.modules()] == [True, True, False]


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


def test_rounding_is_no_other_range() -> None:
    prepared(torch.full((3, 4, 4), 1.005), nn.Conv2d(3, 1, 1), channels=3)
    with pytest.raises(ValueError, match=r"these reach from 1\.05 to 1\.05"):
        prepared(torch.full((3, 4, 4), 1.05), nn.Conv2d(3, 1, 1), channels=3)


def test_what_stands_beside_images_stays_with_them() -> None:
    """The sizes alternate, and one of them fills more than a batch."""
    sizes = [(2, 2), (3, 2), *[(2, 2)] * (AT_ONCE + 1)]
    shades = list(range(0, 10 * len(sizes), 10))
    given = [Image.new("L", size, shade) for size, shade in zip(sizes, shades, strict=True)]
    batches = []

    def darker(batch: Tensor, by: Tensor) -> Tensor:
        batches.append(len(batch))
        return batch - by[:, None, None, None] / 127.5

    made = mapped(given, nn.Conv2d(1, 1, 1), 1, darker, torch.tensor(shades))
    assert batches == [1, 1, AT_ONCE, 1]
    assert [picture.size for picture in made] == sizes
    assert {value for picture in made for value in np.asarray(picture).flat} == {0}


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("LA", 2), ("RGB", 3), ("RGBA", 4)])
def test_pictures_survive_the_way_through_a_tensor(mode: str, channels: int) -> None:
    values = np.arange(256 * channels, dtype=np.uint8).reshape(16, 16, channels)
    picture = Image.fromarray(values[:, :, 0] if channels == 1 else values)
    again = mapped(picture, nn.Conv2d(channels, 1, 1), channels, lambda batch: batch)
    assert again.mode == picture.mode == mode
    assert np.array_equal(np.asarray(again), np.asarray(picture))


def test_a_tensor_becomes_pictures() -> None:
    halves = torch.tensor([-1.0, 0.0, 1.0]).view(3, 1, 1)
    for images in (halves, halves[None], halves[None].bfloat16()):
        (picture,) = to_pil(images)
        assert np.asarray(picture).tolist() == [[[0, 128, 255]]]
    assert to_pil(torch.zeros(0, 3, 2, 2)) == []
    with pytest.raises(ValueError, match="1 to 4 channels; these images have 5"):
        to_pil(torch.zeros(5, 2, 2))


def test_no_pictures_give_none_and_have_no_codes() -> None:
    network = nn.Conv2d(3, 1, 1)
    assert mapped([], network, 3, network) == []
    with pytest.raises(ValueError, match="no picture in the list"):
        coded([], network, 3, network)


@every_variant
def test_a_data_module_for_another_kind_of_model_is_refused(name: str) -> None:
    learnt_from = make_model(name).batch_type
    others = {
        toy.data: other for other, toy in TOYS.items() if make_model(other).batch_type is not learnt_from
    }
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
