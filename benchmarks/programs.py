"""What the programs share: their command lines and tables, and `fit` in a process of its own, measured."""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.systems import ON_A_CPU, SYSTEMS
from gans.tools import command_line as tools

TRAIN = Path(__file__).parents[1] / "train.py"


def command_line(name: str, description: str | None) -> argparse.ArgumentParser:
    """Return the parser of a program here, `name` being its module's."""
    return tools.command_line(f"benchmarks.{name}", description)


def add_systems(parser: argparse.ArgumentParser, default: Sequence[str] = ON_A_CPU) -> None:
    """Add the choice of systems, and the folder of their images."""
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=default)
    parser.add_argument("--folder", type=Path, default=Path("runs/benchmarks"), help="of the images")


def measured_fit(arguments: Sequence[str], callback: str, **options: Any) -> dict[str, Any]:
    """Train until the callback says stop, and return what it wrote.

    Args:
        arguments: of the command line, without `fit`.
        callback: path of its class, which takes `output`, the JSON file to write.
        **options: its other arguments.

    Raises:
        SystemExit: with the end of what `fit` printed, if nothing was written.
    """
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "measured.json")
        command = [
            *(sys.executable, str(TRAIN), "fit", *arguments),
            *("--runs", folder, "--name", "benchmark", "--trainer.max_epochs", "100000"),
            f"--trainer.callbacks+={callback}",
        ]
        for name, value in {**options, "output": output}.items():
            command += [f"--trainer.callbacks.{name}", str(value)]
        finished = subprocess.run(command, capture_output=True, text=True, check=False)
        if not output.exists():
            raise SystemExit(f"{' '.join(command)}\n{finished.stdout[-2000:]}\n{finished.stderr[-4000:]}")
        measured: dict[str, Any] = json.loads(output.read_text(encoding="utf-8"))
    return measured


def cpu_seconds() -> float:
    """Return the CPU seconds of this process and of those that it started and that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def print_row(*cells: str) -> None:
    """Print one row of a Markdown table as soon as it is known."""
    print(f"| {' | '.join(cells)} |", flush=True)


def print_header(*columns: str) -> None:
    """Print the first two lines of a Markdown table."""
    print_row(*columns)
    print(f"{'|---' * len(columns)}|")
