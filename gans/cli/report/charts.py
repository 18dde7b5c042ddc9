"""The curves of runs as the page's script draws them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypedDict

from gans.cli.report.history import Curve, best_of, parts_of, reference_to
from gans.cli.report.run import SAID, ToldRun
from gans.metrics.reading import COUNTS, better, place

POINTS = 600  # of a curve, about as many as a chart is wide
POINTS_IN_ALL = 120_000  # of all curves in a page, of about 17 characters each
LEAST_POINTS = 30
MEAN = "mean"  # what a metric without a name of its own is over those with one
TOTAL = "total"


class Line(TypedDict):
    """One curve of a chart: `reference` is drawn dashed, `best` is marked, `colour` counts from 0."""

    name: str
    colour: int
    reference: bool
    strong: bool
    points: dict[str, Any]
    best: tuple[int, float] | None


class Chart(TypedDict):
    """Curves over each other; `better` says which way; `group` is the part of the page that it belongs to."""

    title: str
    group: str
    better: str
    lines: list[Line]


def charts_of(runs: Sequence[ToldRun]) -> list[Chart]:
    """Return the charts of one run, a metric's curves in one; or of several, one chart for each curve."""
    count = sum(len(run.history.curves) for run in runs)
    most = max(LEAST_POINTS, min(POINTS, POINTS_IN_ALL // max(1, count)))
    return [
        chart
        for title, names in sorted(_titles(runs).items(), key=lambda item: _order(item[0]))
        if (chart := _chart(title, names, runs, most))["lines"]
    ]


def group_of(name: str) -> str:
    """Return the part of the page that a metric belongs to."""
    stage, _, term = parts_of(name)
    if stage == "train":
        return "losses" if term else "rates"
    return {"val": "metrics", "time": "speed"}.get(stage, "others")


def _titles(runs: Sequence[ToldRun]) -> dict[str, list[str]]:
    """Return the title of each chart -> the full names of its curves."""
    names = list(dict.fromkeys(name for run in runs for name in run.history.curves))
    titles: dict[str, list[str]] = {}
    for name in names:
        stage, metric, _ = parts_of(name)
        shown = not name.startswith(SAID) and metric not in COUNTS
        if shown and reference_to(name, names) is None:
            titles.setdefault(f"{stage}/{metric}" if len(runs) == 1 and metric else name, []).append(name)
    return titles


def _order(title: str) -> tuple[Any, ...]:
    stage, metric, term = parts_of(title)
    return (*place(metric),) if stage == "val" else (0, metric, term != TOTAL, term)


def _chart(title: str, names: list[str], runs: Sequence[ToldRun], most: int) -> Chart:
    metric = parts_of(title)[1]
    lines = [
        line
        for run_number, run in enumerate(runs)
        for number, name in enumerate(sorted(names, key=lambda name: (_label(name) == MEAN, name)))
        for line in _lines(
            name, run, most, number if len(runs) == 1 else run_number, "" if len(runs) == 1 else run.name
        )
    ]
    group = group_of(names[0])
    return Chart(title=title, group=group, better=better(metric) if group == "metrics" else "", lines=lines)


def _lines(name: str, run: ToldRun, most: int, colour: int, run_name: str) -> Iterator[Line]:
    """Yield the curve of a metric, and then what it is read beside."""
    curves = run.history.curves
    if name not in curves:
        return
    label = run_name or _label(name)
    yield _line(label, curves[name], most, colour, best=best_of(name, curves[name]), strong=_is_strong(name))
    for other in curves:
        if reference_to(other, list(curves)) == name:
            what = parts_of(other)[1].removeprefix(parts_of(name)[1]).strip("_").replace("_", " ")
            yield _line(f"{label}: {what}", curves[other], most, colour, reference=True)


def _line(
    name: str,
    curve: Curve,
    most: int,
    colour: int,
    best: tuple[int, float] | None = None,
    reference: bool = False,
    strong: bool = False,
) -> Line:
    return Line(
        name=name,
        colour=colour,
        reference=reference,
        strong=strong,
        points=curve.thinned(most).written(),
        best=best,
    )


def _label(name: str) -> str:
    stage, metric, what = parts_of(name)
    return what or (MEAN if stage == "val" else metric or stage)


def _is_strong(name: str) -> bool:
    return _label(name) in (MEAN, TOTAL)
