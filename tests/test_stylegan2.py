from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch.callbacks import Callback
from support.official_steps import train
from support.parity import FOLDER, wave
from support.rules import draw, fill_by_rules
from torch import Tensor

from datamodules.images.batches import ImageBatch
from gans.sampling.joined_noise import JoinedChance
from gans.stylegan2 import StyleGAN2


class RecordedChance(JoinedChance):
    """Draws what was recorded, by a counter over all draws of the training."""

    def __init__(self) -> None:
        self.world, self.count = 1, 0

    def normal(self, count: int, *shape: int) -> Tensor:
        drawn = draw(self.count, count, *shape)
        self.count += 1
        return drawn

    def uniform(self) -> float:
        self.count += 1
        return float(0.5 + 0.499 * draw(self.count - 1, 1))

    def integer(self, low: int, high: int) -> int:
        self.count += 1
        return low + (self.count - 1) % (high - low + 1)


class OfficialChance(StyleGAN2):
    """Draws what was recorded."""

    def chance(self) -> JoinedChance:
        self.recorded = getattr(self, "recorded", None) or RecordedChance()
        return self.recorded


def official(**arguments: Any) -> OfficialChance:
    """Return the recorded model."""
    recorded: dict[str, Any] = {
        "image_size": 16,
        "latent_size": 8,
        "style_size": 10,
        "generator_width": 128,
        "most_channels": 12,
        "minibatch_group": 2,
        "path_length_every": 2,
        "r1_weight": 1.5,
        "penalty_every": 3,
        "ema_kimg": 0.01,
        "ema_rampup": 0.5,
    }
    return OfficialChance(**(recorded | arguments))


def test_steps_equal_the_official_program(tmp_path: Path) -> None:
    trace = json.loads((FOLDER / "train_stylegan2.json").read_text())
    module = official().double()
    for network, theirs in (("generator", "G"), ("discriminator", "D")):
        fill_by_rules(getattr(module, network), trace["state_dicts"][theirs], trace["fill_rules"][theirs])
    recorded = trace["steps_float64_same_start"]
    batch = ImageBatch(wave(4, 3, 16, 16))
    means = Means()
    steps = train(
        module, batch, len(recorded), ["generator", "discriminator", "ema"], tmp_path, callbacks=[means]
    )
    for number, (theirs, losses, sums) in enumerate(zip(recorded, steps.losses, steps.sums, strict=True)):
        expected = theirs["losses"]
        ours = {
            "Gmain: Loss/G/loss": losses["train/generator/adversarial"],
            "Greg: Loss/G/reg": losses["train/path_length/penalty"] / 2,
            "Dmain: Loss/D/loss": losses["train/discriminator/adversarial"],
            "Dreg: Loss/D/reg": losses["train/penalties/r1"] / 3,
        }
        for name, value in ours.items():
            if name in expected:
                assert value == pytest.approx(expected[name], rel=1e-8), (name, number)
        for network, name in (("generator", "G"), ("discriminator", "D"), ("ema", "G_ema")):
            assert sums[network] == pytest.approx(theirs["params_after"][name]["sum"], rel=1e-8), number
        assert means.of_w[number] == pytest.approx(theirs["w_avg"]["sum"], rel=1e-8)
        assert means.of_lengths[number] == pytest.approx(theirs["pl_mean"], rel=1e-8)
    assert {number for number, theirs in enumerate(recorded) if "Dreg: Loss/D/reg" in theirs["losses"]} == {
        0,
        3,
    }


class Means(Callback):
    """Keeps the running means after every step."""

    def __init__(self) -> None:
        self.of_w: list[float] = []
        self.of_lengths: list[float] = []

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
        self.of_w.append(float(pl_module.generator.mapping.mean.sum()))
        self.of_lengths.append(float(pl_module.mean_length))
