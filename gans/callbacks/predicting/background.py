"""Pictures are written in threads, while the model makes the next ones."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

MOST_BYTES = 64 * 2**20
"""Of pictures that wait to be written: those above it are waited for, larger ones written at once."""
MOST_THREADS = 8


class Background:
    """Does what it is given in threads, in bounded memory; compressing and writing let others compute.

    What goes wrong there is raised here, by the next call of `do` or `finish`.
    """

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._waiting: deque[tuple[Future[None], int]] = deque()

    def do(self, work: Callable[[], None], size: int) -> None:
        """Do some work, now or soon.

        Args:
            work: what is to be done.
            size: bytes that it holds on to.
        """
        while self._waiting and (self._waiting[0][0].done() or self._held() + size > MOST_BYTES):
            self._waiting.popleft()[0].result()
        if size > MOST_BYTES:
            work()
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(min(MOST_THREADS, os.cpu_count() or 1))
        self._waiting.append((self._pool.submit(work), size))

    def finish(self) -> None:
        """Wait until all is done."""
        try:
            while self._waiting:
                self._waiting.popleft()[0].result()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Leave out what has not begun, and wait for what has."""
        self._waiting.clear()
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def _held(self) -> int:
        return sum(size for _, size in self._waiting)
