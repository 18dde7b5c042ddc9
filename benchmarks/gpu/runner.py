"""Runs checks in processes of their own, within a time, and goes on past those that fail."""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from benchmarks.gpu.checks import Check, Findings, Outcome

LONGEST_ERROR = 1500  # characters of it that are kept
LEAST_SECONDS = 3.0  # a check with less time than that is not begun


def fork_server() -> ForkServerContext:
    """Return what forks processes from one that has imported torch and us, but has not touched the GPU."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.gpu.preloaded"])
    return context


def run_checks(
    checks: Iterable[Check],
    seconds: float,
    beside: int,
    tell: Callable[[Outcome], None],
    context: ForkServerContext,
) -> None:
    """Run checks in their order, so far as the time goes, and tell what became of each.

    Each has a process of its own: an error of the GPU, after which a process can do nothing any more, ends
    one check.

    Args:
        checks: the first ones matter most.
        seconds: for all of them.
        beside: how many may run at once, of those that need not be alone.
        tell: is told each outcome, in the order in which checks end.
        context: what starts the processes.
    """
    waiting, running = deque(checks), list[_Running]()
    end = time.monotonic() + seconds
    try:
        while waiting or running:
            while waiting and _may_begin(waiting[0], running, beside):
                check = waiting.popleft()
                if end - time.monotonic() < LEAST_SECONDS:
                    tell(Outcome(check.table, check.name, "not reached"))
                else:
                    running.append(_Running.begin(check, end, context))
            if running:
                soonest = min(one.deadline for one in running) - time.monotonic()
                wait([one.receiver for one in running], max(0.0, soonest))
            for one in [one for one in running if one.is_over()]:
                running.remove(one)
                tell(one.outcome())
    finally:
        for one in running:
            one.kill()


def _may_begin(check: Check, running: list[_Running], beside: int) -> bool:
    if not running:
        return True
    return not check.alone and not running[0].check.alone and len(running) < beside


@dataclass
class _Running:
    """A check that is going on."""

    check: Check
    process: BaseProcess
    receiver: Connection
    output: Path
    began: float
    deadline: float

    @classmethod
    def begin(cls, check: Check, end: float, context: Any) -> _Running:
        """Begin a check that is to be over after its seconds, and at the end of all."""
        receiver, sender = context.Pipe(duplex=False)
        handle, name = tempfile.mkstemp(suffix=".log")
        os.close(handle)
        process = context.Process(target=_serve, args=(sender, check, name, dict(os.environ)))
        process.start()
        sender.close()
        now = time.monotonic()
        return cls(check, process, receiver, Path(name), now, min(end, now + check.seconds))

    def is_over(self) -> bool:
        """Whether it has answered, has died or has had its time."""
        return self.receiver.poll() or time.monotonic() >= self.deadline

    def outcome(self) -> Outcome:
        """Return what became of it; its process ends."""
        took = time.monotonic() - self.began
        answer: Any = f"did not end within {took:.0f} s" if not self.receiver.poll() else None
        if answer is None:
            try:
                answer = self.receiver.recv()
            except EOFError:
                self.process.join()
                answer = f"its process died, exit status {self.process.exitcode}"
        self.kill()
        said = self.output.read_text(encoding="utf-8", errors="replace")
        self.output.unlink()
        table, name = self.check.table, self.check.name
        if isinstance(answer, str):
            error = "\n".join(part for part in (said[-LONGEST_ERROR:], answer) if part)
            return Outcome(table, name, "failed", took, error=error[-LONGEST_ERROR:].strip())
        status = "wrong" if answer.wrong else "passed"
        return Outcome(table, name, status, took, answer.facts, answer.wrong)

    def kill(self) -> None:
        """End its process and all that this has begun."""
        with suppress(ProcessLookupError):  # it is over, or has no group of its own yet
            os.killpg(self.process.pid or 0, signal.SIGKILL)
        self.process.kill()
        self.process.join()


def _serve(sender: Connection, check: Check, output: str, environment: dict[str, str]) -> None:
    """Do a check and send what it found, or the error; what is printed meanwhile goes to a file."""
    os.setsid()  # with what it begins, it can be ended
    os.environ.update(environment)  # the fork server's is older
    with open(output, "wb", buffering=0) as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    try:
        found: Findings | str = check.function(**check.arguments)
    except BaseException:
        found = traceback.format_exc()
    sender.send(found)
