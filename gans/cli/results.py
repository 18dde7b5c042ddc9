"""The metrics of a command as a table, in the order in which they matter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gans.metrics.enough import images_wanted
from gans.metrics.reading import COUNTS, better, place

FEW = "*"
"""Stands behind values of fewer images than their metric wants."""


def metrics_table(
    stage: str, metrics: Mapping[str, Any], before: Mapping[str, Any] | None = None, width: int = 120
) -> str:
    """Lay out metrics: one row per metric, one column per name such as A2B, and one for the mean over names.

    Numbers of images are no metrics: they stand below the table, where values of few images are explained.

    Args:
        stage: `val` or `test`.
        metrics: values by full name, such as `val/l1/A2B`.
        before: earlier values of the same metrics, shown as BEFORE -> NOW where there is room.
        width: characters of a line of the screen.
    """
    parts = sorted(_parts(stage, metrics), key=lambda part: (place(part[0]), part[1]))
    images = _images(stage, metrics)
    fewest = min(images.values(), default=0)
    few = {
        full_name
        for metric, name, full_name in parts
        if images and images_wanted(metric) > images.get(name, fewest)
    }
    names = sorted({name for _, name, _ in parts}, key=lambda name: (name == "", name))
    for states in ([before, metrics], [metrics]) if before else ([metrics],):
        rows = {metric: [metric, better(metric), *([""] * len(names))] for metric, _, _ in parts}
        for metric, name, full_name in parts:
            mark = FEW if full_name in few else ""
            rows[metric][2 + names.index(name)] = _states(states, full_name) + mark
        title = "first -> last" if len(states) > 1 else "last" if before else stage
        lines = _aligned([[title, "better", *(name or "mean" for name in names)], *rows.values()])
        if max(map(len, lines)) <= width:
            break
    wanting = dict.fromkeys(metric for metric, _, full_name in parts if full_name in few)
    return "\n".join([*lines, "", *_notes(images, list(wanting))]).rstrip()


def _states(states: Sequence[Mapping[str, Any]], name: str) -> str:
    """Return the values of one metric, BEFORE -> NOW; equal ones are said once."""
    return " -> ".join(dict.fromkeys(f"{float(state[name]):.4g}" for state in states if name in state))


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _parts(stage: str, metrics: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield metric, name and full name of a stage's metrics, without numbers of images."""
    for full_name in metrics:
        prefix, _, rest = full_name.partition("/")
        metric, _, name = rest.partition("/")
        if prefix == stage and metric not in COUNTS:
            yield metric, name, full_name


def _images(stage: str, metrics: Mapping[str, Any]) -> dict[str, int]:
    """Return by name how many images were compared, of the smaller side."""
    counts: dict[str, list[int]] = {}
    for full_name, value in metrics.items():
        prefix, _, rest = full_name.partition("/")
        metric, _, name = rest.partition("/")
        if prefix == stage and metric in COUNTS:
            counts.setdefault(name, []).append(int(float(value)))
    return {name: min(sides) for name, sides in counts.items()}


def _notes(images: Mapping[str, int], few: list[str]) -> Iterator[str]:
    if images:
        least, most = min(images.values()), max(images.values())
        yield (
            f"Compared with real images: {least}" + (f" to {most}" if most > least else "") + " of each kind."
        )
    if few:
        wants = ", ".join(f"{metric} ({images_wanted(metric)})" for metric in few)
        yield f"{FEW} few for {wants}."
        yield "  Compare these with runs on as many images only; docs/metrics.md says why."
