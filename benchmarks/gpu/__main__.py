r"""Checks and measures, within minutes, all that was never run on a GPU; goes on past whatever fails.

    python -m benchmarks.gpu
    python -m benchmarks.gpu --rehearse --variants DCGAN CUT --systems dcgan --minutes 4

Of every variant, at toy size, in fp32 with TF32, in both mixed precisions and under `--config fast`: whether
it trains, the losses of the first step beside those on the CPU in float64 of the same random numbers, whether
it resumes bit for bit on the same GPU, and whether a checkpoint goes to a CPU and back. Then NCCL with one
process through the strategy; whether batches are pinned and copies run beside arithmetic; seconds and memory
of a step as `benchmarks.train_step` measures them; images per second of `predict`; and what takes the most
time. What matters most comes first, and what was not reached in --minutes is listed.

Each check has a process of its own. After each, OUTPUT/gpu.md and OUTPUT/gpu.json hold all that is known.
Without a GPU, or with --rehearse, all is small, on the CPU, and gloo stands for NCCL. It runs under torch
2.11 and Python 3.12 or newer. The exit status is 1 if anything is not as it should be.

Needed beside torch, torchvision, lightning and torchmetrics: jsonargparse[signatures] (with docstring-parser
and typeshed-client), numpy, pillow, imagecodecs, tifffile, rich, filelock, platformdirs, plotly, PyYAML.
Without wandb runs log to a table; without dicebear-core, dicebear-styles or resvg-py images are noise.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.gpu.checks import Outcome

SETTINGS = {
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # products of matrices repeat bit for bit
    "PL_GLOBAL_SEED": "0",
}


def parser() -> argparse.ArgumentParser:
    """Return the program's command line."""
    from benchmarks.gpu.plan import EVERY_SYSTEM, EVERY_VARIANT
    from benchmarks.programs import command_line

    made = command_line("gpu", __doc__)
    made.add_argument("--output", type=Path, default=Path("runs/gpu"), help="folder of the tables")
    made.add_argument("--minutes", type=float, default=8.0, help="for all checks together")
    made.add_argument("--rehearse", action="store_true", help="small and on the CPU, whatever is there")
    made.add_argument("--variants", nargs="*", choices=EVERY_VARIANT, default=EVERY_VARIANT)
    made.add_argument("--systems", nargs="*", choices=EVERY_SYSTEM, default=EVERY_SYSTEM)
    made.add_argument("--beside", type=int, help="checks of variants that run at once")
    return made


def main() -> int:
    """Run all checks; return 1 if anything is not as it should be."""
    began = time.monotonic()
    missing = _missing()
    if missing:
        print(f"These packages are needed and not installed: {', '.join(missing)}.", file=sys.stderr)
        return 2
    options = parser().parse_args()
    if options.rehearse:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    os.environ.update(SETTINGS)
    return _run(options, began)


def _missing() -> list[str]:
    try:
        from benchmarks.gpu.machine import missing_packages
    except ModuleNotFoundError as error:
        return [str(error.name)]
    return missing_packages()


def _run(options: argparse.Namespace, began: float) -> int:
    import torch

    from benchmarks.gpu.plan import Plan
    from benchmarks.gpu.runner import fork_server, run_checks
    from benchmarks.gpu.table import write_tables
    from benchmarks.gpu.toys import write_pictures

    rehearse = options.rehearse or not torch.cuda.is_available()
    what = "rehearsal on a CPU" if rehearse else "GPU"
    heading = f"benchmarks.gpu, {what}, {datetime.now(UTC):%Y-%m-%d %H:%M}, {platform.machine()}"
    plan = Plan(options.output, rehearse, tuple(options.variants), tuple(options.systems))
    write_pictures(plan.pictures)
    outcomes: list[Outcome] = []

    def tell(outcome: Outcome) -> None:
        outcomes.append(outcome)
        print(f"{outcome.status}: {outcome.table}, {outcome.name} ({outcome.seconds:.1f} s)", flush=True)
        write_tables(outcomes, options.output, heading)

    beside = options.beside or max(1, min(8, len(os.sched_getaffinity(0)) // 2))
    left = 60 * options.minutes - (time.monotonic() - began)
    run_checks(plan.checks(), left, beside, tell, fork_server())
    print(f"The tables are in {options.output / 'gpu.md'}.")
    return int(any(outcome.status != "passed" for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
