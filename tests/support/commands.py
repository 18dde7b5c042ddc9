"""Runs the project's command inside the test process, without the seconds of a start-up."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

import yaml
from lightning.pytorch.callbacks import Callback
from support.toys import TOYS

from gans.cli.command import main


def run(*arguments: object) -> int:
    """Run `train.py ARGUMENTS` and return its exit status."""
    with patch.object(sys, "argv", ["train.py", *map(str, arguments)]):
        return main()


def write_toy_config(path: Path, name: str = "CycleGAN", **others: Any) -> Path:
    """Write a config that trains a variant at toy size for one epoch; `others` are further top-level keys."""
    toy = TOYS[name]
    config: dict[str, Any] = {
        "model": {"class_path": name, "init_args": dict(toy.model_arguments)},
        "data": {"class_path": toy.data, "init_args": toy.data_arguments | {"batch_size": 2}},
        "trainer": {
            "max_epochs": 1,
            "log_every_n_steps": 2,
            "enable_model_summary": False,
            "accelerator": "cpu",
        },
        "sample_grid": {"count": 2},
        "logger": "csv",
        "runs": str(path.parent / "runs"),
    }
    path.write_text(yaml.safe_dump(config | others))
    return path


class SignalAt(Callback):
    """Sends a process a signal after a step.

    Args:
        step: the step.
        signal_name: such as `SIGTERM`.
        rank: number of the process that gets it.
    """

    def __init__(self, step: int, signal_name: str, rank: int = 0) -> None:
        self._step, self._signal, self._rank = step, signal.Signals[signal_name], rank

    def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
        if trainer.global_step == self._step and trainer.global_rank == self._rank:
            os.kill(os.getpid(), self._signal)


class FailAlone(Callback):
    """Raises an error on the first process, while the others are busy for two minutes."""

    def on_train_batch_start(self, trainer: Any, *_: Any) -> None:
        if trainer.is_global_zero:
            raise RuntimeError("out of luck on the first process")
        time.sleep(120)


class RaiseAt(Callback):
    """Is a bug: raises an error of a kind that nobody raises on purpose."""

    def on_train_start(self, *_: Any) -> None:
        nothing: dict[str, int] = {}
        nothing["missing"] += 1
