"""Tables of attributes: which file has which attributes, as CelebA's list or as CSV with a header."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path

PRESENT, ABSENT = ("1", "+1", "1.0"), ("0", "-1", "0.0")
"""What a table may say of an attribute: CelebA has 1 and -1."""

Rows = Iterator[tuple[int, list[str]]]


def read_table(path: str | Path, names: Sequence[str] | None) -> tuple[list[str], dict[str, list[float]]]:
    """Read the attributes of files.

    Two layouts are read. CelebA's `list_attr_celeba.txt`: the number of files, a line of attribute names,
    then lines of a file name and 1 or -1 for each attribute, parted by spaces. CSV: a header whose first
    column is the file name and whose others are attributes, then lines of a file name and 1, or 0 or -1.

    Args:
        path: the table.
        names: attributes to select, in this order; None takes all.

    Returns:
        The selected names, and by file name their values, 1 or 0.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the table has no such attribute, or a line of it cannot be understood.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"table: {path} is no file. It holds the attributes of the images in root.")
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines: Rows = ((number, line.split()) for number, line in enumerate(file, 1))
        if path.suffix.lower() == ".csv":
            lines = ((number, row) for number, row in enumerate(csv.reader(file), 1))
        header = _header(lines, path)
        selected = _select(header, names, path)
        table = {}
        for number, row in lines:
            if row:
                table[row[0]] = _values(row, header, selected, f"{path}, line {number}")
    if not table:
        raise ValueError(f"{path}: the table has a header but no rows.")
    return [header[column] for column in selected], table


def _header(lines: Rows, path: Path) -> list[str]:
    """Return the names of the attributes; the lines go on with the first file."""
    for _, row in lines:
        if path.suffix.lower() == ".csv":
            return [name.strip() for name in row[1:]]
        if len(row) == 1 and row[0].isdigit():  # CelebA begins with the number of files
            continue
        return row
    raise ValueError(f"{path}: the table is empty.")


def _select(header: Sequence[str], names: Sequence[str] | None, path: Path) -> list[int]:
    """Return the columns of the selected attributes."""
    for name in names or []:
        if name not in header:
            near = get_close_matches(name, header, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise ValueError(f"attributes: {path} has no attribute {name}.{hint} It has {', '.join(header)}.")
    return [header.index(name) for name in (header if names is None else names)]


def _values(row: list[str], header: list[str], selected: Sequence[int], where: str) -> list[float]:
    if len(row) != len(header) + 1:
        raise ValueError(f"{where}: {len(row) - 1} values for {len(header)} attributes.")
    values = []
    for column in selected:
        value = row[column + 1].strip()
        if value not in PRESENT + ABSENT:
            raise ValueError(f"{where}: {header[column]} is {value!r}; it is 1, or 0 or -1.")
        values.append(float(value in PRESENT))
    return values
