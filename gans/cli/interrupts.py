"""Ctrl-C and SIGTERM before there is anything to save: the process ends at once, with 130 and 143.

Python's own answer to Ctrl-C is an exception in whatever runs. In the seconds in which torch is imported that
may be C++ code, which ends with `terminate called` and status 134, or a library that takes it for a missing
package and goes on. So until the run is opened these signals end the process where it stands; afterwards
Lightning and `gans.training.interruption` answer them.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

OF_SHELLS = 128
"""What a shell adds to the number of the signal that ended a process."""

_DEFAULTS = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
_endings: list[Callable[[], None]] = []
_opened = False


def end_at_once() -> None:
    """Let SIGINT and SIGTERM end the process at once; where a caller has them ignored, as nohup does, not."""
    for number, default in _DEFAULTS.items():
        if signal.getsignal(number) == default:
            signal.signal(number, _end)


def before_the_end(ending: Callable[[], None]) -> None:
    """Call `ending` before a signal ends the process: it ends other processes."""
    _endings.append(ending)


def hand_over() -> None:
    """Let the signals be exceptions from now on: the run is open, and what is open wants to be closed."""
    global _opened
    _opened = True


def leave(status: int) -> None:
    """End the process with a status, without the end of Python: threads of C++ may not survive that."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(status)


def _end(number: int, frame: FrameType | None) -> None:
    if not _opened:
        for ending in _endings:
            ending()
        leave(OF_SHELLS + number)
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(OF_SHELLS + number)
