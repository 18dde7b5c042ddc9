from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.drawing import RecordedDraws
from support.official_steps import train
from support.parity import FOLDER, wave
from support.r3gan import fill
from torch import Tensor

from datamodules.images.batches import ImageBatch
from gans.r3gan import R3GAN
from gans.sampling.draws import Draws


class OfficialChance(R3GAN):
    """Draws what was recorded: noise for one player and for the other, then what augmentations ask for."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.recorded = RecordedDraws()

    def noise(self, count: int) -> Tensor:
        rows = torch.empty(count // 2, dtype=torch.float64)
        return torch.cat([self.recorded.normal(rows, self.latent_size) for _ in range(2)])

    def augmentation_draws(self) -> Draws:
        return self.recorded


SETTINGS: dict[str, Any] = {
    "image_size": 32,
    "latent_size": 8,
    "widths": [16, 16, 12, 8],
    "blocks": [1, 2, 1, 1],
    "group_width": 8,
    "schedule_images": 10,
    "ema_share": 2.0,
}


@pytest.mark.parametrize(("trace", "separate"), [("r3gan", True), ("r3gan_same_batch", False)])
def test_steps_equal_the_official_program(trace: str, separate: bool, tmp_path: Path) -> None:
    recorded = json.loads((FOLDER / f"train_{trace}.json").read_text())
    module = OfficialChance(separate_batches=separate, **SETTINGS).double()
    for network, name in ((module.generator, "G"), (module.discriminator, "D")):
        fill(network, recorded["state_dicts"][name], recorded["fill_rules"][name])
    images = wave(4, 3, 32, 32)
    if separate:
        images = torch.cat([images, wave(4, 3, 32, 32, function=np.cos)])
    assert_steps(module, ImageBatch(images), recorded["steps_float64_same_start"], tmp_path)


PIPE = {"blit": 1.0, "geom": 1.0, "color": 0.5, "cutout": 1.0}


def test_steps_with_classes_and_scheduled_augmentation_equal_the_official_program(tmp_path: Path) -> None:
    recorded = json.loads((FOLDER / "train_r3gan_cond_aug.json").read_text())
    others = {"image_size": 16, "widths": [16, 12, 8], "blocks": [1, 2, 1], "classes": 3}
    schedules = {"schedule_images": 14, "ema_share": 12 / 14, "r1_weight": 1.0, "r2_weight": 1.0}
    augmented = {"augment_pipe": PIPE, "augment_probability": 0.2, "augment_final_probability": 0.9}
    module = OfficialChance(**(SETTINGS | others | schedules | augmented | {"augment": "scheduled"})).double()
    for network, name in ((module.generator, "G"), (module.discriminator, "D")):
        fill(network, recorded["state_dicts"][name], recorded["fill_rules"][name])
    images = torch.cat([wave(4, 3, 16, 16), wave(4, 3, 16, 16, function=np.cos)])
    given = recorded["hyper_parameters"]["labels"]
    labels = torch.tensor(given["discriminator_step"] + given["generator_step"])
    assert_steps(module, ImageBatch(images, labels), recorded["steps_float64_same_start"], tmp_path)


def assert_steps(module: R3GAN, batch: ImageBatch, recorded: list[dict[str, Any]], folder: Path) -> None:
    """Hold losses, settings and weights of every step against what the official program recorded."""
    networks = {"generator": "G", "discriminator": "D", "ema.generator": "G_ema"}
    steps = train(module, batch, len(recorded), list(networks), folder)
    for official, losses, sums in zip(recorded, steps.losses, steps.sums, strict=True):
        theirs, half_gamma = official["losses"], official["schedule"]["gamma"] / 2
        expected = {
            "train/discriminator/adversarial": theirs["D: Loss/D/loss"],
            "train/discriminator/r1": half_gamma * theirs["D: Loss/r1_penalty"],
            "train/discriminator/r2": half_gamma * theirs["D: Loss/r2_penalty"],
            "train/discriminator/total": theirs["(not printed) D: total"],
            "train/generator/adversarial": theirs["G: Loss/G/loss"],
            "train/learning_rate": official["schedule"]["lr"],
        }
        for name, value in expected.items():
            assert losses[name] == pytest.approx(value, rel=1e-8), (official["step"], name)
        for ours, name in networks.items():
            value = official["params_after"][name]["sum"]
            assert sums[ours] == pytest.approx(value, rel=1e-8), (official["step"], ours)
