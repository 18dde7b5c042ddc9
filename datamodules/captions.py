"""Captions in files: tables of (image, caption), and one text file per image with a caption in each line."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

TABLES = ("captions.jsonl", "captions.csv")
"""Names under which a folder of images may hold the table of its captions."""

COLUMNS = ("image", "caption")


class Row(NamedTuple):
    """A caption of an image, and the line of the table that says so, counted from 1."""

    line: int
    image: str
    caption: str


def read_table(path: Path) -> list[Row]:
    """Read a table of captions, in which an image may have several rows.

    Args:
        path: `.jsonl`, where each line is `{"image": "a/1.jpg", "caption": "..."}` or has a list of captions;
            or `.csv`, whose first line is `image,caption`. UTF-8. Empty lines count for nothing.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line is malformed or a caption is empty; names the file and the line. Or there are none.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such table of captions.")
    read = {".jsonl": _read_jsonl, ".csv": _read_csv}.get(path.suffix.lower())
    if read is None:
        raise ValueError(f"{path}: captions are read from .jsonl and .csv, not from {path.suffix}.")
    try:
        rows = list(read(path))
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8: {error.reason} at byte {error.start}.") from error
    if not rows:
        raise ValueError(f"{path}: there are no captions in it.")
    return rows


def read_lines(path: Path) -> list[str]:
    """Read the captions of one image, one in each line of a text file; empty lines are left out.

    Raises:
        ValueError: there is no caption in the file.
    """
    text = path.read_text(encoding="utf-8", errors="replace")  # the public sets hold some broken letters
    captions = [line.strip() for line in text.splitlines() if line.strip()]
    if not captions:
        raise ValueError(f"{path}: there is no caption in it. Write one in each line, or delete the file.")
    return captions


def _read_jsonl(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                entry = json.loads(line)
            except json.JSONDecodeError as error:
                raise ValueError(f"{path} line {number} is not JSON: {error.msg}.") from error
            if not isinstance(entry, dict) or not all(column in entry for column in COLUMNS):
                raise ValueError(f'{path} line {number}: expected is {{"image": ..., "caption": ...}}.')
            captions = entry["caption"]
            for caption in captions if isinstance(captions, list) else [captions]:
                yield _row(path, number, entry["image"], caption)


def _read_csv(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        table = csv.DictReader(file)
        if not set(COLUMNS) <= set(table.fieldnames or ()):
            raise ValueError(f"{path} line 1: expected is a header with the columns {','.join(COLUMNS)}.")
        for entry in table:
            if None in entry:
                raise ValueError(
                    f"{path} line {table.line_num} has more columns than the header: put a caption with "
                    'commas into "quotes".'
                )
            yield _row(path, table.line_num, entry["image"], entry["caption"])


def _row(path: Path, line: int, image: Any, caption: Any) -> Row:
    if not isinstance(image, str) or not image.strip():
        raise ValueError(f"{path} line {line}: the name of the image is missing.")
    if not isinstance(caption, str) or not caption.strip():
        raise ValueError(
            f"{path} line {line}: the caption of {image} is empty. Write one, or delete the line."
        )
    return Row(line, image.strip(), caption.strip())
