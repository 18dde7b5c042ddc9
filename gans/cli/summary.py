"""What a command says at its end: what came out, where it lies, and which command comes next."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger, WandbLogger
from lightning.pytorch.utilities.exceptions import SIGTERMException
from rich import get_console

from gans.callbacks.terminal import notice
from gans.cli.metrics_file import read_metrics
from gans.cli.next_commands import next_commands
from gans.cli.results import metrics_table
from gans.cli.run_folder import CHECKPOINTS, REPORT, newest_checkpoint


class RunSummary(Callback):
    """Prints the results of a command as a table, then where its files are and how to go on.

    After an interruption it prints the command that continues the run.

    Args:
        program: how the command line is called, such as `python train.py`.
    """

    def __init__(self, program: str = "python train.py") -> None:
        self._program = program

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print the metrics of `validate`."""
        if trainer.state.fn == "validate":
            notice(_table("val", trainer.callback_metrics))

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print the metrics of `test`."""
        notice(_table("test", trainer.callback_metrics))

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Print where things are; at this point the progress bar is gone."""
        folder = Path(trainer.default_root_dir)
        if not trainer.is_global_zero:
            return
        if stage == "fit":
            self._after_fit(trainer, folder)
        elif stage == "predict":
            notice(f"\nPictures    {folder}")
        else:
            notice(f"\nMetrics     {folder / 'metrics.csv'}")

    def _after_fit(self, trainer: Trainer, folder: Path) -> None:
        history = validation_history(folder)
        if history:
            notice(_table("val", history[-1], before=history[0]))
        lines = {
            "Report": _if_there(folder / REPORT),
            "Pictures": _if_there(folder / "samples"),
            "Checkpoints": "  ".join(map(str, sorted((folder / CHECKPOINTS).glob("*.ckpt")))),
            "Metrics": _if_there(folder / "metrics.csv"),
            "Dashboard": dashboard(trainer),
        }
        notice("")
        for name, place in lines.items():
            if place:
                notice(f"{name:<12}{place}")
        for name, command in next_commands(self._program, folder, type(trainer.lightning_module)).items():
            notice(f"{name:<12}{command}")

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """After an interruption of a fit, say how to continue it."""
        interrupted = isinstance(exception, (KeyboardInterrupt, SIGTERMException))
        if not interrupted or trainer.state.fn != "fit" or not trainer.is_global_zero:
            return
        folder = Path(trainer.default_root_dir)
        last = newest_checkpoint(folder)
        if last is None:
            notice("\nInterrupted before the first checkpoint. To begin anew in the same folder:")
            notice(f"{self._program} fit --run {shlex.quote(str(folder))} --ckpt_path last")
        else:
            notice(f"\nInterrupted. To go on where {last} was written:")
            notice(f"{self._program} fit --ckpt_path {shlex.quote(str(last))}")


def dashboard(trainer: Trainer) -> str:
    """Return the address of the run's dashboard, or the command that shows it; empty without one."""
    for logger in trainer.loggers:
        if isinstance(logger, WandbLogger):
            run = logger.experiment
            offline = getattr(run, "offline", False)
            return f"wandb sync {os.path.relpath(Path(run.dir).parent)}" if offline else str(run.url or "")
        if isinstance(logger, TensorBoardLogger):
            return f"tensorboard --logdir {logger.log_dir}"
    return ""


def validation_history(folder: Path) -> list[dict[str, float]]:
    """Return the validation metrics of a run's table, one dict per validation."""
    rows = read_metrics(folder / "metrics.csv")
    history = [{name: float(v) for name, v in row.items() if name.startswith("val/") and v} for row in rows]
    return [metrics for metrics in history if metrics]


def _table(stage: str, metrics: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> str:
    return "\n" + metrics_table(stage, metrics, before, get_console().width)


def _if_there(path: Path) -> str:
    return str(path) if path.exists() else ""
