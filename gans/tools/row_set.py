"""Trains every config of a set with every seed, and goes on where it was interrupted."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from gans.cli.config_files import find_config
from gans.cli.errors import INTERRUPTED, TERMINATED
from gans.cli.metrics_file import read_metrics
from gans.cli.run_folder import CONFIG, newest_checkpoint
from gans.files import written_whole

RECORD = "seed.json"
OWN_KEYS = ("--run", "--seed_everything", "--ckpt_path")
"""What the row set says to `fit` by itself."""

Metrics = dict[str, float]
Results = dict[str, dict[int, Metrics]]
"""Row -> seed -> metric -> value."""
Command = Callable[[Sequence[str]], int]
"""Runs a command of the project with these arguments and returns its exit status."""


@dataclass(frozen=True)
class Row:
    """What is trained with every seed.

    Attributes:
        name: of its folder and in tables.
        configs: files, later ones changing what earlier ones say.
    """

    name: str
    configs: tuple[Path, ...]


class RowSetError(RuntimeError):
    """A run of the set did not end well; the message says which, and how to go on."""


def find_rows(shared: Sequence[str], configs: Sequence[str]) -> list[Row]:
    """Return one row per config, each on top of the shared ones and named after its file.

    Raises:
        FileNotFoundError: if a config is not known.
        ValueError: if two configs have the same name.
    """
    below = tuple(map(find_config, shared))
    rows = [Row(Path(config).stem, (*below, find_config(config))) for config in configs]
    names = [row.name for row in rows]
    if repeated := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"Several configs are called {', '.join(sorted(repeated))}: rows need other names.")
    return rows


def run_row_set(
    rows: Sequence[Row],
    seeds: Sequence[int],
    arguments: Sequence[str],
    folder: Path,
    command: Command,
) -> Iterator[Results]:
    """Fit every row with every seed, in FOLDER/ROW/seed-N; yield what there is whenever a run has ended.

    The seeds come in the outer loop, so that an early table has all rows. A finished run is not repeated, an
    interrupted one goes on from its last checkpoint.

    Args:
        rows: what to train.
        seeds: given as `--seed_everything`.
        arguments: of `fit`, for all runs.
        folder: the parent of all run folders.
        command: what runs `fit`, such as `run_command`.

    Yields:
        The last validation metrics of every finished run.

    Raises:
        ValueError: if an argument is one that the set gives itself, or a run in the folder was made with
            other arguments.
        RowSetError: if a run fails.
        KeyboardInterrupt: if a run was interrupted from the keyboard.
        SystemExit: if it was ended by SIGTERM.
    """
    for argument in arguments:
        if argument.partition("=")[0] in OWN_KEYS:
            raise ValueError(f"{argument}: each run gets its own; the seeds are given with --seeds.")
    results: Results = {row.name: {} for row in rows}
    planned = [(row, seed, folder / row.name / f"seed-{seed}") for seed in seeds for row in rows]
    for row, _, run in planned:
        _check_record(run, row, arguments)
    for number, (row, seed, run) in enumerate(planned, start=1):
        metrics = _read_record(run).get("metrics")
        if metrics is None:
            sys.stdout.write(f"\n{row.name}, seed {seed} (run {number} of {len(planned)}): {run}\n")
            sys.stdout.flush()
            metrics = _fit(row, seed, arguments, run, command)
        results[row.name][seed] = metrics
        yield results


def _fit(row: Row, seed: int, arguments: Sequence[str], run: Path, command: Command) -> Metrics:
    _write_record(run, {"made_with": _identity(row, arguments)})
    if newest_checkpoint(run) is None:
        (run / CONFIG).unlink(missing_ok=True)  # interrupted before its first checkpoint: begin again
    configs = [part for config in row.configs for part in ("--config", str(config))]
    own = ["--seed_everything", str(seed), "--run", str(run), "--ckpt_path", "last"]
    status = command(["fit", *configs, *arguments, *own])
    if status in (INTERRUPTED, TERMINATED):
        sys.stdout.write("To go on with all runs, repeat the command that started them.\n")
    if status == INTERRUPTED:
        raise KeyboardInterrupt
    if status == TERMINATED:
        raise SystemExit(TERMINATED)
    if status != 0:
        raise RowSetError(
            f"{row.name} with seed {seed} ended with status {status}; its message is above. The same command "
            "goes on with this run, and keeps those that are finished."
        )
    metrics = last_validation(run)
    _write_record(run, {"made_with": _identity(row, arguments), "metrics": metrics})
    return metrics


def last_validation(run: Path) -> Metrics:
    """Return the newest value of every validation metric in RUN/metrics.csv."""
    metrics: Metrics = {}
    for row in read_metrics(run / "metrics.csv"):
        metrics |= {name: float(value) for name, value in row.items() if name.startswith("val/") and value}
    return metrics


def run_command(arguments: Sequence[str]) -> int:
    """Run `python -m gans ARGUMENTS` to its end, and return its exit status.

    A keyboard interrupt reaches that process too: it saves and ends, and is waited for. What a scheduler
    sends to this process, SIGTERM or SIGUSR1, is passed on.
    """
    process = subprocess.Popen([sys.executable, "-m", "gans", *arguments])

    def pass_on(number: int, _: FrameType | None) -> None:
        process.send_signal(number)

    previous = {number: signal.signal(number, pass_on) for number in (signal.SIGTERM, signal.SIGUSR1)}
    try:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _identity(row: Row, arguments: Sequence[str]) -> dict[str, Any]:
    """Return what decides the numbers of a run, apart from its seed."""
    digests = [hashlib.sha256(config.read_bytes()).hexdigest()[:16] for config in row.configs]
    return {"configs": digests, "arguments": list(arguments)}


def _check_record(run: Path, row: Row, arguments: Sequence[str]) -> None:
    made_with = _read_record(run).get("made_with")
    if made_with not in (None, _identity(row, arguments)):
        raise ValueError(
            f"{run} was made with other arguments or another version of its config. Choose another --folder, "
            "or remove that one."
        )


def _read_record(run: Path) -> dict[str, Any]:
    path = run / RECORD
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return record


def _write_record(run: Path, record: dict[str, Any]) -> None:
    with written_whole(run / RECORD) as file:
        file.write(json.dumps(record, indent=1).encode())
