"""The plain steps are the official maths: so the benchmark compares with what it says it compares with."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from itertools import chain, count
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import torch
from support.drawing import RecordedDraws
from support.parity import FOLDER, fill, wave
from support.r3gan import recorded_state
from support.rules import CONSTANT, value
from torch import Tensor

from benchmarks.plain import stargan_v2, steps
from benchmarks.plain.r3gan import R3GAN
from benchmarks.plain.stylegan2 import Generator, StyleGAN2


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


@pytest.mark.parametrize("separate", [True, False])
def test_r3gan(separate: bool) -> None:
    trace = recording("r3gan" if separate else "r3gan_same_batch")
    program = R3GAN(8, (16, 16, 12, 8), (1, 2, 1, 1), group_width=8, decay=10, ema=20)
    for name in ("G", "D"):
        network = getattr(program, name).double()
        state = recorded_state(trace["state_dicts"][name], trace["fill_rules"][name])
        network.load_state_dict(dict(zip(network.state_dict(), state.values(), strict=True)))
    program.G_ema.double().load_state_dict(program.G.state_dict())
    draws = RecordedDraws()
    for official in trace["steps_float64_same_start"]:
        latents = [draws.normal(torch.empty(4, dtype=torch.float64), 8) for _ in range(2)]
        other = wave(4, 3, 32, 32, function=np.cos if separate else np.sin)
        losses = program.step(wave(4, 3, 32, 32), other, *latents)
        for name, loss in losses.items():
            assert loss.item() == pytest.approx(official["losses"][name], rel=1e-8), (name, official["step"])
        for name in ("G", "D", "G_ema"):
            total = sum(p.detach().sum().item() for p in getattr(program, name).parameters())
            assert total == pytest.approx(official["params_after"][name]["sum"], rel=1e-8)


def in_order(network: Any) -> list[Tensor]:
    """Return the tensors of a plain StyleGAN2's network in the order of the authors' state."""
    if not isinstance(network, Generator):
        return list(network.state_dict().values())
    layers: list[Any] = []
    for block, to_image in zip(network.blocks, network.to_image, strict=True):
        layers += [*block.children(), to_image]
    states = [list(layer.state_dict().values()) for layer in layers]
    mapping = network.mapping.state_dict().values()
    return [network.const.data, *chain.from_iterable(states), network.w_avg, *mapping]


def test_stylegan2() -> None:
    trace, draws = recording("stylegan2"), RecordedDraws()

    def integer(low: int, high: int) -> int:
        draws.taken += 1
        return low + (draws.taken - 1) % (high - low + 1)

    program = StyleGAN2(
        16,
        8,
        10,
        base=128,
        most=12,
        group=2,
        G_every=2,
        D_every=3,
        gamma=1.5,
        ema=10,
        rampup=0.5,
        normal=lambda count, *shape: draws.normal(torch.empty(count, dtype=torch.float64), *shape),
        integer=integer,
        uniform=lambda: float(draws.uniform(torch.empty(1, dtype=torch.float64))),
    )
    for name in ("G", "D"):
        rules = trace["fill_rules"][name]
        recorded = [
            value(index, shape, rules[key])
            for index, (key, shape) in enumerate(trace["state_dicts"][name])
            if rules[key] != CONSTANT and not key.endswith("noise_const")
        ]
        for tensor, filled in zip(in_order(getattr(program, name).double()), recorded, strict=True):
            tensor.copy_(filled)
    program.G_ema.double().load_state_dict(program.G.state_dict())
    for official in trace["steps_float64_same_start"]:
        losses = program.step(wave(4, 3, 16, 16))
        for name, loss in losses.items():
            assert loss.item() == pytest.approx(official["losses"][name], rel=1e-8), (name, official["step"])
        for name in ("G", "D", "G_ema"):
            total = sum(p.detach().sum().item() for p in getattr(program, name).parameters())
            assert total == pytest.approx(official["params_after"][name]["sum"], rel=1e-8)
        assert float(program.pl_mean) == pytest.approx(official["pl_mean"], rel=1e-8)


def test_stargan_v2() -> None:
    program = stargan_v2.StarGANv2(32, 3, 8, 16, 8, 32, diversity=2.0, diversity_steps=4)
    trace = recording("stargan_v2")
    scales = trace["hyper_parameters"]["fill_scale_W"]
    for name, scale in scales.items():
        fill(getattr(program, name).double(), scale=scale)
    second = torch.from_numpy(np.sin(0.029 * np.arange(2 * 3 * 32 * 32)).astype(np.float32)).double()
    pictures = wave(2, 3, 32, 32, function=np.cos), second.view(2, 3, 32, 32)
    labels, targets = torch.tensor([0, 2]), torch.tensor([1, 2])

    def step(index: int) -> dict[str, Tensor]:
        draws = [np.cos(0.7 * c + 0.9 * np.arange(16)) for c in (2 * index, 2 * index + 1)]
        latents = [torch.from_numpy(draw.astype(np.float32)).double().view(2, 8) for draw in draws]
        return program.step(wave(2, 3, 32, 32), labels, *pictures, targets, *latents)

    assert_official(program, [], trace, step)


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
