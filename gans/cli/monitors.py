"""Refuses a `monitor` that names no metric of the run, as soon as the run has metrics."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from gans.callbacks.duration import callbacks_of
from gans.callbacks.evaluation import EvaluationCallback
from gans.checkpoints.writing import RunCheckpoint
from gans.cli.config_files import suggestion
from gans.cli.errors import UsageError


class CheckMonitors(Callback):
    """Looks at the monitors of all callbacks after a validation, before the callbacks do.

    Lightning's own callbacks stop there with a traceback; a `RunCheckpoint` waits for its metric, for ever if
    there is none of that name.

    Args:
        built: the shared callbacks by key, for messages.
        by_default: keys whose monitor nobody chose: without their metric, as with `--without metrics` or with
            too few held-out images, they wait.
    """

    def __init__(self, built: Mapping[str, Any], by_default: Collection[str] = ()) -> None:
        self._built = built
        self._waiting = [built[key] for key in by_default]

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Check the monitors of what validation measures.

        Raises:
            UsageError: a monitor names no metric that was measured.
        """
        if trainer.state.fn == "fit" and not trainer.sanity_checking:
            parts = [part for part in callbacks_of(trainer) if isinstance(part, EvaluationCallback)]
            self._check(trainer, "val", all(part.measuring for part in parts))

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Check the monitors of what training logs.

        Raises:
            UsageError: a monitor names no metric that was logged.
        """
        self._check(trainer, "train", any(name.startswith("train/") for name in trainer.callback_metrics))

    def _check(self, trainer: Trainer, stage: str, complete: bool) -> None:
        """Refuse monitors of a stage, or of none, once its metrics are complete."""
        other = "train/" if stage == "val" else "val/"
        for callback, monitor in _monitors(trainer):
            waits = isinstance(callback, RunCheckpoint) and (not complete or callback in self._waiting)
            if not (monitor in trainer.callback_metrics or waits or monitor.startswith(other)):
                raise UsageError(self._message(callback, monitor, list(trainer.callback_metrics)))

    def _message(self, callback: Callback, monitor: str, measured: list[str]) -> str:
        keys = [key for key, part in self._built.items() if part is callback]
        key = f"{keys[0]}.monitor" if keys else f"trainer.callbacks: monitor of {type(callback).__name__}"
        names = sorted(name for name in measured if not name.endswith(("_step", "_epoch")))
        return (
            f"{key} is {monitor}: this run has no metric of that name.{suggestion(monitor, names)}\n"
            f"Metrics: {', '.join(names)}"
        )


def _monitors(trainer: Trainer) -> Iterator[tuple[Callback, str]]:
    for callback in callbacks_of(trainer):
        monitor = getattr(callback, "monitor", None)
        if isinstance(monitor, str):
            yield callback, monitor
