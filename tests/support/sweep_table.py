"""The sweep's result as a table: a row per check, a column per variant."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable


def sweep_table(results: Iterable[tuple[str, str]], variants: Iterable[str]) -> list[str]:
    """Return the lines of the table.

    Args:
        results: node id and outcome of every test of the sweep.
        variants: the columns.
    """
    variants = list(variants)
    cells: defaultdict[str, defaultdict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for node, outcome in results:
        match = re.search(r"::test_(\w+)\[(.*)\]$", node)
        variant = next((name for name in variants if match and name in match[2].split("-")), None)
        if match and variant:
            cells[match[1].replace("_", " ")][variant].append(outcome)
    width = max((len(check) for check in cells), default=0)
    lines = [f"{'check':<{width}}  " + "  ".join(f"{name:>16}" for name in variants)]
    for check, row in cells.items():
        lines.append(f"{check:<{width}}  " + "  ".join(f"{_cell(row[name]):>16}" for name in variants))
    return lines


def _cell(outcomes: list[str]) -> str:
    if not outcomes:
        return "not run"
    passed = outcomes.count("passed")
    return f"{passed} of {len(outcomes)}" if passed < len(outcomes) else f"yes ({passed})"
