"""Where the time of a step goes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch.profiler import ProfilerActivity, profile

TOP = 10


class TopTen(Callback):
    """Profiles some steps and writes what took the most time itself: kernels of a GPU, or operators on a CPU.

    Args:
        output: JSON file: `total` milliseconds of a step, and `rows` of name, calls and milliseconds.
        system: that is trained; not used, as the command line has it.
        warm_up: steps before.
        steps: that are profiled.
    """

    def __init__(self, output: str, system: str, warm_up: int = 3, steps: int = 2) -> None:
        self._output, self._warm_up, self._steps = Path(output), warm_up, steps
        self._profile: Any = None

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Begin after the warm-up."""
        if trainer.global_step == self._warm_up:
            activities = [ProfilerActivity.CPU]
            activities += [ProfilerActivity.CUDA] if torch.cuda.is_available() else []
            self._profile = profile(activities=activities)
            self._profile.__enter__()

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """End it and write the table."""
        if trainer.global_step < self._warm_up + self._steps or trainer.should_stop:
            return
        self._profile.__exit__(None, None, None)
        on_gpu = torch.cuda.is_available()
        key = "self_device_time_total" if on_gpu else "self_cpu_time_total"
        # On a GPU the kernels alone: the operators that begin them have the same time once more.
        events = [e for e in self._profile.key_averages() if (e.device_type.name != "CPU") == on_gpu]
        events.sort(key=lambda event: -getattr(event, key))
        per_step = 1e3 * self._steps  # microseconds of all steps -> milliseconds of one
        rows = [[event.key, event.count // self._steps, getattr(event, key) / per_step] for event in events]
        total = sum(milliseconds for _, _, milliseconds in rows)
        self._output.write_text(json.dumps({"total": total, "rows": rows[:TOP]}), encoding="utf-8")
        trainer.should_stop = True
