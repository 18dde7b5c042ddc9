from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from support.compared import random_images
from support.parity import FOLDER
from torch import Tensor

from gans.metrics.enlargement import enlargement_errors, luma, psnr, ssim

RECORDED = json.loads((FOLDER / "sr_metrics.json").read_text())


def pictures(size: list[int], frequency: float, amplitude: float) -> tuple[Tensor, Tensor]:
    """Return the recorded pair of pictures, recorded as BGR, as RGB (1, C, H, W) of 8-bit levels."""
    k = np.arange(np.prod(size))
    levels = np.round(127.5 + 127.5 * np.sin(frequency * k))
    other = np.clip(levels + np.round(amplitude * np.cos(0.7 * k)), 0, 255)
    first, second = (
        torch.from_numpy(each.reshape(size)).movedim(-1, 0)[None].flip(1) for each in (levels, other)
    )
    return first, second


@pytest.mark.parametrize("entry", RECORDED["entries"])
def test_equals_what_the_field_reports(entry: dict[str, Any]) -> None:
    image, other = pictures(entry["size"], entry["frequency"], entry["amplitude"])
    errors = enlargement_errors(image / 127.5 - 1, other / 127.5 - 1, entry["crop_border"])
    of = "y" if entry["test_y_channel"] or entry["size"][-1] == 1 else "rgb"
    assert errors[f"psnr_{of}"].item() == pytest.approx(entry["psnr"], rel=1e-7)
    assert errors[f"ssim_{of}"].item() == pytest.approx(entry["ssim"], rel=1e-7)


def test_brightness_equals_the_recorded_one() -> None:
    for colour in RECORDED["y_of_colours"]:
        levels = torch.tensor(colour["bgr"][::-1], dtype=torch.float64).view(1, 3, 1, 1)
        assert luma(levels).item() == pytest.approx(colour["y"], abs=1e-4)


def test_a_copy_is_perfect_and_finite() -> None:
    images = random_images(2, size=24)
    errors = {name: values.tolist() for name, values in enlargement_errors(images, images, 4).items()}
    ones = pytest.approx([1, 1])
    assert errors == {"psnr_y": [100, 100], "ssim_y": ones, "psnr_rgb": [100, 100], "ssim_rgb": ones}


def test_every_picture_is_judged_by_itself() -> None:
    fake, truth = random_images(3, size=24), random_images(3, size=24, seed=1)
    together = enlargement_errors(fake, truth, 2)
    alone = [enlargement_errors(fake[i : i + 1], truth[i : i + 1], 2) for i in range(3)]
    for name, values in together.items():
        torch.testing.assert_close(torch.cat([errors[name] for errors in alone]), values)


def test_what_lies_outside_or_below_8_bits_does_not_count() -> None:
    truth = torch.full((1, 3, 20, 20), 1.0)
    fake = truth + 0.001
    fake[..., :4, :] = -1
    assert enlargement_errors(fake, truth, 4)["psnr_y"].item() == 100


@pytest.mark.parametrize(
    ("channels", "side", "names"),
    [
        (3, 19, {"psnr_y", "ssim_y", "psnr_rgb", "ssim_rgb"}),
        (3, 18, {"psnr_y", "psnr_rgb"}),
        (1, 18, {"psnr_y"}),
        (3, 8, set()),
        (4, 19, set()),
    ],
)
def test_what_can_be_measured_depends_on_the_picture(channels: int, side: int, names: set[str]) -> None:
    images = torch.zeros(1, channels, side, side)
    assert set(enlargement_errors(images, images, 4)) == names


def test_levels_are_taken_as_they_are() -> None:
    levels = torch.full((1, 1, 11, 11), 100.0, dtype=torch.float64)
    assert psnr(levels, levels + 255).item() == 0
    assert psnr(levels, levels).isinf().all()
    assert ssim(levels, levels).item() == pytest.approx(1)
