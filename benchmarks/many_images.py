"""Seconds and memory of starts over many small images: decoded in each process, stored, found in the store.

    python -m benchmarks.many_images --images 200000
    python -m benchmarks.many_images --images 20000 --processes 1 2 4

`start` is `fit` of DCGAN at 32 pixels up to the end of its first step: without a store, with an empty one and
with a filled one; CPU seconds are of all its processes and of those that decode. `memory` is processes
that have looked at every image to train on: each one's proportional set size, in which what several share
counts by parts, and what all take together. Files of 48 pixels are made once, below `--folder`.
"""

from __future__ import annotations

import argparse
import functools
import multiprocessing
import os
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.synchronize import Barrier
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.programs import command_line, print_header, print_row
from benchmarks.startup import start
from datamodules import Images

SIDE, TRAINED = 48, 32
IN_A_FOLDER = 1000
CASES = {"none": 0, "empty": 20, "filled": 20}
"""State of the store -> gigabytes that it may take."""
_barrier: Barrier


def parser() -> argparse.ArgumentParser:
    """Return the program's command line."""
    made = command_line("many_images", __doc__)
    made.add_argument("--images", type=int, default=200000)
    made.add_argument("--processes", nargs="+", type=int, default=[1, 2])
    made.add_argument("--folder", type=Path, default=Path("runs/benchmarks"), help="of the images")
    return made


def main() -> int:
    """Measure and print two Markdown tables."""
    options = parser().parse_args()
    root = write_noise(options.folder, options.images)
    print_header("start: store", "processes", "first batch s", "first step s", "CPU s")
    for processes in options.processes:
        with tempfile.TemporaryDirectory() as cache:
            os.environ["GANS_CACHE"] = cache
            for case, gigabytes in CASES.items():
                marks = start(_arguments(root, gigabytes, processes))
                figures = (f"{marks[mark]:.1f}" for mark in ("batch", "step", "cpu"))
                print_row(case, str(processes), *figures)
    print()
    print_header("memory: store", "processes", "GB of each", "GB together")
    with tempfile.TemporaryDirectory() as cache:
        os.environ["GANS_CACHE"] = cache
        for processes in options.processes:
            for case in ("none", "filled"):
                sizes = memory(root, CASES[case], processes)
                each = ", ".join(f"{size / 1e9:.2f}" for size in sizes)
                print_row(case, str(processes), each, f"{sum(sizes) / 1e9:.2f}")
    return 0


def write_noise(folder: Path, count: int) -> Path:
    """Write so many small jpg files, each with other pixels, once, and return their root."""
    root = folder / f"many_{count}"
    if root.exists():
        return root
    begun = root.with_name(f".{root.name}.part")
    with ProcessPoolExecutor() as pool:
        list(pool.map(functools.partial(_write_part, begun, count), range(0, count, IN_A_FOLDER)))
    begun.rename(root)
    return root


def _write_part(root: Path, count: int, first: int) -> None:
    folder = root / f"{first // IN_A_FOLDER:05d}"
    folder.mkdir(parents=True, exist_ok=True)
    draws = np.random.default_rng(first)
    for number in range(first, min(count, first + IN_A_FOLDER)):
        coarse = Image.fromarray(draws.integers(0, 256, (6, 6, 3), dtype=np.uint8))
        coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(folder / f"{number:08d}.jpg", quality=90)


def _arguments(root: Path, gigabytes: int, processes: int) -> list[str]:
    data = {"folder": root, "size": TRAINED, "batch_size": 16, "store_gigabytes": gigabytes}
    words = ["--model", "DCGAN", "--data", "Images", "--trainer.devices", str(processes)]
    for argument, value in data.items():
        words += [f"--data.{argument}", str(value)]
    return [*words, "--trainer.accelerator", "cpu", "--logger", "csv"]


def memory(root: Path, gigabytes: int, processes: int) -> list[int]:
    """Return the bytes of each of so many processes that have looked at every image, while all live."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(processes)
    with ProcessPoolExecutor(processes, context, _meet_at, (barrier,)) as pool:
        return list(pool.map(_look, [str(root)] * processes, [gigabytes] * processes))


def _meet_at(barrier: Barrier) -> None:
    """Note in a process where it waits for the others."""
    global _barrier
    _barrier = barrier


def _look(root: str, gigabytes: int) -> int:
    data = Images(folder=root, size=TRAINED, store_gigabytes=gigabytes)
    images = data.train_dataloader().batches.labelled.images
    for index in range(len(images)):
        images[index].sum()
    _barrier.wait()
    size = proportional_size()
    _barrier.wait()  # until all have looked, none may end
    return size


def proportional_size() -> int:
    """Return the bytes of this process; of what several map each has its part."""
    lines = Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines()
    (kilobytes,) = (line.split()[1] for line in lines if line.startswith("Pss:"))
    return 1024 * int(kilobytes)


if __name__ == "__main__":
    sys.exit(main())
