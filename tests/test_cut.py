from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.official_steps import assert_official_steps
from support.parity import FOLDER, wave
from torch import Tensor

from datamodules.unpaired.batches import UnpairedBatch
from gans.cut import CUT

TINY: dict[str, Any] = {
    "image_size": 16,
    "generator_width": 4,
    "blocks": 2,
    "nce_layers": ["input", "down_1", "block_2"],
    "projection_width": 8,
    "patches": 10,
    "discriminator_width": 4,
    "discriminator_layers": 1,
}


class OfficialChance(CUT):
    """Draws what was recorded: the c-th places are (1009 k + 31 c) mod n; mirrorings come from the file."""

    def __init__(self, *, trace: str, **arguments: Any) -> None:
        super().__init__(**arguments)
        recorded = json.loads((FOLDER / f"train_{trace}.json").read_text())
        self.flips = recorded.get("flip_draws", {}).get("mirrored")
        self.count = 0

    def mirrors(self, chance: torch.Generator) -> bool:
        return bool(self.flips[self.global_step])

    def places(self, features: Tensor, chance: torch.Generator) -> Tensor:
        count = features.shape[-2] * features.shape[-1]
        drawn = (1009 * torch.arange(min(self.hparams["patches"], count)) + 31 * self.count) % count
        self.count += 1
        return drawn


FASTCUT = {"lambda_NCE": 10.0, "nce_identity": False, "flip_equivariance": True}


@pytest.mark.parametrize(("trace", "arguments"), [("cut", {}), ("fastcut", FASTCUT)])
def test_steps_equal_the_official_program(trace: str, arguments: dict[str, Any], tmp_path: Path) -> None:
    module = OfficialChance(
        trace=trace,
        generator_width=8,
        discriminator_width=8,
        projection_width=16,
        patches=32,
        schedule="constant",
        **arguments,
    )
    share = 1.0 if arguments else 0.5
    terms: dict[str, Callable[[Mapping[str, float]], float]] = {
        "train/generator/adversarial": lambda losses: losses["G_GAN"],
        "train/generator/nce": lambda losses: share * losses["NCE"],
        "train/generator/total": lambda losses: losses["G"],
        "train/discriminator/adversarial": lambda losses: losses["(not printed) loss_D total"],
    }
    if not arguments:
        terms["train/generator/nce_identity"] = lambda losses: share * losses["NCE_Y"]
    networks = {"generator": "G", "discriminator": "D", "projection": "F"}
    batch = UnpairedBatch(wave(1, 3, 64, 64), wave(1, 3, 64, 64, function=np.cos))
    assert_official_steps(module, batch, trace, terms, networks, tmp_path)
