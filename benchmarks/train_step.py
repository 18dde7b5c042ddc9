r"""Times a training step: (a) the paper's in plain PyTorch, (b) our module alone, (c) ours under the Trainer.

    python -m benchmarks.train_step --systems cyclegan dcgan --periods 10 --repeats 3
    python -m benchmarks.train_step --systems dcgan --note compiled --acceleration.compile true
    python -m benchmarks.train_step --systems cyclegan cut

The two programs take turns, on the same batches, which come from jpg files through the data module; ours with
the default callbacks and loggers. Each has a process of its own, because what ours tells its process about
memory and threads would help the plain one too. Every other argument goes to `fit`, to (b) and (c). Times are
medians over periods, a period being the steps after which the players' turns repeat; ratios are given with
the lowest and highest of the periods. CPU seconds are of all threads, peak memory of the whole process.
Below the table each further system is set beside the first, by what (c) takes for a step.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import torch

from benchmarks.plain_process import wait_for
from benchmarks.programs import add_systems, command_line, measured_fit, print_header, print_row
from benchmarks.systems import SYSTEMS, write_images

Runs = Sequence[dict[str, Any]]

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
    made.add_argument("--note", default="", help="what the other arguments change, shown beside the system")
    return made


def main() -> int:
    """Measure the chosen systems and print one Markdown row each."""
    options, arguments = parser().parse_known_args()
    options.arguments = arguments
    peak = arithmetic_peak()
    print(f"torch {torch.__version__}, {device_name()}, {peak / 1e9:.0f} GFLOP/s at best\n")
    print_header(*COLUMNS)
    measured: dict[str, Runs] = {}
    for name in options.systems:
        root = write_images(SYSTEMS[name], options.folder)
        measured[name] = [_measured(options, name, root) for _ in range(options.repeats)]
        print_row(*row(name, options.note, measured[name], peak))
    first, *others = measured
    for name in others:
        print(f"\n{_beside(name, first, measured)}")
    return 0


def _measured(options: argparse.Namespace, system: str, root: Path) -> dict[str, Any]:
    """Return what `benchmarks.alternation.Alternation` measured in a process of its own."""
    arguments = [*SYSTEMS[system].fit_arguments(root), *options.arguments]
    periods = {"periods": options.periods, "warm_up": options.warm_up}
    return measured_fit(arguments, "benchmarks.alternation.Alternation", system=system, **periods)


def row(name: str, note: str, runs: Runs, peak: float) -> list[str]:
    """Return the cells of a system's row, in the order of `COLUMNS`.

    Args:
        name: of the system.
        note: shown beside it.
        runs: what `benchmarks.alternation.Alternation` measured in each process.
        peak: most floating point operations that the device does in a second.
    """
    system = SYSTEMS[name]
    plain, plain_cpu, module, ours, ours_cpu = (
        _of_a_step(name, runs, key) for key in ("plain", "plain_cpu", "module", "ours", "ours_cpu")
    )
    ratios = [row["plain"] / row["ours"] for run in runs for row in run["rows"]]
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
        *(f"{_most(runs, memory) / 1e9:.2f}" for memory in ("plain_memory", "memory")),
    ]


def _of_a_step(name: str, runs: Runs, key: str) -> float:
    """Return the median of what a step of a system takes: seconds, or CPU seconds."""
    taken: float = median(row[key] for run in runs for row in run["rows"])
    return taken / SYSTEMS[name].period


def _most(runs: Runs, memory: str) -> float:
    """Return the peak memory of all processes, in bytes."""
    return max(float(run[memory]) for run in runs)


def _beside(name: str, first: str, measured: dict[str, Runs]) -> str:
    """Return a line on the shares of the first system's time and memory that a system takes, both ours."""
    seconds, cpu = (
        _of_a_step(name, measured[name], key) / _of_a_step(first, measured[first], key)
        for key in ("ours", "ours_cpu")
    )
    memory = _most(measured[name], "memory") / _most(measured[first], "memory")
    return f"{name} / {first}: {seconds:.2f} of the seconds, {cpu:.2f} of the CPU s, {memory:.2f} of the GB"


def arithmetic_peak(seconds: float = 2.0) -> float:
    """Return the most float32 operations per second that this device was seen to do.

    Tried, for so many seconds each, are a product of square matrices and a 3x3 convolution of 256 channels:
    on some devices one is the faster, on some the other.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    matrix = torch.randn(2048, 2048, device=device)
    features = torch.randn(4, 256, 64, 64, device=device)
    layer = torch.nn.Conv2d(256, 256, 3, padding=1, bias=False, device=device)
    with torch.no_grad():
        return max(
            2 * 2048**3 / _fastest(lambda: matrix @ matrix, device, seconds),
            2 * features.numel() * 256 * 9 / _fastest(lambda: layer(features), device, seconds),
        )


def _fastest(function: Callable[[], object], device: torch.device, seconds: float) -> float:
    """Return the seconds of the fastest call among those that so many seconds allow."""
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        started = time.perf_counter()
        function()
        wait_for(device)
        best = min(best, time.perf_counter() - started)
    return best


def device_name() -> str:
    """Return the name of the device that `fit` will use."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"CPU, {torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}"


if __name__ == "__main__":
    sys.exit(main())
