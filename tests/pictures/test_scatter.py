from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gans.pictures.scatter import FAKE, REAL, SHADE, SIZE, scatter

CORNERS = torch.tensor([[-1.0, -1], [-1, 1], [1, -1], [1, 1]]).view(4, 2, 1, 1)
NOWHERE = torch.zeros(0, 2, 1, 1)


def flat(points: Tensor) -> Tensor:
    return points.new_zeros(len(points))


def places(picture: Tensor, colour: tuple[float, float, float]) -> Tensor:
    """Return (row, column) of all pixels of a colour, from 0 (top, left) to 1."""
    distance = (picture[0] - (torch.tensor(colour) * 2 - 1).view(3, 1, 1)).abs().amax(dim=0)
    return (distance < 1e-3).nonzero() / SIZE


def at(x: float, y: float) -> Tensor:
    return torch.tensor([x, y]).view(1, 2, 1, 1)


@pytest.mark.parametrize(("x", "y"), [(0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (-0.5, -0.25)])
def test_a_point_lies_where_its_coordinates_say(x: float, y: float) -> None:
    drawn = places(scatter(at(x, y), CORNERS, flat), FAKE)
    assert len(drawn) == 9
    row, column = drawn.mean(dim=0).tolist()
    assert column == pytest.approx((x / 1.3 + 1) / 2, abs=0.01)
    assert row == pytest.approx((1 - y / 1.3) / 2, abs=0.01)


def test_real_points_are_all_inside_and_generated_ones_over_them() -> None:
    alone = scatter(NOWHERE, CORNERS, flat)
    assert alone.shape == (1, 3, SIZE, SIZE)
    assert -1 <= alone.min() < alone.max() <= 1
    assert len(places(alone, REAL)) == 4 * 9
    covered = scatter(CORNERS[:1], CORNERS, flat)
    assert len(places(covered, REAL)) == 3 * 9
    assert len(places(covered, FAKE)) == 9


def test_points_outside_lie_on_the_border_and_those_that_are_no_numbers_nowhere() -> None:
    drawn = places(scatter(at(1e30, 0), CORNERS, flat), FAKE)
    assert len(drawn) == 9
    assert drawn[:, 1].max() > 0.98
    for lost in (float("nan"), float("inf")):
        assert len(places(scatter(at(lost, 0), CORNERS, flat), FAKE)) == 0


def test_the_shade_is_dark_where_the_score_is_high() -> None:
    upwards = scatter(NOWHERE, CORNERS, lambda points: 1e4 * points[:, 1, 0, 0] - 7)[0]
    assert upwards[:, -1, SIZE // 2].tolist() == [1, 1, 1]
    torch.testing.assert_close(upwards[:, 0, SIZE // 2], torch.tensor(SHADE) * 2 - 1)
    to_the_right = scatter(NOWHERE, CORNERS, lambda points: points[:, 0, 0, 0])[0]
    assert (
        to_the_right[0, SIZE // 2, 5] > to_the_right[0, SIZE // 2, SIZE // 2] > to_the_right[0, SIZE // 2, -5]
    )
    level = scatter(NOWHERE, CORNERS, flat)[0]
    assert level[:, 0, 0].tolist() == [1, 1, 1]


def test_no_gradient_and_no_random_number_is_needed() -> None:
    network = torch.nn.Linear(2, 1)
    before = torch.get_rng_state()
    picture = scatter(at(0, 0), CORNERS, lambda points: network(points.flatten(1)).squeeze(1))
    assert not picture.requires_grad
    assert torch.equal(torch.get_rng_state(), before)
