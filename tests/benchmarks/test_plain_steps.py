"""The plain steps are the official maths: so the benchmark compares with what it says it compares with."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from itertools import count
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import torch
from support.parity import FOLDER, fill, wave
from torch import Tensor

from benchmarks.plain import steps


def assert_official(
    program: Any,
    networks: list[str],
    trace: Any,
    step: Callable[[int], dict[str, Tensor]],
    scales: Mapping[str, float] = MappingProxyType({}),
) -> None:
    """Run the plain program in float64 and hold its losses against every recorded step, to 1e-8."""
    states = trace.get("state_dicts", {})
    for network in networks:
        official = [name for name, _ in states.get(network, [])]
        fill(getattr(program, network).double(), official, scales.get(network, 0.05))
    for index, official in enumerate(trace["steps_float64_same_start"]):
        losses = step(index)
        for name, loss in losses.items():
            assert loss.item() == pytest.approx(official["losses"][name], rel=1e-8), (name, index)


def recording(name: str) -> Any:
    return json.loads((FOLDER / f"train_{name}.json").read_text())


def test_cyclegan() -> None:
    program = steps.CycleGAN(width=16, blocks=6)
    images = wave(1, 3, 64, 64), wave(1, 3, 64, 64, function=np.cos)
    networks = ["G_A", "G_B", "D_A", "D_B"]
    assert_official(program, networks, recording("cyclegan"), lambda _: program.step(*images))


def test_cut() -> None:
    draws = count()

    def places(features: Tensor) -> Tensor:
        return (1009 * torch.arange(32) + 31 * next(draws)) % features[0, 0].numel()

    program = steps.CUT(width=8, projection_width=16, places=places)
    images = wave(1, 3, 64, 64), wave(1, 3, 64, 64, function=np.cos)
    assert_official(program, ["G", "D", "F"], recording("cut"), lambda _: program.step(*images))


def test_pix2pix() -> None:
    program = steps.Pix2Pix(width=16, depth=6, dropout=False)
    images = wave(1, 3, 64, 64), wave(1, 3, 64, 64, function=np.cos)
    assert_official(program, ["G", "D"], recording("pix2pix"), lambda _: program.step(*images))


@pytest.mark.parametrize("n_critic", [1, 2])
def test_stargan(n_critic: int) -> None:
    program = steps.StarGAN(32, 16, 3, blocks=2, depth=3, share=lambda _: torch.tensor(0.5))
    labels = torch.tensor([[1.0, 0, 0], [0, 1, 1]]).double()
    assert_official(
        program,
        ["G", "D"],
        recording("stargan")[f"n_critic_{n_critic}"],
        lambda index: program.step(
            wave(2, 3, 32, 32), labels, labels.flip(0), generator=(index + 1) % n_critic == 0
        ),
    )


def test_dcgan() -> None:
    program = steps.DCGAN(latent_size=16, width=8)

    def step(index: int) -> dict[str, Tensor]:
        latents = np.sin(0.9 * np.arange(4 * 16) + 0.7 * index).astype(np.float32)
        return program.step(wave(4, 3, 64, 64), torch.from_numpy(latents).double().view(4, 16))

    assert_official(program, ["G", "D"], recording("dcgan"), step)


def test_esrgan() -> None:
    program = steps.ESRGAN(width=8, blocks=1, growth=4, discriminator_width=4)
    small = wave(2, 3, 32, 32, function=lambda place: 0.5 + 0.5 * np.sin(place))
    large = wave(2, 3, 128, 128, function=lambda place: 0.5 + 0.5 * np.cos(place))
    trace = recording("esrgan")
    program.average.double()
    assert_official(program, ["G", "D"], trace, lambda _: program.step(small, large), {"D": 0.1})
    kept = trace["steps_float64_same_start"][-1]["net_d_buffers_after"]
    norms = [part for part in program.D if isinstance(part, torch.nn.BatchNorm2d)]
    running = [part.running_mean.sum().item() for part in norms]  # type: ignore[union-attr]
    assert running == pytest.approx([value for name, value in kept.items() if "mean" in name], rel=1e-8)
