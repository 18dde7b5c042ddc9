from __future__ import annotations

from functools import partial

import pytest
import torch
from support.degrading import array, entry, normal, number, poisson
from support.parity import picture
from torch import Tensor

from datamodules.degradations.noise import gaussian_noise, poisson_noise

SHAPE = (3, 3, 7, 8)
IMAGES = picture(*SHAPE)


def numbers(values: list[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def as_drawn(name: str, low: float, high: float) -> tuple[Tensor, Tensor]:
    """Return strength and greyness of a recorded piece: what was drawn for each image."""
    (_, _, first), (_, _, second) = entry(name)["draws"][:2]
    return low + (high - low) * numbers(first), numbers(second) < entry(name)["gray_prob"]


@pytest.mark.parametrize("name", ["gaussian_clip1_round0", "gaussian_clip1_round1", "gaussian_clip0_round0"])
def test_gaussian_noise_equals_the_official_one(name: str) -> None:
    facts = entry(f"noise/{name}")
    grey, colour = (normal(shape, number(draw)) for _, shape, draw in facts["draws"])
    noise = gaussian_noise(numbers(facts["sigma"]), numbers(facts["gray"]) == 1, colour, grey[None, None])
    noisy = IMAGES + noise
    noisy = (noisy * 255).round().clamp(0, 255) / 255 if facts["rounds"] else noisy
    noisy = noisy.clamp(0, 1) if facts["clip"] else noisy
    torch.testing.assert_close(noisy, array(f"noise/{name}"), rtol=0, atol=1e-12)


def test_gaussian_noise_without_grey() -> None:
    sigma, colour = numbers([30, 30, 30]), normal(SHAPE, 0)
    noise = gaussian_noise(sigma, torch.zeros(3, dtype=torch.bool), colour, torch.zeros(1, 1, 7, 8))
    torch.testing.assert_close(
        (IMAGES + noise).clamp(0, 1), array("noise/gaussian_scalar"), rtol=0, atol=1e-12
    )


def test_gaussian_noise_of_drawn_strength() -> None:
    sigma, grey = as_drawn("noise/random_gaussian", 1, 30)
    noise = gaussian_noise(sigma, grey, normal(SHAPE, 3), normal((1, 1, 7, 8), 2))
    torch.testing.assert_close(
        (IMAGES + noise).clamp(0, 1), array("noise/random_gaussian"), rtol=0, atol=1e-7
    )


def counts(rate: Tensor, first: int) -> Tensor:
    """Return the recorded counts: grey ones are drawn first, where any are."""
    return poisson(rate, first if rate.shape[1] == 1 else first + 1)


def test_poisson_noise_equals_the_official_one() -> None:
    facts = entry("noise/poisson")
    noise = poisson_noise(
        IMAGES, numbers(facts["scale"]), numbers(facts["gray"]) == 1, partial(counts, first=0)
    )
    torch.testing.assert_close((IMAGES + noise).clamp(0, 1), array("noise/poisson"), rtol=0, atol=1e-6)


def test_poisson_noise_without_grey_and_limits() -> None:
    scale = numbers([2.5, 2.5, 2.5])
    noise = poisson_noise(IMAGES, scale, torch.zeros(3, dtype=torch.bool), partial(poisson, draw=0))
    torch.testing.assert_close(IMAGES + noise, array("noise/poisson_scalar"), rtol=0, atol=1e-6)


def test_poisson_noise_of_drawn_strength() -> None:
    scale, grey = as_drawn("noise/random_poisson", 0.05, 3)
    noise = poisson_noise(IMAGES, scale, grey, partial(counts, first=2))
    torch.testing.assert_close((IMAGES + noise).clamp(0, 1), array("noise/random_poisson"), rtol=0, atol=1e-6)
