"""Everything that a page says about one run, read from its folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml

import gans
from gans.callbacks.failures.monitor import SIGNS
from gans.cli.metrics_file import read_metrics
from gans.cli.next_commands import next_commands
from gans.cli.report.history import History, history_of
from gans.cli.report.pictures import Moment, moments_of
from gans.cli.report.settings import class_name
from gans.cli.report.starts import Start, read_starts
from gans.cli.run_folder import CHECKPOINTS, CONFIG, config_paths, newest_config
from gans.cli.steps import steps_in

SAID = "monitor/"  # before the signs of the failure monitor in the table


@dataclass(frozen=True)
class Sign:
    """What the failure monitor said at one step; an earlier version's runs do not tell what it saw."""

    step: int
    name: str
    seen: str

    @property
    def remedy(self) -> str:
        """What to try."""
        return SIGNS.get(self.name, "")


@dataclass(frozen=True)
class Checkpoint:
    """A file to go on from, or to use; `steps` is None where it is damaged."""

    path: Path
    steps: int | None
    megabytes: float
    written: datetime


@dataclass(frozen=True)
class ToldRun:
    """A run as its folder tells of it.

    Attributes:
        name: its last two folders, as in `dcgan/2026-01-31_12-00-00`.
        folder: where it lies, as it was named.
        config: of its last start.
        config_text: the same as written.
        history: what its table holds.
        moments: its sample grids.
        signs: what the failure monitor said.
        starts: when and where it trained.
        checkpoints: the files in it.
        commands: what to do with them, by what for.
    """

    name: str
    folder: Path
    config: dict[str, Any]
    config_text: str
    history: History
    moments: list[Moment]
    signs: list[Sign]
    starts: list[Start]
    checkpoints: list[Checkpoint]
    commands: dict[str, str]


def read_run(folder: Path, program: str) -> ToldRun:
    """Read the folder of a run, finished or not.

    Args:
        folder: RUN.
        program: how the command line is called, such as `python train.py`.

    Raises:
        FileNotFoundError: if the folder holds no run.
        ValueError: if its config is no config.
    """
    path = newest_config(folder)
    if path is None:
        raise FileNotFoundError(f"{folder} is not the folder of a run: it has no {CONFIG}.")
    text = path.read_text(encoding="utf-8")
    config = _config(text, path)
    history = history_of(read_metrics(folder / "metrics.csv"))
    starts = read_starts(folder)
    variant = _variant(class_name(config, "model"))
    return ToldRun(
        name="/".join(folder.absolute().parts[-2:]),
        folder=folder,
        config=config,
        config_text=text,
        history=history,
        moments=moments_of(folder / "samples", history),
        signs=_signs(history, starts),
        starts=starts or _starts_by_configs(folder),
        checkpoints=[_checkpoint(file) for file in sorted((folder / CHECKPOINTS).glob("*.ckpt"))],
        commands=next_commands(program, folder, variant) if variant is not None else {},
    )


def _config(text: str, path: Path) -> dict[str, Any]:
    try:
        config = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    if not isinstance(config, Mapping):
        raise ValueError(f"{path} holds no settings.")
    return dict(config)


def _variant(name: str) -> type | None:
    """Return a variant's class, which tells what can be done with its checkpoints; None for others."""
    module = gans.VARIANTS.get(name)
    return None if module is None else getattr(import_module(module), name)


def _signs(history: History, starts: list[Start]) -> list[Sign]:
    """Return what the table says the monitor reported, with the words of the start that reported it.

    The steps that a resumed run repeats are in the table once.
    """
    words = {(step, sign): f"{who}: {seen}" for start in starts for step, sign, who, seen in start.said}
    signs = [
        Sign(step, name.removeprefix(SAID), words.get((step, name.removeprefix(SAID)), ""))
        for name, curve in history.curves.items()
        if name.startswith(SAID)
        for step in curve.steps
    ]
    return sorted(signs, key=lambda sign: sign.step)


def _starts_by_configs(folder: Path) -> list[Start]:
    """Return the starts of a run that has no record of them: each has written a config."""
    times = (datetime.fromtimestamp(path.stat().st_mtime) for path in config_paths(folder) if path.exists())
    return [Start(began=time.isoformat(sep=" ", timespec="seconds")) for time in times]


def _checkpoint(path: Path) -> Checkpoint:
    stat = path.stat()
    return Checkpoint(path, steps_in(path), stat.st_size / 1e6, datetime.fromtimestamp(stat.st_mtime))
