"""The metrics of a run as one table, RUN/metrics.csv."""

from __future__ import annotations

import csv
import io
from argparse import Namespace
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers.logger import Logger

from gans.callbacks.terminal import is_first_process
from gans.files import errors_naming, written_whole


class MetricsFile(Logger):
    """Appends every row of metrics to one CSV file as soon as it is logged: a killed run keeps its rows.

    Lightning's CSVLogger holds rows back, and deletes the table of the run that it continues. Here a resumed
    run goes on with the table; the rows of steps that it repeats, those after its checkpoint, make way for
    the new ones. A metric that was not there before becomes a new column.

    Args:
        folder: the run folder.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.path = folder / "metrics.csv"
        self._columns: list[str] = []
        self._opened = False

    @property
    def name(self) -> str:
        """Return nothing: the run has its name from its folder."""
        return ""

    @property
    def version(self) -> str:
        """Return nothing: a resumed run is the same version."""
        return ""

    @property
    def save_dir(self) -> str:
        """Return the run folder."""
        return str(self.path.parent)

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Leave hyper-parameters to config.yaml."""

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Append one row; only the first process writes."""
        if not is_first_process():
            return
        row: dict[str, Any] = {"step": step or 0, **{name: float(value) for name, value in metrics.items()}}
        if not self._opened:
            self._continue_from(row["step"])
        if new := [name for name in row if name not in self._columns]:
            self._columns += new
            self._rewrite(read_metrics(self.path))
        with errors_naming(self.path), self.path.open("a", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, self._columns).writerow(row)

    def _continue_from(self, step: int) -> None:
        """Take over the table of an earlier start, without the rows that this start repeats."""
        self._opened = True
        rows = read_metrics(self.path)
        self._columns = list(rows[0]) if rows else ["epoch", "step"]
        self._rewrite([row for row in rows if int(row["step"]) < step])

    def _rewrite(self, rows: list[dict[str, str]]) -> None:
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, self._columns)
        writer.writeheader()
        writer.writerows(rows)
        with written_whole(self.path) as file:
            file.write(text.getvalue().encode())


def read_metrics(path: Path) -> list[dict[str, str]]:
    """Return the rows of a metrics.csv, texts by column that are empty where a row lacks the metric."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file, restval="")
        return [row for row in rows if (row["step"] or "").isdigit()]  # a killed run may leave half a row
