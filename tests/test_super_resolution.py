from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.official_steps import assert_official_steps
from support.parity import wave

from datamodules.paired.batches import PairedBatch
from gans.esrgan import ESRGAN
from gans.families.perception import Perception
from gans.families.super_resolution import AdversarialSuperResolution
from gans.networks.vgg import VGG19Features
from gans.srgan import SRGAN
from gans.srresnet import SRResNet

Terms = dict[str, Callable[[Mapping[str, float]], float]]

MSRRESNET: dict[str, Any] = {"generator": "msrresnet", "generator_width": 8, "blocks": 2}
RRDBNET: dict[str, Any] = {"generator": "rrdbnet", "generator_width": 8, "blocks": 1, "growth": 4}
ADVERSARIAL: Terms = {
    "train/generator/l1": lambda losses: losses["l_g_pix"],
    "train/generator/adversarial": lambda losses: losses["l_g_gan"],
    "train/generator/total": lambda losses: losses["(not printed) l_g_total"],
    "train/discriminator/adversarial": lambda losses: losses["l_d_real"] + losses["l_d_fake"],
}
PERCEPTUAL: Terms = {"train/generator/perceptual": lambda losses: losses["l_g_percep"]}


def recorded_batch(side: int) -> PairedBatch:
    """Return the recorded waves, which were rounded to float32 in [0, 1], in [-1, 1]."""
    small = wave(2, 3, side, side, function=lambda place: 0.5 + 0.5 * np.sin(place))
    large = wave(2, 3, 4 * side, 4 * side, function=lambda place: 0.5 + 0.5 * np.cos(place))
    return PairedBatch(2 * small - 1, 2 * large - 1)


def stand_in(variant: AdversarialSuperResolution) -> Perception:
    """Return the extractor of the recordings, filled by its own rule, before it is made double."""
    layers = variant.perceptual_layers
    network = VGG19Features(tuple(layers), widths=(4, 4, 6, 6, 8))
    with torch.no_grad():
        for place, parameter in enumerate(network.parameters()):
            s = np.sin(0.37 * place + 1.1 * np.arange(parameter.numel()))
            values = ((0.2 if parameter.ndim > 1 else 0.02) * s).astype(np.float32)
            parameter.copy_(torch.from_numpy(values).view(parameter.shape))
    return Perception("perceptual", network, tuple(layers.values()))


def test_the_pixel_stage_equals_the_official_program_with_its_restarts(tmp_path: Path) -> None:
    module = SRResNet(**MSRRESNET, restart_every=2)
    terms: Terms = {"train/generator/l1": lambda losses: losses["l_pix"]}
    networks = {"generator": "net_g"}
    assert_official_steps(module, recorded_batch(16), "srresnet", terms, networks, tmp_path)


@pytest.mark.parametrize(
    ("trace", "variant", "arguments"),
    [("srgan", SRGAN, MSRRESNET), ("esrgan", ESRGAN, RRDBNET), ("esrgan_perceptual", ESRGAN, RRDBNET)],
)
def test_steps_equal_the_official_program(
    trace: str,
    variant: type[AdversarialSuperResolution],
    arguments: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    perceptual = trace.endswith("perceptual")
    monkeypatch.setattr(AdversarialSuperResolution, "perception", stand_in)
    module = variant(discriminator_width=4, perceptual_weight=float(perceptual), **arguments)
    terms = ADVERSARIAL | (PERCEPTUAL if perceptual else {})
    networks = {"generator": "net_g", "discriminator": "net_d"}
    batch = recorded_batch(32)
    assert_official_steps(module, batch, trace, terms, networks, tmp_path, {"discriminator": 0.1})
