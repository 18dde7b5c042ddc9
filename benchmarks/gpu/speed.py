"""How long steps take, how many images a second `predict` makes, and where the time goes."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks import predict, train_step
from benchmarks.gpu.checks import Findings
from benchmarks.programs import measured_fit
from benchmarks.systems import SYSTEMS, write_images

MODES: dict[str, tuple[str, ...]] = {
    "fp32, TF32": ("--acceleration.tf32", "true"),
    "bf16-mixed": ("--trainer.precision", "bf16-mixed"),
    "fast": ("--config", "fast"),
}
"""Name -> arguments of `fit`; the plain program computes in fp32 as torch does by itself."""


def _logger() -> tuple[str, ...]:
    return () if find_spec("wandb") else ("--logger", "csv")


def step_time(system: str, mode: str, folder: Path, periods: int, warm_up: int) -> Findings:
    """Measure (a) the plain step, (b) our module and (c) ours under the Trainer, as `train_step` does.

    Args:
        system: key of `benchmarks.systems.SYSTEMS`.
        mode: key of `MODES`.
        folder: for the images.
        periods: that are measured.
        warm_up: periods before.
    """
    arguments = [*SYSTEMS[system].fit_arguments(write_images(SYSTEMS[system], folder)), *_logger()]
    run = measured_fit(
        [*arguments, *MODES[mode]],
        "benchmarks.alternation.Alternation",
        system=system,
        periods=periods,
        warm_up=warm_up,
    )
    _, *cells = train_step.row(system, "", [run], train_step.arithmetic_peak(0.5))
    return Findings(dict(zip(train_step.COLUMNS[1:], cells, strict=True)))


def predict_pace(system: str, kind: str, images: int, size: int, batch: int) -> Findings:
    """Measure images per second of `predict` and of the forward alone, as `benchmarks.predict` does."""
    options = argparse.Namespace(images=images, size=size, batch=batch, repeats=1, onnx=False)
    _, _, *cells = predict.row(system, kind, predict.measure(system, kind, options))
    return Findings({name: cell for name, cell in zip(predict.COLUMNS[2:], cells, strict=True) if cell})


def where_time_goes(system: str, mode: str, folder: Path) -> Findings:
    """Profile some steps; return the ten kernels or operators that take the most time."""
    arguments = [*SYSTEMS[system].fit_arguments(write_images(SYSTEMS[system], folder)), *_logger()]
    found: dict[str, Any] = measured_fit(
        [*arguments, *MODES[mode]], "benchmarks.gpu.profile.TopTen", system=system
    )
    facts = {"of a step": f"{found['total']:.1f} ms"}
    for place, (name, calls, milliseconds) in enumerate(found["rows"], 1):
        share = milliseconds / found["total"]
        facts[str(place)] = f"{name[:60]} ({calls} calls, {milliseconds:.2f} ms, {share:.0%})"
    return Findings(facts)
