"""Which run `--ckpt_path last` means. This module answers before torch is imported."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from gans.cli.errors import UsageError
from gans.cli.run_folder import CONFIG, newest_checkpoint
from gans.cli.steps import steps_in


@dataclass(frozen=True)
class Trained:
    """A checkpoint and the run that it belongs to.

    Attributes:
        run: the run's folder.
        checkpoint: the file.
    """

    run: Path
    checkpoint: Path

    @cached_property
    def steps(self) -> int:
        """The steps it has behind it; -1 where the file is damaged."""
        steps = steps_in(self.checkpoint)
        return -1 if steps is None else steps

    @cached_property
    def written(self) -> float:
        """When it was written."""
        return self.checkpoint.stat().st_mtime

    def __str__(self) -> str:
        when = datetime.fromtimestamp(self.written).strftime("%Y-%m-%d %H:%M")
        steps = "an unknown number of" if self.steps < 0 else self.steps
        return f"{self.run}: {steps} steps, {self.checkpoint.name} of {when}"


def trained_runs(runs: Path, name: str | None) -> list[Trained]:
    """Return the runs RUNS/NAME/* that have a checkpoint, each with its newest; of all names without one."""
    folders = sorted(runs.glob(f"{name or '*'}/*"))
    newest = ((folder, newest_checkpoint(folder)) for folder in folders)
    return [Trained(folder, checkpoint) for folder, checkpoint in newest if checkpoint is not None]


def begun_run(runs: Path, name: str | None) -> Path | None:
    """Return the newest run RUNS/NAME/*, with or without a checkpoint; None where there is none."""
    configs: Iterator[Path] = runs.glob(f"{name or '*'}/*/{CONFIG}")
    return max((config.parent for config in configs), key=lambda run: run.stat().st_mtime, default=None)


def most_trained(trained: list[Trained]) -> Trained:
    """Return the run with the most steps; of equal ones that which was written last.

    So a run that was just begun, or soon broken off, never stands for the one that took days.

    Raises:
        UsageError: if the runs are of several names, whose steps cannot be compared.
    """
    names = sorted({run.run.parent.name for run in trained})
    if len(names) > 1:
        newest = max(trained, key=lambda run: run.written)
        raise UsageError(
            f"--ckpt_path last: {newest.run.parent.parent} has runs of {', '.join(names)}. Say which by "
            f"--name {newest.run.parent.name}, or name the run's folder by --run."
        )
    return max(trained, key=lambda run: (run.steps, run.written))


def others(chosen: Trained, trained: list[Trained]) -> str:
    """Return a line about the runs that were not chosen, and how to take one; nothing if there are none."""
    if len(trained) == 1:
        return ""
    newest = max(trained, key=lambda run: run.written)
    other = newest if newest != chosen else next(run for run in trained if run != chosen)
    return (
        f"It has the most steps of {len(trained)} runs. {'The newest' if other == newest else 'Another'} has "
        f"{max(other.steps, 0)}: --run {shlex.quote(str(other.run))} takes that."
    )
