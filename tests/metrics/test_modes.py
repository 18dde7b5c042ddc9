from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from gans.metrics.modes import count_modes, mode_scores

MODES = torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [2.0, 2.0]])
STD = 0.1


def near(mode: int, *offsets: float) -> Tensor:
    """Return points at these distances from a mode."""
    return MODES[mode] + torch.tensor(offsets)[:, None] * torch.tensor([0.6, -0.8])


def test_modes_and_good_samples_by_hand() -> None:
    points = torch.cat([near(0, 0.0, 0.299, 0.301), near(1, 0.5), near(2, -0.1)])
    counts = count_modes(points, MODES, STD)
    assert counts.nearest.tolist() == [3, 1, 1, 0]
    assert counts.good.tolist() == [2, 0, 1, 0]
    scores = mode_scores(counts)
    assert scores.modes == 2
    assert scores.high_quality == 3 / 5
    entropy = -(0.6 * math.log(0.6) + 2 * 0.2 * math.log(0.2))
    assert scores.kl == pytest.approx(math.log(4) - entropy)
    assert mode_scores(counts, at_least=2).modes == 1


def test_gaussians_at_the_modes_are_as_good_as_theory_says() -> None:
    generator = torch.Generator().manual_seed(0)
    points = MODES.repeat(5000, 1)
    points = points + STD * torch.randn(points.shape, generator=generator)
    scores = mode_scores(count_modes(points, MODES, STD))
    assert scores.modes == 4
    assert scores.high_quality == pytest.approx(1 - math.exp(-4.5), abs=0.003)
    assert scores.kl == pytest.approx(0, abs=1e-6)


def test_a_collapsed_generator_covers_one_mode() -> None:
    scores = mode_scores(count_modes(near(3, *[0.0] * 50), MODES, STD))
    assert scores == pytest.approx((1, 1, math.log(4)))


def test_points_that_are_no_numbers_are_samples_of_no_mode() -> None:
    lost = torch.tensor([[float("nan"), 0.0], [float("inf"), 0.0]])
    scores = mode_scores(count_modes(torch.cat([near(0, 0.0, 0.1), lost]), MODES, STD))
    assert (scores.modes, scores.high_quality) == (1, 0.5)
    assert mode_scores(count_modes(lost, MODES, STD)) == pytest.approx((0, 0, math.log(4)))


def test_batches_add_up() -> None:
    points = torch.cat([near(0, 0.0, 1.0), near(3, 0.2, 0.0, 0.0)])
    one, other = (count_modes(part, MODES, STD) for part in (points[:2], points[2:]))
    assert mode_scores(one + other) == mode_scores(count_modes(points, MODES, STD))
