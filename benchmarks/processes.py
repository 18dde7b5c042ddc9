"""What a step costs in two processes that average their gradients by gloo on the CPU, against one process.

    python -m benchmarks.processes --systems dcgan pix2pix --periods 5

The batch of all processes together is the same in both rows of a system: one process takes all of it, or each
of two takes half; so is the maths, up to the statistics of batch norm. Systems of one image take two. The
threads of the machine are shared out. `ratio` is the seconds of one process over those of two. Every other
argument goes to `fit`.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from statistics import median

from benchmarks.programs import add_systems, command_line, measured_fit, print_header, print_row
from benchmarks.systems import SYSTEMS, System, write_images

COLUMNS = ("system", "processes", "batch of each", "s per step", "ratio", "CPU s of the first")


def parser() -> argparse.ArgumentParser:
    """Return the program's command line."""
    made = command_line("processes", __doc__)
    add_systems(made, default=("dcgan", "pix2pix"))
    made.add_argument("--periods", type=int, default=5, help="measured, after a warm-up")
    made.add_argument("--warm_up", type=int, default=2, help="periods before those")
    return made


def main() -> int:
    """Measure the chosen systems and print two Markdown rows each."""
    options, arguments = parser().parse_known_args()
    print_header(*COLUMNS)
    for name in options.systems:
        alone = None
        for processes in (1, 2):
            system = shared_out(SYSTEMS[name], processes)
            wall, cpu = _measured(name, system, processes, options, arguments)
            alone = alone or wall
            figures = f"{wall:.3f}", f"{alone / wall:.2f}", f"{cpu:.3f}"
            print_row(name, str(processes), str(system.batch_size), *figures)
    return 0


def shared_out(system: System, processes: int) -> System:
    """Return the system with the batch that each process takes: of an even number of images altogether."""
    together = max(system.batch_size, 2)
    return replace(system, batch_size=together // processes)


def _measured(
    name: str, system: System, processes: int, options: argparse.Namespace, arguments: list[str]
) -> tuple[float, float]:
    """Return the seconds of a step, and the first process's CPU seconds."""
    root = write_images(system, options.folder)
    devices = ["--trainer.accelerator", "cpu", "--trainer.devices", str(processes)]
    rows = measured_fit(
        [*system.fit_arguments(root), *devices, *arguments],
        "benchmarks.alternation.Alternation",
        system=name,
        plain=False,
        periods=options.periods,
        warm_up=options.warm_up,
    )["rows"]
    wall, cpu = (median(row[key] for row in rows) / system.period for key in ("ours", "ours_cpu"))
    return wall, cpu


if __name__ == "__main__":
    sys.exit(main())
