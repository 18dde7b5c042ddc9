"""The outcomes as tables in Markdown, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.gpu.checks import Outcome
from gans.files import written_whole

UPRIGHT = ("machine", "where time goes")  # tables of which each fact is a row
MARKS = {"passed": "", "wrong": "wrong", "failed": "FAILED", "not reached": "not reached"}


def write_tables(outcomes: Sequence[Outcome], folder: Path, heading: str) -> None:
    """Write `gpu.md` and `gpu.json` into a folder, each as a whole."""
    with written_whole(folder / "gpu.json") as file:
        content = {"heading": heading, "outcomes": [asdict(outcome) for outcome in outcomes]}
        file.write(json.dumps(content, indent=1).encode())
    with written_whole(folder / "gpu.md") as file:
        file.write(markdown(outcomes, heading).encode())


def markdown(outcomes: Sequence[Outcome], heading: str) -> str:
    """Return all tables, what went wrong, and what was not reached."""
    parts = [f"# {heading}", _counts(outcomes)]
    reached = [outcome for outcome in outcomes if outcome.status != "not reached"]
    for table in dict.fromkeys(outcome.table for outcome in reached):
        rows = [outcome for outcome in reached if outcome.table == table]
        parts += [
            f"## {table[0].upper()}{table[1:]}",
            *(_upright(rows) if table in UPRIGHT else [_wide(rows)]),
        ]
    errors = [f"**{one.table}: {one.name}**\n\n```\n{one.error}\n```" for one in reached if one.error]
    parts += ["## Errors", *errors] if errors else []
    left = [f"- {one.table}: {one.name}" for one in outcomes if one.status == "not reached"]
    parts += ["## Not reached", "\n".join(left)] if left else []
    return "\n\n".join(parts) + "\n"


def _counts(outcomes: Sequence[Outcome]) -> str:
    counted = {status: sum(one.status == status for one in outcomes) for status in MARKS}
    return ", ".join(f"{count} {status}" for status, count in counted.items()) + "."


def _wide(rows: Sequence[Outcome]) -> str:
    """Return one table of several rows; what is not as it should be is in bold."""
    columns = list(dict.fromkeys(column for row in rows for column in row.facts))
    lines = [_line(["", *columns, "s", ""]), "|---" * (len(columns) + 3) + "|"]
    for row in rows:
        cells = [f"**{fact}**" if column in row.wrong else fact for column, fact in _cells(row, columns)]
        lines.append(_line([row.name, *cells, f"{row.seconds:.1f}", MARKS[row.status]]))
    return "\n".join(lines)


def _cells(row: Outcome, columns: Sequence[str]) -> list[tuple[str, str]]:
    return [(column, row.facts.get(column, "")) for column in columns]


def _upright(rows: Sequence[Outcome]) -> list[str]:
    """Return a table for each row, with its facts below each other."""
    tables = []
    for row in rows:
        lines = [_line([row.name, MARKS[row.status]]), "|---|---|"]
        lines += [_line([name, fact]) for name, fact in row.facts.items()]
        tables.append("\n".join(lines))
    return tables


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
