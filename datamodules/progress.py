"""The progress bar that slow preparations share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

# Work on fewer items than this is over before a bar could be read.
QUIET_BELOW = 100


@contextmanager
def progress_bar(description: str, total: int) -> Iterator[Callable[[], None]]:
    """Show a Rich progress bar on standard error and yield a thread-safe function that advances it by one.

    Only the first process of a machine shows it, and only where the work is long enough to be watched.

    Args:
        description: what is being done, shown before the bar.
        total: number of items.
    """
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    hidden = total < QUIET_BELOW or os.environ.get("LOCAL_RANK", "0") != "0"
    with Progress(*columns, console=Console(stderr=True), disable=hidden) as bar:
        task = bar.add_task(description, total=total)
        yield lambda: bar.advance(task)


@contextmanager
def byte_bar(description: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show a Rich progress bar of bytes on standard error and yield a function that advances it.

    Args:
        description: what is being fetched, shown before the bar.
        total: number of bytes; None where it is not known.
    """
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn()
    hidden = os.environ.get("LOCAL_RANK", "0") != "0"
    with Progress(*columns, console=Console(stderr=True), disable=hidden) as bar:
        task = bar.add_task(description, total=total)
        yield lambda count: bar.advance(task, count)
