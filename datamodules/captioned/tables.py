"""Captions in files: tables of (image, caption), and one text file per image with a caption in each line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from datamodules.tables import DELIMITED, read_rows, read_text

TABLES = ("captions.jsonl", "captions.csv", "captions.tsv")
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
            or `.csv` or `.tsv`, whose first line is `image,caption`, see `datamodules.tables` for separators,
            quotes and encodings. Empty lines count for nothing.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line is malformed or a caption is empty; names the file and the line. Or there are none.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such table of captions.")
    read = {".jsonl": _read_jsonl, **dict.fromkeys(DELIMITED, _read_delimited)}.get(path.suffix.lower())
    if read is None:
        known = ", ".join((".jsonl", *DELIMITED))
        raise ValueError(f"{path}: captions are read from {known}, not from {path.suffix}.")
    rows = list(read(path))
    if not rows:
        raise ValueError(f"{path}: there are no captions in it.")
    return rows


def read_lines(path: Path) -> list[str]:
    """Read the captions of one image, one in each line of a text file; empty lines are left out.

    Raises:
        ValueError: there is no caption in the file.
    """
    text = read_text(path, errors="replace")  # the public sets hold some broken letters
    captions = [line.strip() for line in text.split("\n") if line.strip()]
    if not captions:
        raise ValueError(f"{path}: there is no caption in it. Write one in each line, or delete the file.")
    return captions


def _read_jsonl(path: Path) -> Iterator[Row]:
    for number, line in enumerate(read_text(path).split("\n"), 1):
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


def _read_delimited(path: Path) -> Iterator[Row]:
    lines = read_rows(path)
    header = next(lines, None)
    names = [name.casefold() for name in header.fields] if header else []
    if header is None or not set(COLUMNS) <= set(names):
        line = header.number if header else 1
        raise ValueError(f"{path} line {line}: expected is a header with the columns {','.join(COLUMNS)}.")
    image, caption = (names.index(column) for column in COLUMNS)
    for number, fields in lines:
        yield _row(path, number, fields[image], fields[caption])


def _row(path: Path, line: int, image: Any, caption: Any) -> Row:
    if not isinstance(image, str) or not image.strip():
        raise ValueError(f"{path} line {line}: the name of the image is missing.")
    if not isinstance(caption, str) or not caption.strip():
        raise ValueError(
            f"{path} line {line}: the caption of {image} is empty. Write one, or delete the line."
        )
    return Row(line, image.strip(), caption.strip())
