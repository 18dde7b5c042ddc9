"""Whether generated images are good and whether they are diverse, told apart: by balls around features."""

from __future__ import annotations

import torch
from torch import Tensor

from gans.metrics.distances import BLOCK, in_double

ROUNDING = 1e-10
"""Share of a squared distance within which two are equal: more than float64 loses, less than float32 has."""


def manifold_scores(real: Tensor, fake: Tensor, neighbours: int) -> dict[str, float]:
    """Return precision, recall, density and coverage of two sets of features.

    Around every feature lies the ball that reaches to its k-th nearest neighbour in its own set, surface
    included; a set's balls together stand for the region its images come from.

    * `precision` (Kynkaanniemi et al. 2019, arXiv:1904.06991): share of fakes within some ball of a real.
    * `recall`: share of reals within some ball of a fake.
    * `density` (Naeem et al. 2020, arXiv:2002.09797): in how many balls of reals a fake lies, on average,
      over k. An outlier's large ball counts for one of k here, where in precision it passes everything.
    * `coverage`: share of reals in whose ball a fake lies.

    All are in 0..1 but density, which is 1 on average where both sets come from one distribution, and can be
    more. For copies of the reals it is (k + 1) / k, the authors' code leaving the surface out. Coverage then
    is 1, but only about 1 - 2^-k for as many new images of the same distribution.

    Distances are in float64, `BLOCK` rows at once; neither order nor blocks enter.

    Args:
        real: (N, D), more than `neighbours` rows.
        fake: (M, D), more than `neighbours` rows.
        neighbours: k; 3 in the first paper, 5 in the second.

    Raises:
        ValueError: if a set has too few rows.
    """
    _refuse_few(real, fake, neighbours)
    real, fake = in_double(real), in_double(fake)
    centre = real.mean(dim=0)  # distances do not change, their rounding does
    real, fake = real - centre, fake - centre
    real_reach, fake_reach = _squared_radii(real, neighbours), _squared_radii(fake, neighbours)
    balls_around = []
    covered, recalled = (torch.zeros(len(real), dtype=torch.bool, device=real.device) for _ in range(2))
    for start in range(0, len(fake), BLOCK):
        rows = slice(start, start + BLOCK)
        distances = _squared_distances(fake[rows], real)
        within = distances <= real_reach
        balls_around.append(within.sum(dim=1))
        covered |= within.any(dim=0)
        recalled |= (distances <= fake_reach[rows, None]).any(dim=0)
    balls = torch.cat(balls_around).double()
    scores = {
        "precision": balls > 0,
        "recall": recalled,
        "density": balls / neighbours,
        "coverage": covered,
    }
    return {name: float(values.double().mean()) for name, values in scores.items()}


def _refuse_few(real: Tensor, fake: Tensor, neighbours: int) -> None:
    if min(len(real), len(fake)) <= neighbours:
        raise ValueError(
            f"With {neighbours} neighbours each set needs {neighbours + 1} images or more, but there are "
            f"{len(real)} real and {len(fake)} generated ones."
        )


def _squared_radii(features: Tensor, neighbours: int) -> Tensor:
    """Return (N,): squared distance from each row to its k-th nearest other row, rounded up."""
    radii = []
    for start in range(0, len(features), BLOCK):
        distances = _squared_distances(features[start : start + BLOCK], features)
        distances.diagonal(offset=start).fill_(torch.inf)
        radii.append(distances.topk(neighbours, dim=1, largest=False).values[:, -1])
    reach = torch.cat(radii)
    return reach + ROUNDING * (reach + features.square().sum(dim=1))


def _squared_distances(x: Tensor, y: Tensor) -> Tensor:
    """Return the squared distances (N, M) between rows of x (N, D) and y (M, D)."""
    lengths = x.square().sum(dim=1)[:, None] + y.square().sum(dim=1)
    return lengths.addmm_(x, y.T, alpha=-2)
