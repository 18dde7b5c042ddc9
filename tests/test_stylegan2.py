from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import Callback
from support.drawing import RecordedDraws
from support.official_steps import train
from support.parity import FOLDER, wave
from support.rules import fill_by_rules
from torch import Tensor

from datamodules.images.batches import ImageBatch
from gans.sampling.draws import Draws
from gans.sampling.joined_noise import JoinedChance
from gans.stylegan2 import StyleGAN2


class RecordedChance(JoinedChance):
    """Draws what was recorded, by a counter over all draws of the training."""

    def __init__(self) -> None:
        self.world, self.draws = 1, RecordedDraws()

    def normal(self, count: int, *shape: int) -> Tensor:
        return self.draws.normal(torch.empty(count, dtype=torch.float64), *shape)

    def uniform(self) -> float:
        return float(self.draws.uniform(torch.empty(1, dtype=torch.float64)))

    def integer(self, low: int, high: int) -> int:
        self.draws.taken += 1
        return low + (self.draws.taken - 1) % (high - low + 1)


class OfficialChance(StyleGAN2):
    """Draws what was recorded."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.recorded = RecordedChance()

    def chance(self) -> JoinedChance:
        return self.recorded

    def augmentation_draws(self) -> Draws:
        return self.recorded.draws


TINY: dict[str, Any] = {
    "image_size": 16,
    "latent_size": 8,
    "style_size": 10,
    "generator_width": 128,
    "most_channels": 12,
}
RECORDED: dict[str, dict[str, Any]] = {
    "stylegan2": {
        "minibatch_group": 2,
        "path_length_every": 2,
        "r1_weight": 1.5,
        "penalty_every": 3,
        "ema_kimg": 0.01,
        "ema_rampup": 0.5,
    },
    "stylegan2_ada": {
        "classes": 3,
        "path_length_every": 2,
        "r1_weight": 0.8,
        "penalty_every": 2,
        "ema_kimg": 0.02,
        "ema_rampup": None,
        "augment": "adaptive",
        "augment_probability": 0.5,
        "augment_every": 2,
        "augment_kimg": 0.08,
    },
}
LOSSES: dict[str, Callable[[Mapping[str, float], Mapping[str, Any]], float]] = {
    "Gmain: Loss/G/loss": lambda ours, _: ours["train/generator/adversarial"],
    "Greg: Loss/G/reg": lambda ours, given: ours["train/path_length/penalty"] / given["path_length_every"],
    "Dmain: Loss/D/loss": lambda ours, _: ours["train/discriminator/adversarial"],
    "Dreg: Loss/D/reg": lambda ours, given: ours["train/penalties/r1"] / given["penalty_every"],
}
"""What the official program prints -> the same from what is logged here and the arguments."""


@pytest.mark.parametrize("name", RECORDED)
def test_steps_equal_the_official_program(name: str, tmp_path: Path) -> None:
    given = RECORDED[name]
    trace = json.loads((FOLDER / f"train_{name}.json").read_text())
    module = OfficialChance(**TINY | given).double()
    for network, theirs in (("generator", "G"), ("discriminator", "D")):
        fill_by_rules(getattr(module, network), trace["state_dicts"][theirs], trace["fill_rules"][theirs])
    recorded = trace["steps_float64_same_start"]
    batch = ImageBatch(wave(4, 3, 16, 16), torch.tensor([0, 2, 1, 2]))
    networks, means = ["generator", "discriminator", "ema"], Means()
    steps = train(module, batch, len(recorded), networks, tmp_path, callbacks=[means])
    assert set(LOSSES) == {loss for step in recorded for loss in step["losses"] if loss in LOSSES}
    for number, (theirs, ours, sums) in enumerate(zip(recorded, steps.losses, steps.sums, strict=True)):
        for loss, value in theirs["losses"].items():
            if loss in LOSSES:
                assert LOSSES[loss](ours, given) == pytest.approx(value, rel=1e-8), (loss, number)
        for network, their_name in zip(networks, ("G", "D", "G_ema"), strict=True):
            after = theirs["params_after"][their_name]["sum"]
            assert sums[network] == pytest.approx(after, rel=1e-8), (network, number)
        expected = theirs["w_avg"]["sum"], theirs["pl_mean"], theirs.get("augment_p_after", 0.0)
        assert means.seen[number] == pytest.approx(expected, rel=1e-8)


class Means(Callback):
    """Keeps, after every step, the sum of the mean w, the mean path length, and the probability."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, float, float]] = []

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
        adaptive = pl_module.regularisers.adaptive
        self.seen.append(
            (
                float(pl_module.generator.mapping.mean.sum()),
                float(pl_module.mean_length),
                0.0 if adaptive is None else adaptive.probability,
            )
        )
