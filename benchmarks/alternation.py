"""A callback that lets the plain program and our Trainer step in turn, and times both."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from benchmarks.plain_process import PlainProcess, peak_memory, wait_for
from benchmarks.systems import SYSTEMS
from benchmarks.undo import UNDO
from gans.base import AdversarialModule


class Alternation(Callback):
    """After every period of our steps lets the plain program do the same on the same batches.

    Timed are (a) the plain steps, in a process of their own, (b) our module's `training_step` alone, and (c)
    our steps with all that the Trainer does between them: loading, moving, hooks, callbacks, logging.
    Everything of (b) is inside (c) of the same steps, so that noise does not separate them.

    Args:
        system: a key of `benchmarks.systems.SYSTEMS`.
        periods: to measure, after the warm-up.
        warm_up: periods before them, 1 or more; in the last of these the plain program's operators are
            counted.
        plain: whether the plain program steps at all.
        undo: key of `benchmarks.undo.UNDO`, for a step of ours that lacks this.
        output: JSON file for the measurements.
    """

    def __init__(
        self,
        system: str,
        periods: int,
        output: str,
        warm_up: int = 3,
        plain: bool = True,
        undo: str | None = None,
    ) -> None:
        self.name, self.system = system, SYSTEMS[system]
        self.periods, self.warm_up, self.output = periods, warm_up, Path(output)
        self.plain: PlainProcess | None = None
        self._beside, self._undo = plain, undo
        self.rows: list[dict[str, float]] = []
        self.counts: dict[str, float] = {}
        self._batches: list[Any] = []
        self._inside = 0.0

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the plain program, and time `training_step` from now on."""
        device = pl_module.device
        self.plain = PlainProcess(self.name, device) if self._beside else None
        step = pl_module.training_step

        def timed(batch: Any, batch_idx: int) -> Any:
            wait_for(device)
            started = time.perf_counter()
            result = step(batch, batch_idx)
            wait_for(device)
            self._inside += time.perf_counter() - started
            return result

        pl_module.training_step = timed  # type: ignore[method-assign]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Undo what is to be undone, and take the time of the first period from here."""
        if self._undo:
            assert isinstance(pl_module, AdversarialModule)
            UNDO[self._undo](pl_module)
        self._start()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Close a period of ours when it is over, and let the plain program have its turn."""
        self._batches.append(batch)
        if len(self._batches) < self.system.period:
            return
        wait_for(pl_module.device)
        row = {
            "ours": time.perf_counter() - self._wall,
            "ours_cpu": time.process_time() - self._cpu,
            "module": self._inside,
        }
        if self.plain:
            row |= self.plain.step(self._batches)
            if len(self.rows) == self.warm_up - 1:
                self.counts = self.plain.step(self._batches, count=True)
        self.rows.append(row)
        if len(self.rows) == self.warm_up + self.periods:
            trainer.should_stop = True
        self._batches = []
        self._start()

    def _start(self) -> None:
        self._inside = 0.0
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write what the first process measured."""
        if not trainer.is_global_zero:
            return
        result = {
            "rows": self.rows[self.warm_up :],
            "counts": self.counts,
            "memory": peak_memory(pl_module.device),
            "plain_memory": self.plain.close() if self.plain else None,
        }
        self.output.write_text(json.dumps(result), encoding="utf-8")
