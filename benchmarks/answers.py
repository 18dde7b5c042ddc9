"""Seconds until the program answers a person, and how it ends when it is interrupted.

    python -m benchmarks.answers
    python -m benchmarks.answers --beside ../before      # another checkout, such as `git worktree add` makes

Each line is a process of its own, begun --repeats times; the fastest is shown, as seconds of the clock and
of the CPU. `first output` is the first byte on the screen. The quick start is measured to the end of a run of
one step (`end`), with faces that an earlier run has drawn. Then Ctrl-C is sent to quick starts at
--interrupts moments, evenly spread over their first 20 seconds, and exit statuses are counted: 130 is right.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from benchmarks.programs import command_line, print_header, print_row

HERE = Path(__file__).parents[1]
QUICK = ("fit", "--config", "cyclegan", "--logger", "csv")
LINES = {
    "mistyped key": (*QUICK, "--model.blokcs", "3"),
    "wrong value": (*QUICK, "--trainer.max_epochs", "many"),
    "missing folder": (*QUICK, "--data.root", "nowhere"),
    "folder without images": (*QUICK, "--data.folder_A", ".", "--data.folder_B", "."),
    "value out of range": (*QUICK, "--model.ema_decay", "2"),
    "first step": (
        *QUICK,
        "--trainer.max_steps",
        "1",
        "--trainer.limit_val_batches",
        "0",
        "--without",
        "sample_grid",
    ),
}
SPREAD = 20.0


@dataclass(frozen=True)
class Answer:
    """Seconds from the start of a process to its first output and its end, and the CPU seconds it took."""

    first: float
    end: float
    cpu: float


def parser() -> argparse.ArgumentParser:
    """Return the program's command line."""
    made = command_line("answers", __doc__)
    made.add_argument("--beside", type=Path, help="another checkout to measure in turn with this one")
    made.add_argument("--repeats", type=int, default=3, help="processes per line")
    made.add_argument("--interrupts", type=int, default=20, help="processes that are interrupted")
    return made


def main() -> int:
    """Measure all lines, in turn where there are two checkouts, and print a Markdown row each."""
    options = parser().parse_args()
    checkouts = [HERE] if options.beside is None else [options.beside.resolve(), HERE]
    print_header("checkout", "line", "first output s", "end s", "CPU s")
    for line, arguments in LINES.items():
        found: dict[Path, list[Answer]] = {checkout: [] for checkout in checkouts}
        for _ in range(options.repeats):
            for checkout in checkouts:
                found[checkout].append(answer(checkout, arguments))
        for checkout, answers in found.items():
            best = min(answers, key=lambda each: each.end)
            print_row(checkout.name, line, f"{best.first:.2f}", f"{best.end:.2f}", f"{best.cpu:.2f}")
    for checkout in checkouts if options.interrupts else ():
        ends = Counter(
            interrupted(checkout, SPREAD * (number + 1) / options.interrupts)
            for number in range(options.interrupts)
        )
        print_row(
            checkout.name, "Ctrl-C", *(f"{status}: {count} times" for status, count in sorted(ends.items()))
        )
    return 0


def answer(checkout: Path, arguments: tuple[str, ...]) -> Answer:
    """Run a command line in a folder of its own, and return when it answered."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        process = _start(checkout, arguments, folder)
        assert process.stdout is not None
        process.stdout.read(1)
        first = time.perf_counter() - started
        process.stdout.read()
        _, _, used = os.wait4(process.pid, 0)
        return Answer(first, time.perf_counter() - started, used.ru_utime + used.ru_stime)


def interrupted(checkout: Path, seconds: float) -> int:
    """Interrupt a quick start after some seconds, and return its exit status as a shell has it."""
    with tempfile.TemporaryDirectory() as folder:
        process = _start(checkout, QUICK, folder)
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        process.communicate()
        return process.returncode if process.returncode >= 0 else 128 - process.returncode


def _start(checkout: Path, arguments: tuple[str, ...], folder: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(checkout / "train.py"), *arguments]
    environment = os.environ | {"PYTHONPATH": str(checkout)}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0, cwd=folder, env=environment
    )


if __name__ == "__main__":
    sys.exit(main())
