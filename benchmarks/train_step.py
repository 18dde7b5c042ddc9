r"""Times a training step: (a) the paper's in plain PyTorch, (b) our module alone, (c) ours under the Trainer.

    python -m benchmarks.train_step --systems cyclegan dcgan --periods 10 --repeats 3
    python -m benchmarks.train_step --systems dcgan --note compiled --acceleration.compile true

All steps of a system take turns in one process, on the same batches, which come from jpg files through the
data module, with the default callbacks and loggers. Every other argument goes to `fit`, to (b) and (c).
Each repeat is a process of its own. Times are medians over periods, a period being the steps after which
the players' turns repeat; ratios are given with the lowest and highest of the periods. CPU seconds are of
all threads.

`acceleration.keep_memory` is for a whole process, so it helps (a) too where the two take turns. The last
four columns are of processes in which one of them steps alone, the plain one with memory as the system
gives it; peak memory is that of the whole process. `--turns_only` leaves them out.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import torch

from benchmarks.programs import add_systems, command_line, measured_fit, print_header, print_row
from benchmarks.systems import SYSTEMS, write_images

COLUMNS = (
    "system",
    "a: plain s",
    "b: module s",
    "c: Trainer s",
    "a / c (spread)",
    "c / b",
    "CPU s a",
    "CPU s c",
    "images/s c",
    "operators a",
    "GFLOP",
    "share of peak c",
    "a alone s",
    "c alone s",
    "GB a",
    "GB c",
)


def parser() -> argparse.ArgumentParser:
    """Return the program's command line."""
    made = command_line("train_step", __doc__)
    add_systems(made)
    made.add_argument("--periods", type=int, default=10, help="measured in each process, after a warm-up")
    made.add_argument("--warm_up", type=int, default=3, help="periods before those, 1 or more")
    made.add_argument("--repeats", type=int, default=2, help="processes per system")
    made.add_argument("--turns_only", action="store_true", help="measure nobody alone")
    made.add_argument("--note", default="", help="what the other arguments change, shown beside the system")
    return made


def main() -> int:
    """Measure the chosen systems and print one Markdown row each."""
    options, arguments = parser().parse_known_args()
    options.arguments = arguments
    peak = arithmetic_peak()
    print(f"torch {torch.__version__}, {device_name()}, {peak / 1e9:.0f} GFLOP/s in large products\n")
    print_header(*COLUMNS)
    for name in options.systems:
        root = write_images(SYSTEMS[name], options.folder)
        both = [_measured(options, name, root) for _ in range(options.repeats)]
        alone = []
        if not options.turns_only:
            alone = [_alone(options, name, root, steps) for steps in ("plain", "ours")]
        print_row(*_row(name, options.note, both, alone, peak))
    return 0


def _alone(options: argparse.Namespace, system: str, root: Path, steps: str) -> dict[str, Any]:
    """Return what was measured where only the plain program steps, or only ours."""
    if steps == "plain":
        options = argparse.Namespace(**vars(options))
        options.arguments = [*options.arguments, "--acceleration.keep_memory", "false"]
    periods = 1 if SYSTEMS[system].period > 1 else 2
    return _measured(options, system, root, steps=steps, warm_up=1, periods=periods)


def _measured(options: argparse.Namespace, system: str, root: Path, **settings: Any) -> dict[str, Any]:
    """Return what `benchmarks.alternation.Alternation` measured in a process of its own."""
    arguments = [*SYSTEMS[system].fit_arguments(root), *options.arguments]
    settings = {"periods": options.periods, "warm_up": options.warm_up} | settings
    return measured_fit(arguments, "benchmarks.alternation.Alternation", system=system, **settings)


def _row(
    name: str, note: str, runs: Sequence[dict[str, Any]], alone: Sequence[dict[str, Any]], peak: float
) -> list[str]:
    system = SYSTEMS[name]
    rows = [row for run in runs for row in run["rows"]]
    plain, plain_cpu, module, ours, ours_cpu = (
        median(row[key] for row in rows) / system.period
        for key in ("plain", "plain_cpu", "module", "ours", "ours_cpu")
    )
    ratios = [row["plain"] / row["ours"] for row in rows]
    counts = runs[0]["counts"]
    flops = counts["flops"] / system.period
    return [
        f"{name} {note}".strip(),
        f"{plain:.4f}",
        f"{module:.4f}",
        f"{ours:.4f}",
        f"{plain / ours:.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
        f"{ours / module:.3f}",
        f"{plain_cpu:.3f}",
        f"{ours_cpu:.3f}",
        f"{system.images / ours:.1f}",
        f"{counts['plain_operators'] / system.period:.0f}",
        f"{flops / 1e9:.0f}",
        f"{flops / ours / peak:.0%}",
        *_alone_cells(alone, system.period),
    ]


def _alone_cells(alone: Sequence[dict[str, Any]], period: int) -> list[str]:
    """Return the seconds of both alone, and the memory of both."""
    if not alone:
        return [""] * 4
    seconds = [
        median(row[who] for row in run["rows"]) / period
        for who, run in zip(("plain", "ours"), alone, strict=True)
    ]
    return [*(f"{value:.4f}" for value in seconds), *(f"{run['memory'] / 1e9:.2f}" for run in alone)]


def arithmetic_peak(size: int = 2048, seconds: float = 2.0) -> float:
    """Return the float32 operations per second of this device in products of square matrices."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    matrix = torch.randn(size, size, device=device)
    best = 0.0
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        started = time.perf_counter()
        matrix @ matrix
        if device == "cuda":
            torch.cuda.synchronize()
        best = max(best, 2 * size**3 / (time.perf_counter() - started))
    return best


def device_name() -> str:
    """Return the name of the device that `fit` will use."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"CPU, {torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}"


if __name__ == "__main__":
    sys.exit(main())
