"""Tables of attributes: which file has which attributes, as CelebA's list or as CSV with a header."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path

from datamodules.listing import composed
from datamodules.tables import DELIMITED, Line, entry_of, read_rows, read_text

PRESENT, ABSENT = ("1", "+1", "1.0"), ("0", "-1", "0.0")
"""What a table may say of an attribute: CelebA has 1 and -1."""


def read_table(path: str | Path, names: Sequence[str] | None) -> tuple[list[str], dict[str, list[float]]]:
    """Read the attributes of files.

    Two layouts are read. CelebA's `list_attr_celeba.txt`: the number of files, a line of attribute names,
    then lines of a file name and 1 or -1 for each attribute, parted by spaces. CSV: a header whose first
    column is the file name and whose others are attributes, then lines of a file name and 1, or 0 or -1; see
    `datamodules.tables` for separators, quotes and encodings. The same row twice is one.

    Args:
        path: the table.
        names: attributes to select, in this order; None takes all.

    Returns:
        The selected names, and by the file's entry (see `entry_of`) their values, 1 or 0.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the table has no such attribute, a line of it cannot be understood, or two contradict each
            other; names the file and the line.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"table: {path} is no file. It holds the attributes of the images in root.")
    delimited = path.suffix.lower() in DELIMITED
    lines = read_rows(path) if delimited else _celeba_rows(path)
    header = next(lines, None)
    if header is None:
        raise ValueError(f"{path}: the table is empty.")
    attributes = header.fields[1:] if delimited else header.fields
    _refuse_repeated(attributes, f"{path} line {header.number}")
    selected = _select(attributes, names, path)
    table: dict[str, list[float]] = {}
    places: dict[str, int] = {}
    for number, row in lines:
        entry, values = entry_of(row[0]), _values(row, attributes, selected, f"{path} line {number}")
        first = places.setdefault(entry, number)
        if table.setdefault(entry, values) != values:
            raise ValueError(
                f"{path} line {number}: {row[0]} has other values than in line {first}. Delete one of them."
            )
    if not table:
        raise ValueError(f"{path}: the table has a header but no rows.")
    return [attributes[column] for column in selected], table


def _celeba_rows(path: Path) -> Iterator[Line]:
    """Yield the names of the attributes, then the rows of the files."""
    lines = (Line(number, line.split()) for number, line in enumerate(read_text(path).split("\n"), 1))
    rows = (line for line in lines if line.fields)
    first = next(rows, None)
    if first is not None and not (len(first.fields) == 1 and first.fields[0].isdigit()):
        yield first  # CelebA's begins with the number of files
    yield from rows


def _refuse_repeated(header: Sequence[str], where: str) -> None:
    for name in header:
        if header.count(name) > 1:
            raise ValueError(f"{where}: the attribute {name!r} has two columns. Rename or delete one.")


def _select(header: Sequence[str], names: Sequence[str] | None, path: Path) -> list[int]:
    """Return the columns of the selected attributes."""
    header, names = [composed(name) for name in header], names and [composed(name) for name in names]
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
