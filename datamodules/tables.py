"""Tables in text files as spreadsheets and people write them: encodings, separators, quotes, line ends."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

from datamodules.listing import composed

DELIMITED = (".csv", ".tsv")
"""Suffixes of tables whose columns are parted by commas, semicolons or tabs."""

SEPARATORS = ",;\t"

_MARKS = (  # the longer ones first: UTF-32's begins with UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)


class Line(NamedTuple):
    """A row of a table, and the line of the file that it begins in, counted from 1."""

    number: int
    fields: list[str]


def read_text(path: Path, errors: Literal["strict", "replace"] = "strict") -> str:
    """Read a text in UTF-8, or in UTF-16 or UTF-32 as spreadsheets save it; line ends are made one.

    Args:
        path: of the file.
        errors: whether bytes that are no text are an error or become question marks.

    Raises:
        ValueError: it is in another encoding; names the file and the line.
    """
    content = path.read_bytes()
    encoding = _encoding_of(content)
    try:
        text = content.decode(encoding, errors)
    except UnicodeDecodeError as error:
        before = content[: error.start].decode(encoding, errors="replace")
        line, name = len(_lines(before + "x")), encoding.removesuffix("-sig").upper()
        bad = content[error.start : error.start + 1].hex()
        raise ValueError(
            f"{path} line {line} is not {name}: it has the byte {bad}. Save the file as UTF-8."
        ) from error
    return "\n".join(_lines(text))


def read_rows(path: Path) -> Iterator[Line]:
    """Read the rows of a table, its header first; rows without content are left out.

    Columns are parted by commas, semicolons or tabs, whichever part the header most. Fields may be in quotes,
    and are stripped of blanks around them. Empty columns behind the last of the header count for nothing.

    Raises:
        ValueError: the file is in an unknown encoding, a quote is not closed, or a row has more or fewer
            columns than the header; names the file and the line.
    """
    text = read_text(path)
    first, _, rest = text.partition("\n")
    offset = 0
    if first.casefold().startswith("sep=") and len(first) == len("sep=") + 1:  # Excel's note to itself
        separator, text, offset = first[-1], rest, 1
    else:
        header = next((line for line in text.splitlines() if line.strip(SEPARATORS + " ")), "")
        separator = max(SEPARATORS, key=lambda mark: len(next(csv.reader([header], delimiter=mark), [])))
    columns = 0
    for number, fields in _parsed(text, separator, path, offset):
        while fields and not fields[-1] and len(fields) > columns:
            fields.pop()
        if not any(fields):
            continue
        columns = columns or len(fields)
        if len(fields) != columns:
            mark = {"\t": "tab"}.get(separator, separator)
            raise ValueError(
                f"{path} line {number}: {len(fields)} columns, and the header has {columns}, parted by "
                f'{mark}. Put text with {mark} into "quotes".'
            )
        yield Line(number, fields)


def entry_of(name: str) -> str:
    r"""Return the name of a file as tables and folders have in common: `a/1.jpg` for `.\a\1.jpg`."""
    return composed(PurePosixPath(name.strip().replace("\\", "/")).as_posix())


def _parsed(text: str, separator: str, path: Path, offset: int) -> Iterator[Line]:
    ends = rf"[\n{re.escape(separator)}]"
    quoted = rf'(^|{ends}) *("(?:[^"]|"")*") *(?={ends}|\Z)'
    unpadded = re.sub(quoted, r"\1\2", text)  # Python's reader takes no blanks around quotes
    reader = csv.reader(io.StringIO(unpadded), delimiter=separator, strict=True)
    begins = offset + 1
    try:
        for row in reader:
            yield Line(begins, [field.strip() for field in row])
            begins = offset + reader.line_num + 1
    except csv.Error as error:
        raise ValueError(f"{path} line {begins}: {error}. Close or double the quotes there.") from error


def _encoding_of(content: bytes) -> str:
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return encoding
    if b"\0" in content[:2]:  # a letter of two bytes, without the mark that tells their order
        return "utf-16-be" if content[0] == 0 else "utf-16-le"
    return "utf-8"


def _lines(text: str) -> list[str]:
    """Split at the line ends of all systems, and not at the separators of Unicode, which may be in a text."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
