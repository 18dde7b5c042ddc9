from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from gans.metrics import manifold
from gans.metrics.manifold import manifold_scores


def gaussian(count: int, dimension: int = 3, seed: int = 0) -> Tensor:
    return torch.randn(count, dimension, generator=torch.Generator().manual_seed(seed))


def line(*values: float) -> Tensor:
    return torch.tensor(values).view(-1, 1)


def by_loops(real: np.ndarray, fake: np.ndarray, neighbours: int) -> dict[str, float]:
    """The definitions, ball by ball."""

    def radius(point: np.ndarray, points: np.ndarray) -> float:
        return float(sorted(np.linalg.norm(points - point, axis=1))[neighbours])  # the 0th is itself

    def inside(point: np.ndarray, centre: np.ndarray, points: np.ndarray) -> bool:
        return bool(np.linalg.norm(point - centre) <= radius(centre, points))

    balls = [sum(inside(f, r, real) for r in real) for f in fake]
    scores = {
        "precision": np.mean([count > 0 for count in balls]),
        "recall": np.mean([any(inside(r, f, fake) for f in fake) for r in real]),
        "density": np.mean(balls) / neighbours,
        "coverage": np.mean([any(inside(f, r, real) for f in fake) for r in real]),
    }
    return {name: float(value) for name, value in scores.items()}


@pytest.mark.parametrize("neighbours", [1, 3])
def test_scores_are_the_definitions_in_blocks_too(neighbours: int, monkeypatch: pytest.MonkeyPatch) -> None:
    real, fake = gaussian(60), gaussian(17, seed=1) * 1.3 + 1
    expected = by_loops(real.double().numpy(), fake.double().numpy(), neighbours)
    assert all(0 < score < 1 for score in expected.values())
    assert manifold_scores(real, fake, neighbours) == pytest.approx(expected)
    monkeypatch.setattr(manifold, "BLOCK", 5)
    assert manifold_scores(real, fake, neighbours) == pytest.approx(expected)
    assert manifold_scores(real.flip(0), fake.roll(3, 0), neighbours) == pytest.approx(expected)


def test_by_hand() -> None:
    real, fake = line(0, 1, 2, 8), line(0.25, 0.5, 7, 9, 100)
    # Balls of the reals: -1..1, 0..2, 1..3, 2..14; of the fakes: 0..0.5, 0.25..0.75, 5..9, 7..11, 9..191.
    assert manifold_scores(real, fake, 1) == {
        "precision": 4 / 5,
        "recall": 2 / 4,
        "density": (2 + 2 + 1 + 1 + 0) / 5,
        "coverage": 3 / 4,
    }


@pytest.mark.parametrize("neighbours", [1, 5])
def test_a_copy_of_the_reals_has_all_of_them(neighbours: int) -> None:
    real = gaussian(30, dimension=40) + 1000  # far from 0, where products of float32 would lose the radii
    scores = manifold_scores(real, real.flip(0), neighbours)
    assert scores.pop("density") == pytest.approx((neighbours + 1) / neighbours)
    assert scores == {"precision": 1, "recall": 1, "coverage": 1}


def test_sets_apart_have_nothing_in_common() -> None:
    assert set(manifold_scores(gaussian(20), gaussian(20) + 50, 3).values()) == {0}


def test_one_image_again_and_again_is_precise_and_covers_little() -> None:
    real = gaussian(40)
    scores = manifold_scores(real, real[:1].expand(40, -1), 3)
    assert scores["precision"] == 1
    assert scores["recall"] == 1 / 40
    assert scores["coverage"] < 0.3


def test_an_outlier_among_the_reals_passes_in_precision_and_little_in_density() -> None:
    real = torch.cat([gaussian(40) * 0.01, line(10).expand(1, 3)])
    scores = manifold_scores(real, gaussian(40, seed=1) * 0.1 + 5, 3)
    assert scores["precision"] == 1
    assert scores["density"] == pytest.approx(1 / 3)


def test_one_distribution_scores_what_theory_says() -> None:
    n, m, k = 700, 500, 5
    scores = manifold_scores(gaussian(n), gaussian(m, seed=1), k)
    not_covered = math.prod((n - i) / (n + m - i) for i in range(1, k + 1))
    assert scores["coverage"] == pytest.approx(1 - not_covered, abs=0.03)
    assert scores["density"] == pytest.approx(1, abs=0.05)


def test_too_few_images_are_refused() -> None:
    with pytest.raises(
        ValueError, match="With 5 neighbours each set needs 6 images or more, but there are 5"
    ):
        manifold_scores(gaussian(5), gaussian(9), 5)
