from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from support.official_steps import assert_official_steps
from support.parity import wave
from torch import Tensor

from datamodules.multi_domain.batches import MultiDomainBatch
from gans.stargan_v2 import StarGANv2

NETWORKS = {
    "generator": "generator",
    "mapping_network": "mapping_network",
    "style_encoder": "style_encoder",
    "discriminator": "discriminator",
}
SCALES = {"generator": 0.04, "mapping_network": 0.17, "style_encoder": 0.06, "discriminator": 0.05}
SCALES_HPF = SCALES | {"generator": 0.06, "style_encoder": 0.05, "discriminator": 0.036}


class OfficialChance(StarGANv2):
    """Draws what was recorded: the c-th latents are cos(0.7 c + 0.9 k) over the flat index k."""

    drawn = 0

    def random_latents(self, count: int) -> tuple[Tensor, Tensor]:
        shape = count, self.hparams["latent_size"]
        steps = 0.9 * np.arange(shape[0] * shape[1])
        values = [np.cos(0.7 * c + steps).astype(np.float32) for c in (self.drawn, self.drawn + 1)]
        self.drawn += 2
        first, other = (torch.from_numpy(value).double().view(shape) for value in values)
        return first, other


def terms_of(losses: str, turn: str, player: str) -> dict[str, Callable[[Mapping[str, float]], float]]:
    """Return what our terms of a turn are by the losses which the official program printed for it."""
    if player == "D":
        return {
            f"train/{turn}/adversarial": lambda seen: seen[f"{losses}_real"] + seen[f"{losses}_fake"],
            f"train/{turn}/r1": lambda seen: seen[f"{losses}_reg"],
            f"train/{turn}/total": lambda seen: seen[f"(not printed) {losses} total"],
        }
    ours = {"adversarial": "adv", "style": "sty", "cycle": "cyc"}
    named: dict[str, Callable[[Mapping[str, float]], float]] = {
        f"train/{turn}/{name}": lambda seen, theirs=theirs: seen[f"{losses}_{theirs}"]  # type: ignore[misc]
        for name, theirs in ours.items()
    }
    return named | {f"train/{turn}/total": lambda seen: seen[f"(not printed) {losses} total"]}


def recorded_batch(side: int, labels: list[int], targets: list[int], domains: int) -> MultiDomainBatch:
    eye = torch.eye(domains).double()
    second = torch.from_numpy(np.sin(0.029 * np.arange(2 * 3 * side * side)).astype(np.float32))
    references = wave(2, 3, side, side, function=np.cos), second.double().view(2, 3, side, side)
    return MultiDomainBatch(
        wave(2, 3, side, side),
        eye[labels],
        torch.ones(2, 1).double(),
        eye[targets],
        references=torch.stack(references, dim=1),
    )


def stand_in(images: Tensor) -> Tensor:
    """Return the recorded stand-in for masks of landmarks: the brightness, and its square."""
    bright = 0.5 * images.mean(1) + 0.5
    return torch.stack([bright, bright.square()], dim=1)


@pytest.mark.parametrize("name", ["stargan_v2", "stargan_v2_hpf"])
def test_steps_equal_the_official_program(name: str, tmp_path: Path) -> None:
    """To 1e-8: a last digit of the start weights moves the fourth step's losses by 1.3e-10 already."""
    masked = name.endswith("hpf")
    side, domains = (64, 2) if masked else (32, 3)
    module = OfficialChance(
        image_size=side,
        domains=["a", "b", "c"][:domains],
        latent_size=8,
        style_size=16,
        generator_width=8,
        discriminator_width=8,
        mapping_width=32,
        diversity_weight=1.0 if masked else 2.0,
        diversity_steps=8 if masked else 4,
        high_pass=1.0 if masked else 0.0,
        learning_rate=1e-5 if masked else 1e-4,
    )
    module.face_masks = stand_in if masked else None
    labels = ([0, 1], [1, 1]) if masked else ([0, 2], [1, 2])
    terms = {
        **terms_of("D/latent", "discriminator", "D"),
        **terms_of("D/ref", "discriminator_reference", "D"),
        **terms_of("G/latent", "generator", "G"),
        **terms_of("G/ref", "generator_reference", "G"),
    }
    assert_official_steps(
        module,
        recorded_batch(side, *labels, domains),
        name,
        terms,
        NETWORKS,
        tmp_path,
        scales=SCALES_HPF if masked else SCALES,
    )
