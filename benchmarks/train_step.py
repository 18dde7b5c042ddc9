r"""Times a training step: (a) the paper's in plain PyTorch, (b) our module alone, (c) ours under the Trainer.

    python -m benchmarks.train_step --systems cyclegan dcgan --periods 10 --repeats 3
    python -m benchmarks.train_step --systems dcgan --note compiled --model.compile true

All steps of a system take turns in one process, on the same batches, which come from jpg files through the
data module, with the default callbacks and loggers. Every other argument goes to `fit`, to (b) and (c).
Each repeat is a process of its own. Times are medians over periods, a period being the steps after which
the players' turns repeat; ratios are given with the lowest and highest of the repeats. CPU seconds are of
all threads. Peak memory is that of processes in which one of them steps alone.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import torch

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
    "GB a",
    "GB c",
)


def main() -> int:
    """Measure the chosen systems and print one Markdown row each."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks.train_step",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=list(SYSTEMS))
    parser.add_argument("--periods", type=int, default=10, help="measured in each process, after a warm-up")
    parser.add_argument("--repeats", type=int, default=2, help="processes per system")
    parser.add_argument("--folder", type=Path, default=Path("runs/benchmarks"), help="of the images")
    parser.add_argument("--note", default="", help="what the other arguments change, shown beside the system")
    options, arguments = parser.parse_known_args()
    peak = arithmetic_peak()
    print(f"torch {torch.__version__}, {device_name()}, {peak / 1e9:.0f} GFLOP/s in large products")
    print(f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|")
    for name in options.systems:
        root = write_images(SYSTEMS[name], options.folder)
        both = [_fit(name, root, options.periods, "both", arguments) for _ in range(options.repeats)]
        alone = {steps: _fit(name, root, 1, steps, arguments)["memory"] / 1e9 for steps in ("plain", "ours")}
        print(f"| {' | '.join(_row(name, options.note, both, alone, peak))} |", flush=True)
    return 0


def _fit(name: str, root: Path, periods: int, steps: str, arguments: Sequence[str]) -> dict[str, Any]:
    """Run `fit` with `benchmarks.alternation.Alternation` and return what it wrote."""
    system = SYSTEMS[name]
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "measured.json")
        command = [
            *(sys.executable, "train.py", "fit", *system.model, *system.data),
            *(system.folder_option, str(root), "--data.size", str(system.size)),
            *("--runs", folder, "--name", name, "--trainer.max_epochs", "100000", *arguments),
            "--trainer.callbacks+=benchmarks.alternation.Alternation",
            *("--trainer.callbacks.system", name, "--trainer.callbacks.periods", str(periods)),
            *("--trainer.callbacks.steps", steps, "--trainer.callbacks.output", str(output)),
        ]
        finished = subprocess.run(command, capture_output=True, text=True, check=False)
        if not output.exists():
            raise SystemExit(f"{' '.join(command)}\n{finished.stdout[-2000:]}\n{finished.stderr[-4000:]}")
        measured: dict[str, Any] = json.loads(output.read_text())
    return measured


def _row(
    name: str, note: str, runs: Sequence[dict[str, Any]], alone: dict[str, float], peak: float
) -> list[str]:
    system = SYSTEMS[name]
    rows = [row for run in runs for row in run["rows"]]
    plain, plain_cpu, module, ours, ours_cpu = (
        median(row[key] for row in rows) / system.period
        for key in ("plain", "plain_cpu", "module", "ours", "ours_cpu")
    )
    ratios = [
        median(r["plain"] for r in run["rows"]) / median(r["ours"] for r in run["rows"]) for run in runs
    ]
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
        f"{alone['plain']:.2f}",
        f"{alone['ours']:.2f}",
    ]


def _median(run: dict[str, Any], key: str) -> float:
    middle: float = median(row[key] for row in run["rows"])
    return middle


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
