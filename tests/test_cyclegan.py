from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lightning.pytorch.callbacks import Callback
from support.parity import fill, wave
from support.tiny import trainer
from torch.utils.data import DataLoader

from datamodules.unpaired import UnpairedBatch
from gans.cyclegan import CycleGAN

TINY: dict[str, Any] = {
    "image_size": 16,
    "generator_width": 4,
    "blocks": 1,
    "discriminator_width": 4,
    "discriminator_layers": 1,
}
OFFICIAL_TERMS = {
    "train/generator/adversarial_A2B": "G_A",
    "train/generator/adversarial_B2A": "G_B",
    "train/generator/cycle_A": "cycle_A",
    "train/generator/cycle_B": "cycle_B",
    "train/generator/identity_B": "idt_A",  # the authors name it after the generator, we after the image
    "train/generator/identity_A": "idt_B",
    "train/generator/total": "(not printed) loss_G total",
    "train/discriminator/B": "D_A",  # the authors' D_A judges images of B
    "train/discriminator/A": "D_B",
}
OFFICIAL_NETWORKS = {
    "G_A": "generator_A2B",
    "G_B": "generator_B2A",
    "D_A": "discriminator_B",
    "D_B": "discriminator_A",
}


def one_batch(batch: UnpairedBatch) -> DataLoader[Any]:
    return DataLoader([batch], batch_size=None)


class Losses(Callback):
    def __init__(self) -> None:
        self.steps: list[dict[str, float]] = []
        self.sums: list[dict[str, float]] = []

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
        self.steps.append({name: float(value) for name, value in trainer.callback_metrics.items()})
        self.sums.append(
            {
                ours: float(sum(p.detach().sum() for p in getattr(pl_module, ours).parameters()))
                for ours in OFFICIAL_NETWORKS.values()
            }
        )


def test_three_steps_equal_the_official_program(tmp_path: Path) -> None:
    recorded = json.loads((Path(__file__).parent / "parity" / "train_cyclegan.json").read_text())
    module = CycleGAN(
        image_size=64, generator_width=16, discriminator_width=16, history_size=0, schedule="constant"
    ).double()
    for ours in OFFICIAL_NETWORKS.values():
        fill(getattr(module, ours))
    A, B = wave(1, 3, 64, 64), wave(1, 3, 64, 64, function=np.cos)
    losses = Losses()
    trainer(tmp_path, max_epochs=3, callbacks=[losses]).fit(module, one_batch(UnpairedBatch(A, B)))
    for step, mine, sums in zip(recorded["steps_float64_same_start"], losses.steps, losses.sums, strict=True):
        for ours, official in OFFICIAL_TERMS.items():
            assert mine[ours] == pytest.approx(step["losses"][official], rel=1e-8), (step["step"], ours)
        for official, ours in OFFICIAL_NETWORKS.items():
            assert sums[ours] == pytest.approx(step["params_after"][official]["sum"], rel=1e-8), (
                step["step"],
                ours,
            )
