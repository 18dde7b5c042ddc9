"""Files that are whole or absent, and the folder for what can be made again."""

from __future__ import annotations

import os
from collections.abc import Iterator, Set
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import platformdirs


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
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with errors_naming(path), partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # else a power cut could leave the new name with nothing in it
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def clear_partial(folder: Path, stems: Set[Path]) -> None:
    """Remove what killed processes left of files that they were writing with `written_whole`.

    Args:
        folder: is searched, with its sub-folders.
        stems: paths, without suffixes, of the files that nobody else writes now.
    """
    for partial in folder.rglob(".*.part"):
        name, _, _ = partial.name[1:].rsplit(".", 2)
        if any(partial.with_name(name[:end]) in stems for end, mark in enumerate(name) if mark == "."):
            partial.unlink(missing_ok=True)


def cache_folder() -> Path:
    """Return the folder of what only saves time: `$GANS_CACHE`, or `gans` in the user's cache folder."""
    chosen = os.environ.get("GANS_CACHE")
    return Path(chosen) if chosen else platformdirs.user_cache_path("gans")
