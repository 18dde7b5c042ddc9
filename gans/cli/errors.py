"""Turns what went wrong into one readable message on stderr and an exit status.

A message is for people when this project raised it on purpose: by a `raise` statement of its own, as data
modules and variants do for missing folders and impossible options. Errors of the operating system and
Lightning's complaints about its options are readable too. Anything else is a bug and keeps its traceback.
"""

from __future__ import annotations

import dis
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

PACKAGES = tuple(str(Path(__file__).parents[2] / name) + os.sep for name in ("gans", "datamodules"))
ON_PURPOSE = (ValueError, ArithmeticError, RuntimeError, TypeError, ImportError)
NEVER_ON_PURPOSE = (NotImplementedError, RecursionError)
DISTRIBUTED = ("DistBackendError", "DistNetworkError", "DistStoreError")  # torch's; gloo has none of its own
NO_MEMORY = "DefaultCPUAllocator:"  # begins what torch says then
LESS_MEMORY = (
    "A smaller --data.batch_size or --data.size needs less memory; in predict --data.tile 512 cuts large "
    "images."
)

INTERRUPTED = 130
TERMINATED = 143


class UsageError(ValueError):
    """A command line or config that makes no sense; the exit status is 2."""


def program() -> str:
    """Return how this program was called, to be used in the commands it suggests."""
    script = sys.argv[0]
    return f"python {script}" if script.endswith(".py") else Path(script).name


def status_of(run: Callable[[], int | None]) -> int:
    """Run a program and return its exit status; what ends it by an exception is reported by `exit_status`."""
    try:
        return run() or 0
    except BaseException as error:
        return exit_status(error)


def exit_status(error: BaseException) -> int:
    """Report the exception that ended the program, and return its exit status.

    Raises:
        BaseException: the error itself, if it is a bug, or if `GANS_DEBUG=1` asks for tracebacks.
    """
    if isinstance(error, KeyboardInterrupt) or isinstance(error.__context__, KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    message = None if os.environ.get("GANS_DEBUG", "0") != "0" else readable(error)
    if message is None:
        raise error
    rank = int(os.environ.get("LOCAL_RANK", "0"))
    sys.stderr.write(f"error: {message}\n" if rank == 0 else f"error in process {rank}: {message}\n")
    return 2 if isinstance(error, UsageError) else 1


def readable(error: BaseException) -> str | None:
    """Return the message of an error that is for people, or None for a bug."""
    for link in _causes(error):
        if type(link).__name__ == "OutOfMemoryError":  # torch's; importing torch here would take seconds
            return f"{str(link).partition('. ')[0]}. {LESS_MEMORY}"
        if NO_MEMORY in str(link):  # of a CPU
            return f"{str(link).rpartition(NO_MEMORY)[2].partition('. ')[0].strip()}. {LESS_MEMORY}"
        if type(link).__name__ in DISTRIBUTED or "gloo/transport" in str(link):
            reason = str(link).splitlines()[0]
            return f"The connection to another process is lost; its own message says more. {reason}"
        from_outside = isinstance(link, OSError) or type(link).__name__ == "MisconfigurationException"
        if from_outside or _on_purpose(link):
            return str(link)
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and those it was raised `from`: jsonargparse wraps what constructors raise."""
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__


def _on_purpose(error: BaseException) -> bool:
    """Tell whether a `raise` statement of this project raised the error."""
    if not isinstance(error, ON_PURPOSE) or isinstance(error, NEVER_ON_PURPOSE):
        return False
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return False
    code = trace.tb_frame.f_code
    raised = code.co_code[trace.tb_lasti] == dis.opmap["RAISE_VARARGS"]
    return raised and code.co_filename.startswith(PACKAGES)
