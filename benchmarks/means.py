"""What each means of speed gives, one at a time: CPU seconds of a step of ours with it and without it.

    python -m benchmarks.means --systems dcgan stargan_b4 --periods 4

A means that is on is left out of an otherwise unchanged step, one that is off is added to it; each step has a
process of its own, under the Trainer as in `benchmarks.train_step`. CPU seconds, of all threads, are
compared, because they depend least on what else the machine did meanwhile. Every other argument goes to
`fit`.
"""

from __future__ import annotations

import argparse
import sys
from statistics import median
from typing import NamedTuple

from benchmarks.programs import add_systems, command_line, measured_fit, print_header, print_row
from benchmarks.systems import SYSTEMS, write_images

COLUMNS = ("system", "means", "CPU s with it", "CPU s without", "gives")


class Means(NamedTuple):
    """One means of speed.

    Attributes:
        name: in the table.
        arguments: of `fit`, that turn it off or on.
        undo: key of `benchmarks.undo.UNDO`, for what is no argument.
        by_default: whether it is on.
        systems: those which it concerns; by default all.
    """

    name: str
    arguments: tuple[str, ...] = ()
    undo: str | None = None
    by_default: bool = True
    systems: tuple[str, ...] = tuple(SYSTEMS)


BFLOAT16 = ("--trainer.precision", "bf16-mixed")
COMPILED = ("--acceleration.compile", "true")
STARGAN = tuple(name for name in SYSTEMS if name.startswith("stargan"))

MEANS = (
    Means("memory kept", ("--acceleration.keep_memory", "false")),
    Means("fused Adam", undo="fused_adam"),
    Means("judges without gradients", undo="judges_without_gradients"),
    Means("resting generator without graph", undo="resting_without_graph", systems=STARGAN),
    Means("penalties without zeros", undo="penalties_without_zeros", systems=STARGAN),
    Means("joined forwards", undo="joined_forwards", systems=("cyclegan", "cut")),  # others have batch norm
    Means("channels last", ("--acceleration.channels_last", "true"), by_default=False),
    Means("compile", COMPILED, by_default=False),
    Means("bfloat16", BFLOAT16, by_default=False),
    Means("bfloat16, compile", (*BFLOAT16, *COMPILED), by_default=False),
    Means("gradient checkpointing", ("--acceleration.gradient_checkpointing", "true"), by_default=False),
)


def parser() -> argparse.ArgumentParser:
    """Return the program's command line."""
    made = command_line("means", __doc__)
    add_systems(made)
    made.add_argument("--means", nargs="+", choices=[means.name for means in MEANS], help="by default all")
    made.add_argument("--periods", type=int, default=4, help="measured in each process, after a warm-up")
    made.add_argument("--warm_up", type=int, default=2, help="periods before those, 1 or more")
    return made


def main() -> int:
    """Measure the chosen means of the chosen systems and print one Markdown row each."""
    options, arguments = parser().parse_known_args()
    print_header(*COLUMNS)
    for name in options.systems:
        usual = measure(name, options, arguments)
        for means in MEANS:
            if name not in means.systems or means.name not in (options.means or [means.name]):
                continue
            changed = measure(name, options, [*arguments, *means.arguments], means.undo)
            having, lacking = (usual, changed) if means.by_default else (changed, usual)
            print_row(name, means.name, f"{having:.3f}", f"{lacking:.3f}", f"{lacking / having:.2f}")
    return 0


def measure(name: str, options: argparse.Namespace, arguments: list[str], undo: str | None = None) -> float:
    """Return the CPU seconds of a step of a system with these arguments of `fit`."""
    system = SYSTEMS[name]
    rows = measured_fit(
        [*system.fit_arguments(write_images(system, options.folder)), *arguments],
        "benchmarks.alternation.Alternation",
        system=name,
        plain=False,
        periods=options.periods,
        warm_up=options.warm_up,
        **({"undo": undo} if undo else {}),
    )["rows"]
    cpu: float = median(row["ours_cpu"] for row in rows)
    return cpu / system.period


if __name__ == "__main__":
    sys.exit(main())
