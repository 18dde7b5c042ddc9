"""A model whose pictures are larger than its images, from its data to its metrics and grids."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from support.compared import trainer
from support.enlarging import Enlarger, enlarger
from support.pairs import FACES
from support.small_gans import tiny
from support.toys import make_model

from datamodules import SharpImages
from gans.callbacks.generative_metrics import GenerativeMetrics
from gans.callbacks.sample_grid import SampleGrid
from gans.callbacks.translation_error import TranslationError
from gans.cli.facts import hand_over_facts
from gans.protocol import scale_of

METRICS = {"kid_lite0", "fd_lite0", "l1", "psnr", "ssim", "l1_constant"}


def pairs(scale: int) -> SharpImages:
    return SharpImages(**FACES, scale=scale)


def test_a_variant_that_says_nothing_keeps_the_size() -> None:
    assert scale_of(enlarger(3)) == 3
    assert scale_of(make_model("Pix2Pix")) == scale_of(tiny()) == 1


@pytest.mark.parametrize("scale", [2, 4])
def test_it_trains_and_is_compared_at_the_large_size(tmp_path: Path, scale: int) -> None:
    model, data = enlarger(scale), pairs(scale)
    grids = SampleGrid(count=2)
    run = trainer(tmp_path, GenerativeMetrics(), TranslationError(), grids, max_epochs=1)
    run.fit(model, data)
    metrics = run.callback_metrics
    logged = {name.split("/")[1] for name in metrics if name.startswith("val/")}
    assert logged >= METRICS
    assert "l1_doing_nothing" not in logged, "the source has another size than the truth"
    (batch,) = [loaded.finish() for loaded in data.val_dataloader()]
    compared = model.comparisons(batch)["enlarged"]
    for images in (compared.fake, compared.real, compared.truth):
        assert images is not None
        assert images.shape == (3, 3, 16 * scale, 16 * scale)
    expected = float((compared.fake - batch.target).abs().mean() * 127.5)
    assert float(metrics["val/l1/enlarged"]) == pytest.approx(expected, rel=1e-4)
    with Image.open(tmp_path / "samples" / "enlarged_epoch-0001.png") as picture:
        assert picture.width > 3 * 64


@pytest.mark.parametrize(
    ("model", "scale", "said"),
    [
        (
            lambda: make_model("Pix2Pix"),
            2,
            "Pix2Pix makes pictures 1 times .* are 2 times .* data.scale to 1",
        ),
        (lambda: enlarger(2), 1, "Enlarger makes pictures 2 times .* are 1 times .* data.scale to 2"),
        (lambda: enlarger(4), 2, "or choose a model of scale 2"),
    ],
)
def test_targets_of_another_scale_are_refused(tmp_path: Path, model: Any, scale: int, said: str) -> None:
    for run in (trainer(tmp_path).fit, trainer(tmp_path).validate):
        with pytest.raises(ValueError, match=said):
            run(model(), datamodule=pairs(scale))


def test_the_data_hand_their_scale_to_the_model() -> None:
    arguments = {"channels_in": 1, "image_size": 256, "scale": 2}
    hand_over_facts(pairs(4), arguments, chosen=[])
    assert arguments == {"channels_in": 3, "image_size": 16, "scale": 4}
    assert scale_of(Enlarger(**arguments)) == 4


def test_pictures_come_back_larger_in_the_form_in_which_images_are_given() -> None:
    model = enlarger(2)
    assert model.translate(torch.zeros(3, 5, 7)).shape == (3, 10, 14)
    given = [Image.new("RGB", (7, 5)), Image.new("L", (4, 9))]
    assert [picture.size for picture in model.translate(given)] == [(14, 10), (8, 18)]
