"""Mean and spread over seeds, as tables in Markdown and CSV."""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path

from gans.cli.config_files import suggestion
from gans.files import written_whole
from gans.tools.row_set import Results


def metric_names(results: Results, wanted: Sequence[str] | None) -> list[str]:
    """Return the metrics to tabulate: those wanted, else all.

    Raises:
        ValueError: if no run has a metric that is wanted.
    """
    known = sorted({name for seeds in results.values() for metrics in seeds.values() for name in metrics})
    for name in wanted or []:
        if name not in known:
            raise ValueError(
                f"--metrics {name}: no run has it.{suggestion(name, known)}\nThere are: {', '.join(known)}"
            )
    return list(wanted or known)


def values_by_seed(results: Results, row: str, metric: str) -> dict[int, float]:
    """Return seed -> value, for the finished seeds that have the metric."""
    return {seed: metrics[metric] for seed, metrics in results[row].items() if metric in metrics}


def mean(values: Iterable[float]) -> float | None:
    """Return the mean, or None of nothing."""
    values = list(values)
    return statistics.fmean(values) if values else None


def deviation(values: Iterable[float]) -> float | None:
    """Return the standard deviation of a sample (n - 1), or None of fewer than two values."""
    values = list(values)
    return statistics.stdev(values) if len(values) > 1 else None


def table_of_seeds(row: str, results: Results, metrics: Sequence[str]) -> str:
    """Return one row's metrics as Markdown: metric, mean, standard deviation, the value of each seed."""
    seeds = sorted(results[row])
    lines = [["metric", "mean", "standard deviation", *(f"seed {seed}" for seed in seeds)]]
    for metric in metrics:
        values = values_by_seed(results, row, metric)
        each = [values.get(seed) for seed in seeds]
        lines.append([metric, *map(_text, (mean(values.values()), deviation(values.values()), *each))])
    return _markdown(lines)


def table_of_rows(results: Results, metrics: Sequence[str]) -> str:
    """Return a Markdown table, one line per row: mean ± standard deviation of every metric over seeds."""
    lines = [["config", "seeds", *metrics]]
    for row, seeds in results.items():
        cells = []
        for metric in metrics:
            values = values_by_seed(results, row, metric).values()
            spread = deviation(values)
            cells.append(_text(mean(values)) + ("" if spread is None else f" ± {_text(spread, digits=2)}"))
        lines.append([row, str(len(seeds)), *cells])
    return _markdown(lines)


def write_tables(results: Results, metrics: Sequence[str], markdown: str, folder: Path) -> None:
    """Write FOLDER/table.md, and FOLDER/table.csv with all digits; older ones are replaced as a whole."""
    seeds = sorted({seed for row in results.values() for seed in row})
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["config", "metric", "mean", "standard_deviation", *(f"seed_{seed}" for seed in seeds)])
    for row in results:
        for metric in metrics:
            values = values_by_seed(results, row, metric)
            spread = (mean(values.values()), deviation(values.values()))
            writer.writerow([row, metric, *spread, *(values.get(seed) for seed in seeds)])
    for name, content in {"table.md": markdown, "table.csv": text.getvalue()}.items():
        with written_whole(folder / name) as file:
            file.write(content.encode())


def _text(value: float | None, digits: int = 4) -> str:
    return "" if value is None else f"{value:.{digits}g}"


def _markdown(lines: list[list[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rule = ["-" * width for width in widths]
    text = ""
    for line in (lines[0], rule, *lines[1:]):
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        text += f"| {' | '.join(cells)} |\n"
    return text
