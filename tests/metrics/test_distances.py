from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torchmetrics.image.kid import KernelInceptionDistance

from gans.metrics import distances
from gans.metrics.distances import frechet_distance, halves, kernel_distance


def features(count: int, dimension: int, seed: int) -> Tensor:
    """Return features as networks make them: positive, far from 0, correlated."""
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.rand(dimension, dimension, generator=torch.Generator().manual_seed(9))
    return torch.rand(count, dimension, generator=generator) @ mixing + 0.1 * seed


def frechet_by_singular_values(x: np.ndarray, y: np.ndarray) -> float:
    """Tr (C_x C_y)^(1/2) is the sum of the singular values of X Y^T, with X and Y centred and scaled."""
    centred = [(z - z.mean(0)) / np.sqrt(len(z) - 1) for z in (x, y)]
    root = np.linalg.svd(centred[0] @ centred[1].T, compute_uv=False).sum()
    means = np.square(x.mean(0) - y.mean(0)).sum()
    return float(means + sum(np.square(z).sum() for z in centred) - 2 * root)


def kernel_by_loops(x: np.ndarray, y: np.ndarray) -> float:
    def kernel(a: np.ndarray, b: np.ndarray) -> float:
        return float((a @ b / len(a) + 1) ** 3)

    within = [
        np.mean([kernel(a, b) for i, a in enumerate(z) for j, b in enumerate(z) if i != j]) for z in (x, y)
    ]
    return float(sum(within) - 2 * np.mean([kernel(a, b) for a in x for b in y]))


@pytest.mark.parametrize(("count", "other", "dimension"), [(40, 31, 5), (6, 9, 30)])
def test_frechet_distance_is_the_formula(count: int, other: int, dimension: int) -> None:
    x, y = features(count, dimension, 1), features(other, dimension, 2)
    expected = frechet_by_singular_values(x.double().numpy(), y.double().numpy())
    assert frechet_distance(x, y) == pytest.approx(expected, rel=1e-6)


def test_frechet_distance_of_a_shift_is_its_square() -> None:
    x = features(50, 4, 1).double()
    assert frechet_distance(x, x + torch.tensor([3.0, 0, 4, 0])) == pytest.approx(25, rel=1e-9)


def test_kernel_distance_is_the_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = features(7, 5, 1), features(10, 5, 2)
    expected = kernel_by_loops(x.double().numpy(), y.double().numpy())
    assert kernel_distance(x, y) == pytest.approx(expected, rel=1e-10)
    monkeypatch.setattr(distances, "BLOCK", 3)
    assert kernel_distance(x, y) == pytest.approx(expected, rel=1e-10)


@pytest.mark.filterwarnings("ignore:Metric `Kernel Inception Distance`")
def test_kernel_distance_is_torchmetrics_over_one_subset_of_everything() -> None:
    x, y = features(8, 5, 1).double(), features(8, 5, 2).double()
    metric = KernelInceptionDistance(feature=nn.Identity(), subsets=1, subset_size=8)
    metric.update(x, real=True)
    metric.update(y, real=False)
    assert kernel_distance(x, y) == pytest.approx(float(metric.compute()[0]), rel=1e-10)


def test_kernel_distance_is_unbiased() -> None:
    one_set = features(2000, 5, 3)
    values = [kernel_distance(*torch.split(part, 10)) for part in torch.split(one_set, 20)]
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(len(values))


def test_order_does_not_matter_and_no_random_number_is_drawn() -> None:
    x, y = features(20, 30, 1), features(12, 30, 2)
    before = torch.get_rng_state()
    found = frechet_distance(x, y), kernel_distance(x, y)
    assert torch.equal(torch.get_rng_state(), before)
    assert (
        frechet_distance(x.flip(0), y.roll(3, 0)),
        kernel_distance(x.flip(0), y.roll(3, 0)),
    ) == pytest.approx(found, rel=1e-9)


def test_halves_depend_on_content_only() -> None:
    rows = torch.arange(7.0).view(7, 1)
    keys = [bytes([5 * i % 7]) for i in range(7)]
    one, other = halves(rows, keys)
    assert len(one) == len(other) == 3
    assert not set(one.flatten().tolist()) & set(other.flatten().tolist())
    turned = halves(rows.flip(0), keys[::-1])
    assert torch.equal(one, turned[0])
    assert torch.equal(other, turned[1])
