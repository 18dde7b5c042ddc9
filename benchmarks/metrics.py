"""Seconds and peak memory of the distances between generated and real images, and their share of an epoch.

    python -m benchmarks.metrics --step_rate 0.25
    python -m benchmarks.metrics --images 1000 --extracted 64

Features come from EfficientNet-Lite0, as in a validation. Extracting those of ten thousand images takes
minutes on a CPU and is the same for each, so it is done for `--extracted` images, and the seconds for all are
extrapolated from these; all else is computed in full, on features drawn from a normal distribution. Real
images are seen once in a run, so the later validations are those "with known real images". Peak memory is the
process's up to there on a CPU, and what torch had allocated on a GPU.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import torch

from benchmarks.programs import command_line, print_header, print_row
from gans.metrics.distances import frechet_distance, kernel_distance
from gans.metrics.features import load_extractor
from gans.metrics.lite0 import DIMENSION
from gans.metrics.manifold import manifold_scores

COLUMNS = ("what", "seconds", "GB at the peak", "share of an epoch")
BATCH = 16  # images of an evaluation batch


def parser() -> argparse.ArgumentParser:
    """Return the program's command line."""
    made = command_line("metrics", __doc__)
    made.add_argument("--images", type=int, default=10_000, help="generated ones, and as many real ones")
    made.add_argument("--extracted", type=int, default=512, help="images whose features are extracted")
    made.add_argument("--size", type=int, default=256, help="side of the images in pixels")
    made.add_argument("--step_rate", type=float, help="images per second that training takes: train_step")
    made.add_argument("--epoch", type=int, default=10_000, help="images of an epoch")
    return made


def main() -> int:
    """Measure and print a Markdown table."""
    options = parser().parse_args()
    epoch = options.epoch / options.step_rate if options.step_rate else None
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    print_header(*COLUMNS)

    def row(what: str, seconds: float) -> None:
        share = "" if epoch is None else f"{seconds / epoch:.2%}"
        print_row(what, f"{seconds:.1f}", f"{peak_gigabytes(device):.2f}", share)

    features = options.images * extraction_seconds(options.size, options.extracted, device)
    row(f"features of {options.images} images", features)
    real, fake = torch.randn(2, options.images, DIMENSION, device=device)
    distances = 0.0
    for what, measure in {
        "Frechet distance": frechet_distance,
        "kernel distance": kernel_distance,
        "precision, recall, density, coverage": lambda real, fake: manifold_scores(real, fake, 5),
    }.items():
        seconds = _seconds(measure, real, fake)
        row(what, seconds)
        distances += seconds
    row("all, at the first time", 2 * features + distances)
    row("all, with known real images", features + distances)
    return 0


def extraction_seconds(size: int, images: int, device: torch.device) -> float:
    """Return the seconds for the features of one image, from so many, in batches as in a validation."""
    extractor = load_extractor("lite0").to(device)
    pixels = torch.randint(0, 256, (BATCH, 3, size, size), dtype=torch.uint8, device=device)
    extractor.of_pixels(pixels)
    batches = max(1, images // BATCH)
    return _seconds(lambda: [extractor.of_pixels(pixels) for _ in range(batches)]) / (batches * BATCH)


def _seconds(function: Callable[..., Any], *arguments: Any) -> float:
    started = time.perf_counter()
    function(*arguments)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - started


def peak_gigabytes(device: torch.device) -> float:
    """Return the most memory taken until now."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated() / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


if __name__ == "__main__":
    sys.exit(main())
