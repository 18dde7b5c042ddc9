"""Files that are whole or absent, and the folder for what can be made again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import platformdirs

LONGEST_NAME = 255
"""Bytes that the name of a file may have on any usual file system."""

LONGEST_MARK = len(".4194304.part")
"""Bytes behind the name of a file while it is being written: Linux counts processes up to that number."""


@contextmanager
def errors_naming(path: Path) -> Iterator[None]:
    """Add the name of a file to the errors of writing it: that the disk is full comes without one."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise


@contextmanager
def written_whole(path: Path) -> Iterator[BinaryIO]:
    """Open a file that appears under its name, replacing an older one, when the block ends without error.

    Readers, and other processes writing the same file, never see half of it.

    Args:
        path: where the file goes; missing folders are made.

    Raises:
        OSError: if the file cannot be written; what was at `path` is still there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    begun = _partial_of(path)
    partial = begun.with_name(f"{begun.name}.{os.getpid()}.part")
    try:
        with errors_naming(path), partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # else a power cut could leave the new name with nothing in it
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def clear_partial(folder: Path, files: Iterable[Path]) -> None:
    """Remove what killed processes left of files that they were writing with `written_whole`.

    Args:
        folder: is searched, with its sub-folders.
        files: those that nobody else writes now.
    """
    begun = {_partial_of(file) for file in files}
    for partial in folder.rglob(".*.part"):
        start, _, _ = partial.name.rsplit(".", 2)
        if partial.with_name(start) in begun:
            partial.unlink(missing_ok=True)


def shortened(name: str, most: int = LONGEST_NAME) -> str:
    """Return the name of a file in at most so many bytes: itself, or its beginning and a checksum."""
    content = os.fsencode(name)
    if len(content) <= most:
        return name
    mark = f"~{hashlib.sha256(content).hexdigest()[:8]}"
    return content[: most - len(mark)].decode(errors="ignore") + mark


def _partial_of(file: Path) -> Path:
    """Return what the names of a file's unfinished copies begin with."""
    return file.with_name(shortened(f".{file.name}", LONGEST_NAME - LONGEST_MARK))


def cache_folder() -> Path:
    """Return the folder of what only saves time: `$GANS_CACHE`, or `gans` in the user's cache folder."""
    chosen = os.environ.get("GANS_CACHE")
    return Path(chosen) if chosen else platformdirs.user_cache_path("gans")
