"""Bars at the terminal, one below the other, drawn in one place."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich import get_console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Column

WIDTH = 24
"""Characters of a bar: what stands behind it is to have room in a terminal of 100."""


class Bars:
    """Bars by name, which stay on the screen as they are when closed.

    They are drawn by a thread of their own from texts and counts: it never waits for a device.

    Args:
        refresh_rate: redraws per second; 0 shows nothing.
    """

    def __init__(self, refresh_rate: int) -> None:
        self.hidden = refresh_rate <= 0
        self._refresh_rate = max(refresh_rate, 1)
        self._progress: Progress | None = None
        self._tasks: dict[str, TaskID] = {}

    def show(self, name: str, description: str, total: int | None, completed: int = 0) -> None:
        """Show a bar at its beginning.

        Args:
            name: by which it is moved and hidden.
            description: what stands before it.
            total: number of items; None where there is no end.
            completed: items that are done.
        """
        if self.hidden:
            return
        if self._progress is None:
            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(WIDTH),
                MofNCompleteColumn(),
                TextColumn("{task.fields[left]}"),
                # What has no room is cut: a bar of two lines leaves its second line behind.
                TextColumn("{task.fields[numbers]}", table_column=Column(no_wrap=True, overflow="ellipsis")),
                console=get_console(),
                refresh_per_second=self._refresh_rate,
            )
            self._progress.start()
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(
                description, total=total, completed=completed, left="", numbers=""
            )
        else:
            self._progress.update(
                self._tasks[name], description=description, total=total, completed=completed
            )

    def move(self, name: str, completed: int | None = None) -> None:
        """Set a bar to so many items, or one on."""
        if self._progress is None or name not in self._tasks:
            return
        if completed is None:
            self._progress.advance(self._tasks[name])
        else:
            self._progress.update(self._tasks[name], completed=completed)

    def tell(self, name: str, left: str, numbers: str) -> None:
        """Change the texts behind a bar."""
        if self._progress is not None and name in self._tasks:
            self._progress.update(self._tasks[name], left=left, numbers=numbers)

    def hide(self, name: str) -> None:
        """Take a bar away."""
        if self._progress is not None and name in self._tasks:
            self._progress.remove_task(self._tasks.pop(name))

    def close(self) -> None:
        """Draw the bars a last time; they stay on the screen."""
        if self._progress is not None:
            self._progress.stop()
        self._progress = None
        self._tasks = {}


def whole(counts: float | Sequence[float]) -> int | None:
    """Return the number of batches of one loader or of all; None where one has no end."""
    total = sum(counts) if isinstance(counts, Sequence) else counts
    return int(total) if math.isfinite(total) else None
