"""Seconds from the command `fit` to its first batch and to the end of its first step.

    python -m benchmarks.startup --systems cyclegan dcgan
    python -m benchmarks.startup --systems dcgan --acceleration.compile true

Images come from jpg files, which are decoded into the cache before the first batch. `program` is when Python
has imported torch and us, has parsed the arguments and builds the callbacks. Every other argument goes to
`fit`. Each repeat is a process of its own; the fastest is shown. Where the time goes:
`python -X importtime -m gans fit ...`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from benchmarks.programs import (
    add_systems,
    command_line,
    cpu_seconds,
    measured_fit,
    print_header,
    print_row,
)
from benchmarks.systems import SYSTEMS, write_images

COLUMNS = ("system", "program s", "first batch s", "first step s", "CPU s")


class Marks(Callback):
    """Writes when the program, its first batch and its first step were there, in seconds since the epoch.

    Args:
        output: JSON file for the times.
    """

    def __init__(self, output: str) -> None:
        self._output = Path(output)
        self._marks = {"program": time.time()}

    def on_train_batch_start(self, trainer: Trainer, *_: Any) -> None:
        """Note the first batch."""
        self._marks["batch"] = time.time()

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Note the end of the first step, and stop."""
        cpu = trainer.strategy.reduce(torch.tensor(cpu_seconds()), reduce_op="sum")
        self._marks |= {"step": time.time(), "cpu": float(cpu)}
        if trainer.is_global_zero:
            self._output.write_text(json.dumps(self._marks), encoding="utf-8")
        trainer.should_stop = True


def parser() -> argparse.ArgumentParser:
    """Return the program's command line."""
    made = command_line("startup", __doc__)
    add_systems(made)
    made.add_argument("--repeats", type=int, default=2, help="processes per system")
    return made


def main() -> int:
    """Measure the chosen systems and print one Markdown row each."""
    options, arguments = parser().parse_known_args()
    print_header(*COLUMNS)
    for name in options.systems:
        root = write_images(SYSTEMS[name], options.folder)
        runs = [start([*SYSTEMS[name].fit_arguments(root), *arguments]) for _ in range(options.repeats)]
        fastest = min(runs, key=lambda run: run["step"])
        print_row(name, *(f"{fastest[mark]:.1f}" for mark in ("program", "batch", "step", "cpu")))
    return 0


def start(arguments: list[str]) -> dict[str, float]:
    """Run one step, and return the seconds from the command to each mark, and the CPU seconds of it all."""
    started = time.time()
    limits = ["--trainer.max_steps", "1", "--trainer.limit_val_batches", "0"]
    marks = measured_fit([*arguments, *limits], "benchmarks.startup.Marks")
    return {mark: when - (0 if mark == "cpu" else started) for mark, when in marks.items()}


if __name__ == "__main__":
    sys.exit(main())
