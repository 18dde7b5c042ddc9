"""The callbacks that every run shares, each under its key: `--sample_grid.count 4`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lightning.pytorch import Callback
from lightning.pytorch.callbacks import Checkpoint, ProgressBar

from gans.callbacks.diversity import OutcomeDiversity
from gans.callbacks.failures.monitor import FailureMonitor
from gans.callbacks.generative_metrics import GenerativeMetrics
from gans.callbacks.mode_coverage import ModeCoverage
from gans.callbacks.predicting.write_predictions import WritePredictions
from gans.callbacks.progress import progress
from gans.callbacks.sample_grid import SampleGrid
from gans.callbacks.text_match import TextMatch
from gans.callbacks.translation_error import TranslationError
from gans.checkpoints.writing import RunCheckpoint
from gans.cli.options import EVERY_COMMAND, refuse_unknown_parts
from gans.cli.report.callback import RunReport
from gans.training.acceleration import Acceleration
from gans.training.interruption import SaveOnInterrupt

EVALUATION = ("fit", "validate", "test")

SHARED_CALLBACKS: dict[str, tuple[type[Callback] | Callable[..., Callback], tuple[str, ...]]] = {
    "acceleration": (Acceleration, ("fit",)),
    "save_on_interrupt": (SaveOnInterrupt, ("fit",)),
    "progress": (progress, EVERY_COMMAND),
    "sample_grid": (SampleGrid, ("fit",)),
    "failure_monitor": (FailureMonitor, ("fit",)),
    "metrics": (GenerativeMetrics, EVALUATION),
    "mode_coverage": (ModeCoverage, EVALUATION),
    "translation_error": (TranslationError, EVALUATION),
    "diversity": (OutcomeDiversity, EVALUATION),
    "text_match": (TextMatch, EVALUATION),
    "write_predictions": (WritePredictions, ("predict",)),
    "last_checkpoint": (RunCheckpoint, ("fit",)),
    "best_checkpoint": (RunCheckpoint, ("fit",)),
    "report": (RunReport, ("fit",)),
}
"""Key -> what makes the callback, and the commands that use it, in the order in which they are called."""


def choose_callbacks(
    built: Mapping[str, Any], command: str, without: list[str], options: Mapping[str, Any]
) -> list[Callback]:
    """Return the callbacks of a command: the shared ones that are not left out, then the user's own.

    Args:
        built: key -> callback, for all shared ones.
        command: such as `fit`.
        without: keys of callbacks to leave out.
        options: the trainer's. A progress bar of the user replaces the shared one.

    Raises:
        UsageError: if `without` names something else.
    """
    refuse_unknown_parts(without, SHARED_CALLBACKS)
    own = options["callbacks"] or []
    own = own if isinstance(own, list) else [own]
    refused: list[type] = []
    if options["enable_progress_bar"] is False or any(isinstance(callback, ProgressBar) for callback in own):
        refused.append(ProgressBar)
    if options["enable_checkpointing"] is False:
        refused.append(Checkpoint)
    shared = [
        built[key]
        for key, (_, commands) in SHARED_CALLBACKS.items()
        if command in commands and key not in without
    ]
    return [callback for callback in shared if not isinstance(callback, tuple(refused))] + own
