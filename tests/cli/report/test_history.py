from __future__ import annotations

import math

import pytest

from gans.cli.report.history import Curve, best_of, history_of, reference_to

ROWS = [
    {"epoch": "0.0", "step": "10", "train/generator/total": "2.5", "val/l1/A2B": ""},
    {"epoch": "0.0", "step": "12", "train/generator/total": "", "val/l1/A2B": "30.0"},
    {"epoch": "1.0", "step": "20", "train/generator/total": "nan", "val/l1/A2B": ""},
]


def test_curves_have_the_points_that_were_logged() -> None:
    history = history_of(ROWS)
    assert (history.last_step, history.last_epoch, history.step_of_epoch) == (20, 2, {1: 12, 2: 20})
    assert history.curves["val/l1/A2B"] == Curve([12], [30.0])
    assert history.curves["train/generator/total"].written() == {"x": [10, 20], "y": [2.5, None]}


def test_a_thinned_curve_keeps_its_ends_and_means() -> None:
    curve = Curve(list(range(1, 1002)), [float(value) for value in range(1001)])
    thin = curve.thinned(11)
    assert len(thin.steps) == len(thin.values) == 11
    assert (thin.steps[-1], thin.values[-1]) == (1001, 1000.0)
    assert sum(thin.values[:-1]) / 10 == pytest.approx(sum(range(1000)) / 1000)
    assert thin.steps == sorted(thin.steps)
    assert curve.thinned(1001) == curve


@pytest.mark.parametrize(
    ("name", "values", "best"),
    [
        ("val/kid_lite0/A2B", [3.0, 1.0, 2.0], (20, 1.0)),
        ("val/recall/A2B", [0.3, math.nan, 0.2], (10, 0.3)),
        ("val/density", [0.2, 0.9, 1.3], (20, 0.9)),
        ("val/kid_floor", [3.0, 1.0, 2.0], None),
        ("train/generator/total", [3.0, 1.0, 2.0], None),
        ("train/l1/A2B", [3.0, 1.0, 2.0], None),
        ("val/l1/A2B", [math.nan, math.inf, math.nan], None),
    ],
)
def test_the_best_of_a_metric(name: str, values: list[float], best: tuple[int, float] | None) -> None:
    assert best_of(name, Curve([10, 20, 30], values)) == best


@pytest.mark.parametrize(
    ("name", "beside"),
    [
        ("val/l1_doing_nothing/A2B", "val/l1/A2B"),
        ("val/kid_lite0_floor", "val/kid_lite0"),
        ("val/kid_lite0_floor/A2B", None),  # nothing of that name was compared
        ("val/l1_untouched/A2B", None),  # a metric of its own
        ("val/inception_score_deviation", None),
        ("val/images/A2B", None),
        ("train/l1_doing_nothing/A2B", None),
    ],
)
def test_what_a_metric_is_read_beside(name: str, beside: str | None) -> None:
    names = ["val/l1/A2B", "val/l1/B2A", "val/kid_lite0", "val/inception_score", "train/l1/A2B", name]
    assert reference_to(name, names) == beside
