from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from gans.callbacks.failures.signs import (
    DeadGradients,
    DiscriminatorWon,
    GeneratorCollapsed,
    NonFiniteGradients,
    Oscillation,
    SlowLoader,
    rhythm,
)

Series = Callable[[random.Random, int], list[float]]


def noisy(mean: float, count: int, spread: float = 1.0) -> list[float]:
    """Return losses as of batches of one: log-normal, so with rare ones of several times the mean."""
    draws = random.Random(0)
    scale = mean / math.exp(spread**2 / 2)
    return [scale * draws.lognormvariate(0, spread) for _ in range(count)]


@pytest.mark.parametrize("floor", [0.0, 0.325])
def test_a_loss_at_its_floor_is_a_won_game(floor: float) -> None:
    watch = DiscriminatorWon(floor, margin=0.01, patience=100)
    losses = [floor + loss for loss in noisy(0.003, 100)]
    assert watch.see(losses[:99]) is None, "99 losses are not yet 100"
    seen = watch.see(losses[99:])
    assert seen is not None
    assert "over the last 100 steps" in seen
    assert f"smallest possible, {floor:.3g}" in seen


def test_a_noisy_loss_above_its_floor_is_no_won_game() -> None:
    watch = DiscriminatorWon(0.0, margin=0.01, patience=100)
    losses = noisy(0.05, 3000)
    assert sorted(losses)[300] < 0.01, "hundreds of single losses are under the margin"
    assert all(watch.see([loss]) is None for loss in losses)
    assert watch.see([float("nan")] * 200) is None


def test_a_game_that_turns_is_no_won_game() -> None:
    watch = DiscriminatorWon(0.0, margin=0.01, patience=100)
    assert watch.see([1e-4] * 90 + [0.5] * 10) is None


def swinging(period: float, noise: float) -> Series:
    return lambda draws, count: [
        1 + 0.8 * math.sin(2 * math.pi * i / period) + draws.gauss(0, noise) for i in range(count)
    ]


def autocorrelated(draws: random.Random, count: int) -> list[float]:
    values = [draws.gauss(0, 1)]
    while len(values) < count:
        values.append(0.7 * values[-1] + draws.gauss(0, 1))
    return values


def walking(draws: random.Random, count: int) -> list[float]:
    values = [0.0]
    while len(values) < count:
        values.append(values[-1] + draws.gauss(0, 1))
    return values


HEALTHY: dict[str, Series] = {
    "constant": lambda draws, count: [0.5] * count,
    "white": lambda draws, count: [draws.gauss(0, 1) for _ in range(count)],
    "skewed": lambda draws, count: [draws.lognormvariate(0, 1) for _ in range(count)],
    "autocorrelated": autocorrelated,
    "walk": walking,
    "falling": lambda draws, count: [math.exp(-i / 5) + draws.gauss(0, 0.02) for i in range(count)],
    "trend": lambda draws, count: [i + draws.gauss(0, 0.1) for i in range(count)],
    "small swing": lambda draws, count: [20 + value for value in swinging(4, 0.1)(draws, count)],
}


@pytest.mark.parametrize("name", HEALTHY)
def test_noise_has_no_rhythm(name: str) -> None:
    draws = random.Random(1)
    assert all(rhythm(HEALTHY[name](draws, 32), 0.3) is None for _ in range(500))


@pytest.mark.parametrize("period", [3, 4, 6, 8])
def test_a_noisy_swing_has_the_rhythm_of_its_period(period: int) -> None:
    draws = random.Random(1)
    found = [rhythm(swinging(period, 0.2)(draws, 32), 0.3) for _ in range(50)]
    assert all(abs((value or 0) - period) <= 1 for value in found)


@pytest.mark.parametrize("handed_over", [1, 7, 640])
def test_an_oscillation_is_seen_through_the_noise_of_single_steps(handed_over: int) -> None:
    losses = swinging(120, 0.8)(random.Random(2), 640)
    watch = Oscillation(640, 0.3)
    seen = [watch.see(losses[i : i + handed_over]) for i in range(0, 640, handed_over)]
    assert seen[-1] is not None
    assert "rhythm of about 120 steps" in seen[-1]
    assert not any(seen[:-1]), "the window is not full before"


def test_a_healthy_loss_never_oscillates() -> None:
    watch = Oscillation(640, 0.3)
    assert watch.see(noisy(0.3, 20_000)) is None
    assert watch.see([float("nan")] * 1000) is None


def test_gradients_are_dead_when_they_stay_at_zero() -> None:
    watch = DeadGradients(1e-8, looks=3)
    assert [watch.see(norm) is not None for norm in (0, 0, 1e-3, 0, 1e-12, 0, 0)] == [
        False, False, False, False, False, True, True,
    ]  # fmt: skip


def test_small_and_broken_gradients_are_not_dead() -> None:
    watch = DeadGradients(1e-8, looks=1)
    assert all(watch.see(norm) is None for norm in (1e-6, 1e-3, float("nan"), float("inf")))


def test_one_gradient_that_is_no_number_is_enough_without_a_loss_scaler() -> None:
    watch = NonFiniteGradients(looks=1)
    assert watch.see(1e6) is None
    assert "is inf" in (watch.see(float("inf")) or "")
    assert "is nan" in (watch.see(float("nan")) or "")


def test_single_overflows_are_normal_under_a_loss_scaler() -> None:
    watch = NonFiniteGradients(looks=3)
    inf = float("inf")
    assert all(watch.see(norm) is None for norm in (inf, inf, 1.0, inf, 1.0, inf, inf))
    assert "at the last 3 looks" in (watch.see(inf) or "")


def test_a_generator_has_collapsed_when_its_pictures_stay_alike() -> None:
    watch = GeneratorCollapsed(0.1, evaluations=2)
    assert watch.see(fake=0.001, real=0.3) is None, "an untrained generator makes grey pictures"
    assert watch.see(fake=0.2, real=0.3) is None
    assert watch.see(fake=0.02, real=0.3) is None
    assert "by 0.02, the real images by 0.3" in (watch.see(fake=0.02, real=0.3) or "")


def test_less_diversity_is_no_collapse() -> None:
    watch = GeneratorCollapsed(0.1, evaluations=1)
    assert all(watch.see(fake, 0.3) is None for fake in (0.05, 0.31, 0.9))
    assert watch.see(0.0, 0.0) is None, "equal real images leave nothing to fall short of"


def run_loader(watch: SlowLoader, wait: float, step: float, count: int) -> None:
    now = 100.0
    for _ in range(count):
        watch.arrives(now := now + wait)
        watch.done(now := now + step)


def test_a_loader_is_slow_when_training_waits_for_most_of_the_time() -> None:
    watch = SlowLoader(0.5, patience=20)
    run_loader(watch, wait=0.03, step=0.02, count=20)
    assert watch.see() is None, "the first batch had no step before it: 19 waits are not yet 20"
    watch = SlowLoader(0.5, patience=20)
    run_loader(watch, wait=0.03, step=0.02, count=21)
    assert "the mean wait for a batch is 30 ms, the mean step 20 ms" in (watch.see() or "")


def test_a_loader_that_keeps_up_is_not_slow() -> None:
    watch = SlowLoader(0.5, patience=20)
    run_loader(watch, wait=0.015, step=0.02, count=50)
    assert watch.see() is None
    watch.pause()
    run_loader(watch, wait=0.015, step=0.02, count=5)
    assert watch.see() is None


def test_a_pause_is_no_waiting() -> None:
    watch = SlowLoader(0.5, patience=10)
    run_loader(watch, wait=0.001, step=0.02, count=11)
    watch.pause()
    watch.arrives(1e6)  # an evaluation of days
    watch.done(1e6 + 0.02)
    assert watch.see() is None
