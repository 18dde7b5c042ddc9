"""A callback that lets the plain program and our Trainer step in turn, and times both."""

from __future__ import annotations

import json
import resource
import time
from pathlib import Path
from typing import Any, Literal

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from benchmarks.systems import SYSTEMS


class OperatorCounter(TorchDispatchMode):
    """Counts the operators that torch dispatches, and their floating point operations by torch's formulas.

    torch's own `FlopCounterMode` also asks which module they belong to, by hooks with which no gradient can
    be taken with respect to a network's input, as gradient penalties take it.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = self.flops = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Count one operator and run it."""
        self.count += 1
        kwargs = kwargs or {}
        made = func(*args, **kwargs)
        formula = flop_registry.get(func.overloadpacket)
        if formula is not None:
            self.flops += int(formula(*args, **kwargs, out_val=made))
        return made


class Alternation(Callback):
    """After every period of our steps lets the plain program do the same on the same batches.

    Timed are (a) the plain steps, (b) our module's `training_step` alone, and (c) our steps with all that the
    Trainer does between them: loading, moving, hooks, callbacks, logging. Everything of (b) is inside (c) of
    the same steps, so that noise does not separate them.

    Args:
        system: a key of `benchmarks.systems.SYSTEMS`.
        periods: to measure, after the warm-up.
        warm_up: periods before them, 1 or more; in the last of these the plain program's operators are
            counted.
        steps: `both`; or `plain` or `ours` alone, for the peak memory of one.
        output: JSON file for the measurements.
    """

    def __init__(
        self,
        system: str,
        periods: int,
        output: str,
        warm_up: int = 3,
        steps: Literal["both", "plain", "ours"] = "both",
    ) -> None:
        self.system = SYSTEMS[system]
        self.periods, self.warm_up, self.steps, self.output = periods, warm_up, steps, Path(output)
        self.rows: list[dict[str, float]] = []
        self.counts: dict[str, float] = {}
        self._batches: list[Any] = []
        self._inside = 0.0

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Build the plain program, and time `training_step` from now on."""
        device = pl_module.device
        self.program = self.system.plain()
        for network in vars(self.program).values():
            if isinstance(network, torch.nn.Module):
                network.to(device)
        step = pl_module.training_step

        def timed(batch: Any, batch_idx: int) -> Any:
            _wait(device)
            started = time.perf_counter()
            result = {} if self.steps == "plain" else step(batch, batch_idx)
            _wait(device)
            self._inside += time.perf_counter() - started
            return result

        pl_module.training_step = timed  # type: ignore[method-assign]
        self._start()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Close a period of ours when it is over, and run the plain one."""
        self._batches.append(batch)
        if len(self._batches) < self.system.period:
            return
        _wait(pl_module.device)
        row = {
            "ours": time.perf_counter() - self._wall,
            "ours_cpu": time.process_time() - self._cpu,
            "module": self._inside,
        }
        if self.steps != "ours":
            row |= self._plain_period(pl_module.device)
        self.rows.append(row)
        if len(self.rows) == self.warm_up + self.periods:
            trainer.should_stop = True
        self._batches = []
        self._start()

    def _plain_period(self, device: torch.device) -> dict[str, float]:
        wall, cpu = time.perf_counter(), time.process_time()
        for index, batch in enumerate(self._batches):
            self.system.step(self.program, batch, index)
        _wait(device)
        row = {"plain": time.perf_counter() - wall, "plain_cpu": time.process_time() - cpu}
        if self.steps == "both" and len(self.rows) == self.warm_up - 1:
            self._count()
        return row

    def _count(self) -> None:
        operators = OperatorCounter()
        with operators:
            for index, batch in enumerate(self._batches):
                self.system.step(self.program, batch, index)
        self.counts = {"flops": operators.flops, "plain_operators": operators.count}

    def _start(self) -> None:
        self._inside = 0.0
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write what the first process measured."""
        if not trainer.is_global_zero:
            return
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        if pl_module.device.type == "cuda":
            memory = torch.cuda.max_memory_allocated()
        result = {"rows": self.rows[self.warm_up :], "counts": self.counts, "memory": memory}
        self.output.write_text(json.dumps(result), encoding="utf-8")


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
