from __future__ import annotations

import io

from rich.console import Console

from gans.cli.summary import metrics_table


def drawn(*args: object, **kwargs: object) -> list[list[str]]:
    """Return the cells of a table as it is printed."""
    console = Console(file=io.StringIO(), width=200)
    console.print(metrics_table(*args, **kwargs))  # type: ignore[arg-type]
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    rows = [line.replace("┃", "│").split("│") for line in lines if line.startswith(("┃", "│"))]
    return [[cell.strip() for cell in row[1:-1]] for row in rows]


METRICS = {"test/l1/A2B": 12.34567, "test/l1/B2A": 20, "test/kid": 0.5, "test/kid/A2B": 0.25, "val/l1/A2B": 1}


def test_one_row_per_metric_and_one_column_per_name() -> None:
    assert drawn("test", METRICS) == [
        ["test", "A2B", "B2A", "mean"],
        ["kid", "0.25", "", "0.5"],
        ["l1", "12.35", "20", ""],
    ]


def test_two_states_stand_side_by_side_and_equal_ones_once() -> None:
    before = {"test/l1/A2B": 90.0, "test/l1/B2A": 20.0}
    assert drawn("test", METRICS, before=before)[2] == ["l1", "90 -> 12.35", "20", ""]
