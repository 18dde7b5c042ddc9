"""Keeps RUN/report.html as new as the run."""

from __future__ import annotations

import platform
import time
import warnings
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from gans.callbacks.duration import accumulated, callbacks_of
from gans.callbacks.failures.monitor import FailureMonitor
from gans.cli.errors import program
from gans.cli.overview import overview_parts, place_of
from gans.cli.report.page import page
from gans.cli.report.pictures import Album
from gans.cli.report.run import read_run
from gans.cli.report.starts import Start, read_starts, write_starts
from gans.cli.report.tables import IMAGES_PER_SECOND, STEP_SECONDS
from gans.cli.run_folder import REPORT
from gans.files import written_whole

PROGRAMS = ("gans", "torch", "lightning")


class Pace:
    """Measures what batches take, with the wait for each but the first after a pause."""

    def __init__(self) -> None:
        self._seconds, self._batches = 0.0, 0
        self._since: float | None = None
        self._warm = False

    def pause(self) -> None:
        """Leave out what comes before the next batch."""
        self._since = None

    def begins(self) -> None:
        """Note that a batch begins."""
        if self._since is None:
            self._since = time.monotonic()

    def ends(self) -> None:
        """Count a batch that has ended; the first of a start builds what the others use."""
        now = time.monotonic()
        if self._since is not None and self._warm:
            self._seconds += now - self._since
            self._batches += 1
        self._since, self._warm = now, True

    def take(self) -> float | None:
        """Return the seconds of a batch since the last call; None where none was counted."""
        each = self._seconds / self._batches if self._batches else None
        self._seconds, self._batches = 0.0, 0
        return each


class RunReport(Callback):
    """Writes RUN/report.html at the start, after each validation and at the end.

    After a validation it waits for the next batch: until then the epoch's pictures and checkpoints are there.

    It logs `time/step_seconds` and `time/images_per_second`, and keeps in RUN/starts.json when and where the
    run was started and what the failure monitor said. The first process writes. A page that cannot be written
    costs a warning and never the training.
    """

    def __init__(self) -> None:
        self._pace = Pace()
        self._album = Album()
        self._starts: list[Start] = []
        self._validated = self._warned = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note the start, and write the first page."""
        self._pace = Pace()
        if trainer.is_global_zero and not _is_trial(trainer):
            self._starts = [*read_starts(Path(trainer.default_root_dir)), _start(trainer, pl_module)]
            self._write(trainer)

    def on_train_batch_start(self, trainer: Trainer, *_: Any) -> None:
        """Write what is new since a validation; start the clock after a pause."""
        if self._validated:
            self._write(trainer)
        self._pace.begins()

    def on_train_batch_end(self, *_: Any) -> None:
        """Count the batch."""
        self._pace.ends()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the pace of the steps before, and stop the clock."""
        if trainer.state.fn == "fit" and not trainer.sanity_checking:
            self._validated = True
            self._pace.pause()
            self._log_pace(trainer)

    def on_train_epoch_end(self, *_: Any) -> None:
        """Stop the clock."""
        self._pace.pause()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Write the last page of a training that does not come to its end."""
        self._write(trainer)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Write the last page."""
        self._write(trainer)

    def _log_pace(self, trainer: Trainer) -> None:
        seconds = self._pace.take()
        if seconds is None or not trainer.is_global_zero:
            return
        metrics = {STEP_SECONDS: seconds * accumulated(trainer)}
        batch_size = getattr(getattr(trainer, "datamodule", None), "batch_size", None)
        if batch_size:
            metrics[IMAGES_PER_SECOND] = batch_size * trainer.world_size / seconds
        for logger in trainer.loggers:
            logger.log_metrics(metrics, step=trainer.global_step)

    def _write(self, trainer: Trainer) -> None:
        self._validated = False
        if not self._starts:  # another process than the first, or a trial
            return
        folder = Path(trainer.default_root_dir)
        try:
            self._starts[-1].ended = _now()
            self._starts[-1].said = _said(trainer)
            write_starts(folder, self._starts)
            write_page([folder], folder / REPORT, program(), self._album)
        except Exception as error:  # whatever it is, the training matters more than its page
            if not self._warned:
                self._warned = True
                warnings.warn(
                    f"{folder / REPORT} could not be written: {type(error).__name__}: {error}. The training "
                    "goes on; --without report leaves the page out.",
                    stacklevel=1,
                )


def write_page(folders: list[Path], output: Path, program: str, album: Album | None = None) -> None:
    """Write the page of one run, or of several side by side.

    Args:
        folders: of the runs.
        output: the file; it is whole at any time.
        program: how the command line is called in the commands that the page suggests.
        album: pictures that earlier pages had encoded.

    Raises:
        FileNotFoundError: if a folder holds no run.
        ValueError: if the config of a run cannot be read.
        OSError: if the page cannot be written.
    """
    runs = [read_run(folder, program) for folder in folders]
    content = page(runs, album or Album()).encode("utf-8", errors="replace")
    with written_whole(output) as file:
        file.write(content)


def _is_trial(trainer: Trainer) -> bool:
    return bool(vars(trainer).get("fast_dev_run"))


def _start(trainer: Trainer, module: LightningModule) -> Start:
    versions = (f"{name} {metadata.version(name)}" for name in PROGRAMS)
    return Start(
        began=_now(),
        step=trainer.global_step,
        place=f"{place_of(trainer)}, {platform.node()}",
        versions=", ".join([f"Python {platform.python_version()}", *versions]),
        overview=overview_parts(trainer, module),
    )


def _said(trainer: Trainer) -> list[tuple[int, str, str, str]]:
    monitors = [part for part in callbacks_of(trainer) if isinstance(part, FailureMonitor)]
    return [report for monitor in monitors for report in monitor.reports]


def _now() -> str:
    return datetime.now().isoformat(sep=" ", timespec="seconds")
