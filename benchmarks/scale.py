"""Seconds and peak memory of a training step against image size and batch, as is and with recomputation.

    python -m benchmarks.scale --sizes 128 256 512 1024 --batches 1
    python -m benchmarks.scale --model Pix2Pix --sizes 256 --batches 1 2 4

Every row is a process of its own: our module under the Trainer, on images of noise that stay in memory. The
time is the last step's; peak memory is the whole process's on a CPU (half a gigabyte of it is Python and
torch), and what torch had allocated on a GPU. `recomputed` is `acceleration.gradient_checkpointing`. What
would take more memory than `--gigabytes` is not run to its end and says so.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import resource
import sys
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import product
from typing import Any, NamedTuple

import lightning as L
import torch
from torch.utils.data import DataLoader

import gans
from benchmarks.programs import command_line, print_header, print_row
from datamodules.paired.batches import PairedBatch
from datamodules.unpaired.batches import UnpairedBatch
from gans.training.acceleration import Acceleration

COLUMNS = ("model", "image size", "batch", "recomputed", "s per step", "GB at the peak")
BATCHES = {"CycleGAN": UnpairedBatch, "Pix2Pix": PairedBatch}


class Case(NamedTuple):
    """One row to be measured: class of the model, image size in pixels, images per batch, and how."""

    model: str
    size: int
    batch: int
    recomputed: bool
    steps: int = 2
    gigabytes: float = 16.0


def parser() -> argparse.ArgumentParser:
    """Return the program's command line."""
    made = command_line("scale", __doc__)
    made.add_argument("--model", choices=BATCHES, default="CycleGAN")
    made.add_argument("--sizes", nargs="+", type=int, default=[128, 256, 512, 1024])
    made.add_argument("--batches", nargs="+", type=int, default=[1, 2, 4])
    made.add_argument("--steps", type=int, default=2, help="of which the last is timed")
    made.add_argument("--gigabytes", type=float, default=16.0, help="that a process may take on a CPU")
    return made


def main() -> int:
    """Measure the chosen sizes and print one Markdown row each."""
    options = parser().parse_args()
    print_header(*COLUMNS)
    for size, batch, recomputed in product(options.sizes, options.batches, (False, True)):
        case = Case(options.model, size, batch, recomputed, options.steps, options.gigabytes)
        measured = measure_apart(case)
        figures = ("", f"over {options.gigabytes:g}")
        if measured is not None:
            figures = f"{measured[0]:.2f}", f"{measured[1]:.2f}"
        print_row(case.model, str(size), str(batch), "yes" if recomputed else "no", *figures)
    return 0


def measure_apart(case: Case) -> tuple[float, float] | None:
    """Measure in a process of its own, see `measure`; None where the memory did not suffice."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        try:
            return pool.submit(_measure_within, case).result()
        except BrokenProcessPool:  # some threads abort where there is no memory
            return None


def _measure_within(case: Case) -> tuple[float, float] | None:
    """Measure with no more memory than the case allows, without what Lightning says meanwhile."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")
    if not torch.cuda.is_available():
        limit = int(case.gigabytes * 1e9)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    try:
        return measure(case)
    except MemoryError:
        return None
    except RuntimeError as error:  # what torch raises instead
        if "memory" not in str(error):
            raise
        return None


def measure(case: Case) -> tuple[float, float]:
    """Train for the case's steps; return the seconds of the last one and the peak memory in gigabytes."""
    model = getattr(gans, case.model)(image_size=case.size)
    images = torch.rand(2, case.batch, 3, case.size, case.size) * 2 - 1
    batch = BATCHES[case.model](images[0], images[1])
    steps = _StepTimes()
    trainer = L.Trainer(
        max_steps=case.steps,
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[Acceleration(gradient_checkpointing=case.recomputed), steps],
    )
    batches: Any = [batch] * case.steps  # a list is all that a loader needs of a data set
    trainer.fit(model, DataLoader(batches, batch_size=None))
    if torch.cuda.is_available():
        return steps.last, torch.cuda.max_memory_allocated() / 1e9
    return steps.last, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


class _StepTimes(L.Callback):
    """Times the last step."""

    last = 0.0

    def on_train_batch_start(self, trainer: L.Trainer, *_: Any) -> None:
        self._started = _now()

    def on_train_batch_end(self, trainer: L.Trainer, *_: Any) -> None:
        self.last = _now() - self._started


def _now() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


if __name__ == "__main__":
    sys.exit(main())
