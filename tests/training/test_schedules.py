from __future__ import annotations

import pytest

from gans.training.schedules import learning_rate_factor


def test_step_halves_the_rate_every_so_often_and_needs_no_end() -> None:
    factor = learning_rate_factor("step", None, decay_share=0.5, halve_every=100)
    assert [factor(finished) for finished in (0, 99, 100, 199, 200, 1000)] == [1, 1, 0.5, 0.5, 0.25, 0.5**10]


def test_linear_is_the_schedule_of_cyclegan() -> None:
    factor = learning_rate_factor("linear", 200, decay_share=0.5)
    assert [factor(finished) for finished in (99, 100)] == [1, pytest.approx(1 - 1 / 101)]
    assert factor(199) == pytest.approx(1 / 101)


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_what_falls_towards_an_end_needs_one(schedule: str) -> None:
    with pytest.raises(ValueError, match="this training has no end"):
        learning_rate_factor(schedule, None, 0.5)  # type: ignore[arg-type]
