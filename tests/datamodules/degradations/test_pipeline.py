from __future__ import annotations

from typing import Any

import pytest
import torch
from support.degrading import RECORDED, array, normal, number, poisson
from support.parity import picture
from torch import Tensor

from datamodules.degradations.filtering import sharpen
from datamodules.degradations.parameters import Degradation
from datamodules.degradations.pipeline import Drawn, Pass, degrade
from datamodules.loading import uniform_draws

PIPELINE = RECORDED.facts["pipeline"]
OPTIONS = PIPELINE["options"]
FEEDS = PIPELINE["feeds"]
NOISE = "torch.randn", "torch.poisson"


class Log:
    """What was drawn in one feed, in order; the noise of pixels stands apart."""

    def __init__(self, draws: list[list[Any]]) -> None:
        self.values = [value for kind, _, value in draws if kind not in NOISE]
        self.pixels = [(kind, shape, number(value)) for kind, shape, value in draws if kind in NOISE]

    def take(self) -> Any:
        return self.values.pop(0)

    def numbers(self) -> Tensor:
        return torch.tensor(self.take(), dtype=torch.float64)

    def normal(self, channels: int, height: int, width: int) -> Tensor:
        """Return the recorded noise: grey is one pattern for all, and nothing where nobody is grey."""
        shape = [height, width] if channels == 1 else [2, channels, height, width]
        if self.pixels[0][1] != shape:
            return torch.zeros(1, 1, height, width, dtype=torch.float64)
        _, _, draw = self.pixels.pop(0)
        return normal([1, 1, *shape] if channels == 1 else shape, draw)

    def poisson(self, rates: Tensor) -> Tensor:
        if self.pixels[0][1] != list(rates.shape):
            return rates
        return poisson(rates, self.pixels.pop(0)[2])


def recorded_pass(log: Log, which: str, kernels: Tensor) -> Pass:
    """Return what was drawn for a pass, up to its JPEG."""
    blurred = not which or log.take() < OPTIONS["second_blur_prob"]
    factor = 1.0 if log.take() == "keep" else log.take()
    mode = log.take()
    gaussian = log.take() < OPTIONS[f"gaussian_noise_prob{which}"]
    low, high = OPTIONS[f"noise_range{which}" if gaussian else f"poisson_scale_range{which}"]
    strength = low + (high - low) * log.numbers()
    grey = log.numbers() < OPTIONS[f"gray_noise_prob{which}"]
    return Pass(kernels if blurred else None, factor, mode, gaussian, strength, grey, torch.empty(0))


def kernels_of(feed: int, which: int) -> Tensor:
    return torch.stack([array(f"pipeline/kernel{(feed + image + which) % 4}") for image in range(2)])


def recorded(feed: int, log: Log) -> Drawn:
    first = recorded_pass(log, "", kernels_of(feed, 0))._replace(quality=log.numbers())
    second = recorded_pass(log, "2", kernels_of(feed, 1))
    jpeg_last = log.take() < 0.5
    if jpeg_last:
        mode, quality = log.take(), log.numbers()
    else:
        quality, mode = log.numbers(), log.take()
    second = second._replace(quality=quality)
    return Drawn(first, second, kernels_of(feed, 2), mode, jpeg_last, [0, 0])


@pytest.mark.parametrize("feed", range(len(FEEDS)))
def test_the_whole_way_equals_the_official_one(feed: int) -> None:
    images = picture(2, 3, 96, 112, frequency=0.013 + 0.004 * feed)
    log = Log(FEEDS[feed]["draws"])
    small = degrade(sharpen(images), recorded(feed, log), OPTIONS["scale"], log)
    assert small.shape == (2, 3, 24, 28)
    assert not log.pixels
    top, left = log.take(), log.take()
    levels = small[..., top : top + 16, left : left + 16] * 255
    torch.testing.assert_close(
        levels, array(f"pipeline/feed{feed}/lq_before_pool_times_255_float64"), rtol=0, atol=1e-9
    )


def test_an_image_has_the_same_noise_in_every_batch() -> None:
    degradation, images = Degradation(), picture(3, 3, 32, 32).float()
    numbers = uniform_draws(0, [(0, 7), (0, 2), (0, 5)], degradation.draws)
    together = degrade(images, degradation.drawn(numbers), 4)
    assert torch.equal(together, degrade(images, degradation.drawn(numbers), 4))
    two = degrade(images[:2], degradation.drawn(numbers[:2]), 4)
    assert torch.equal(together[:2], two)
    assert together.shape == (3, 3, 8, 8)
    assert torch.equal((together * 255).round() / 255, together)


@pytest.mark.parametrize("side", [8, 9, 32])
def test_every_draw_gives_an_image_even_of_small_ones(side: int) -> None:
    degradation, images = Degradation(), picture(2, 3, side, side).float()
    for index in range(40):
        numbers = uniform_draws(1, [(0, index), (1, index)], degradation.draws)
        small = degrade(images, degradation.drawn(numbers), 4)
        assert small.shape == (2, 3, side // 4, side // 4)
        assert small.isfinite().all()
        assert small.min() >= 0
        assert small.max() <= 1
