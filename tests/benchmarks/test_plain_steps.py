"""The plain steps are the official maths: so the benchmark compares with what it says it compares with."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from support.parity import FOLDER, fill, wave
from torch import Tensor

from benchmarks.plain import steps


def assert_official(
    program: Any, networks: list[str], recorded: Any, step: Callable[[int], dict[str, Tensor]]
) -> None:
    """Run the plain program in float64 and hold its losses against every recorded step, to 1e-8."""
    for network in networks:
        fill(getattr(program, network).double())
    for index, official in enumerate(recorded):
        losses = step(index)
        for name, loss in losses.items():
            assert loss.item() == pytest.approx(official["losses"][name], rel=1e-8), (name, index)


def recording(name: str) -> Any:
    return json.loads((FOLDER / f"train_{name}.json").read_text())


def test_cyclegan() -> None:
    program = steps.CycleGAN(width=16, blocks=6)
    images = wave(1, 3, 64, 64), wave(1, 3, 64, 64, function=np.cos)
    recorded = recording("cyclegan")["steps_float64_same_start"]
    assert_official(program, ["G_A", "G_B", "D_A", "D_B"], recorded, lambda _: program.step(*images))


def test_pix2pix() -> None:
    program = steps.Pix2Pix(width=16, depth=6, dropout=False)
    images = wave(1, 3, 64, 64), wave(1, 3, 64, 64, function=np.cos)
    recorded = recording("pix2pix")["steps_float64_same_start"]
    assert_official(program, ["G", "D"], recorded, lambda _: program.step(*images))


@pytest.mark.parametrize("n_critic", [1, 2])
def test_stargan(n_critic: int) -> None:
    program = steps.StarGAN(32, 16, 3, blocks=2, depth=3, share=lambda _: torch.tensor(0.5))
    labels = torch.tensor([[1.0, 0, 0], [0, 1, 1]]).double()
    recorded = recording("stargan")[f"n_critic_{n_critic}"]["steps_float64_same_start"]
    assert_official(
        program,
        ["G", "D"],
        recorded,
        lambda index: program.step(
            wave(2, 3, 32, 32), labels, labels.flip(0), generator=(index + 1) % n_critic == 0
        ),
    )


def test_dcgan() -> None:
    program = steps.DCGAN(latent_size=16, width=8)

    def step(index: int) -> dict[str, Tensor]:
        latents = np.sin(0.9 * np.arange(4 * 16) + 0.7 * index).astype(np.float32)
        return program.step(wave(4, 3, 64, 64), torch.from_numpy(latents).double().view(4, 16))

    assert_official(program, ["G", "D"], recording("dcgan")["steps_float64_same_start"], step)
