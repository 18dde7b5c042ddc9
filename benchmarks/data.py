"""Images per second that data modules deliver, from jpg files and from the cache, beside those a step takes.

    python -m benchmarks.data --workers 0 2
    python -m benchmarks.data --systems dcgan --step_rate dcgan=85

`jpg` decodes every image whenever it is needed (`cache_gigabytes: 0`); `cache` holds the decoded images as
uint8 in memory, which the row `into the cache` reads once, without a store on disk. Delivered means cut,
mirrored and scaled to float on the device. Without `--step_rate` the images per second that our step takes
are measured here, over one period of steps. CPU seconds are of all processes and threads; with workers they
hold the start of these too.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

import torch
from lightning.fabric.utilities import move_data_to_device

from benchmarks.programs import (
    add_systems,
    command_line,
    cpu_seconds,
    measured_fit,
    print_header,
    print_row,
)
from benchmarks.systems import SYSTEMS, System, write_images
from datamodules.base import ImageDataModule

COLUMNS = ("system", "source", "workers", "images/s", "step takes images/s", "ratio", "CPU ms per image")
SOURCES = {"jpg": 0.0, "cache": 2.0}  # and the gigabytes that decoded images may take


class Delivery(NamedTuple):
    """How fast images come: their number per second, and CPU seconds for each."""

    rate: float
    cpu: float


def parser() -> argparse.ArgumentParser:
    """Return the program's command line."""
    made = command_line("data", __doc__)
    add_systems(made)
    made.add_argument("--workers", nargs="+", type=int, default=[0, 2])
    made.add_argument("--seconds", type=float, default=5.0, help="to measure for each row")
    made.add_argument("--step_rate", nargs="+", default=[], help="NAME=IMAGES_PER_SECOND, as in train_step")
    return made


def main() -> int:
    """Measure the chosen systems and print Markdown rows."""
    options = parser().parse_args()
    step_rates = {name: float(rate) for name, _, rate in (pair.partition("=") for pair in options.step_rate)}
    print_header(*COLUMNS)
    for name in options.systems:
        system = SYSTEMS[name]
        root = write_images(system, options.folder)
        needed = step_rates.get(name) or measured_step_rate(name, root)
        reading = reading_into_cache(system, root)
        print_row(name, "into the cache", "", f"{reading.rate:.0f}", "", "", f"{1e3 * reading.cpu:.2f}")
        for source, gigabytes in SOURCES.items():
            for workers in options.workers:
                data = system.data_module(root, workers=workers, cache_gigabytes=gigabytes, store_gigabytes=0)
                found = delivery(data, system.images, options.seconds)
                figures = f"{found.rate:.0f}", f"{needed:.1f}", f"{found.rate / needed:.1f}"
                print_row(name, source, str(workers), *figures, f"{1e3 * found.cpu:.2f}")
    return 0


def measured_step_rate(name: str, root: Path) -> float:
    """Return the images per second that our step takes under the Trainer, after one period of warm-up."""
    system = SYSTEMS[name]
    callback = "benchmarks.alternation.Alternation"
    options = {"system": name, "plain": False, "warm_up": 1, "periods": 1}
    rows = measured_fit(system.fit_arguments(root), callback, **options)["rows"]
    seconds: float = median(row["ours"] for row in rows)
    return system.images * system.period / seconds


def reading_into_cache(system: System, root: Path) -> Delivery:
    """Read all training images into the cache."""
    data = system.data_module(root, store_gigabytes=0)
    wall, cpu = time.perf_counter(), cpu_seconds()
    images = system.images * len(data.train_dataloader())
    return Delivery(images / (time.perf_counter() - wall), (cpu_seconds() - cpu) / images)


def delivery(data: ImageDataModule, images: int, seconds: float) -> Delivery:
    """Take training batches of so many images for some seconds, the first of them not counted in the rate."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    loader = data.train_dataloader()
    cpu, started, batches = cpu_seconds(), float("inf"), 0
    while time.perf_counter() - started < seconds:
        for batch in loader:
            data.on_after_batch_transfer(move_data_to_device(batch, device), 0)
            if batches == 0:
                started = time.perf_counter()
            batches += 1
            if time.perf_counter() - started >= seconds:
                break
    if device.type == "cuda":
        torch.cuda.synchronize()
    wall = time.perf_counter() - started
    del loader
    data.teardown("fit")  # ends the workers: only then are their CPU seconds known
    return Delivery(images * (batches - 1) / wall, (cpu_seconds() - cpu) / (images * batches))


if __name__ == "__main__":
    sys.exit(main())
