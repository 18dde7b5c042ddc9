"""Trainer options that several players need otherwise than Lightning would have them, and processes.

Plain DDP, which Lightning would take for several devices, cannot train them: the strategy is chosen here.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping
from typing import Any

from lightning.pytorch.accelerators import CUDAAccelerator

from gans.cli.errors import UsageError
from gans.training.strategy import GANDDPStrategy

INSTEAD = {
    "gradient_clip_val": (None, "--model.gradient_clip"),
    "accumulate_grad_batches": (1, "--model.accumulate"),
}
"""Trainer option that can serve one player only -> its value when unused, and the option for several."""


def refuse_options_of_one_player(trainer: Mapping[str, Any]) -> None:
    """Say which option to use where Lightning would refuse one with advice that cannot be followed.

    Raises:
        UsageError: if one of them is set.
    """
    for option, (unused, ours) in INSTEAD.items():
        if trainer[option] != unused:
            raise UsageError(f"--trainer.{option} cannot serve several players: use {ours}.")


def strategy_for(trainer: Mapping[str, Any], command: str) -> Any:
    """Return the strategy for the trainer's options: `gan_ddp` for several processes, else theirs.

    Raises:
        UsageError: if training is asked for with a strategy that cannot do it, or the processes that were
            started would not know of each other.
    """
    chosen = trainer["strategy"]
    started = int(os.environ.get("WORLD_SIZE", "1"))
    if started > 1 and not several_processes(trainer):
        raise UsageError(
            f"{started} processes were started from outside, as by torchrun, and each would work by itself: "
            "add --trainer.devices with their number per machine, and --trainer.num_nodes."
        )
    if chosen == "auto":
        return GANDDPStrategy() if several_processes(trainer) else "auto"
    if chosen == "ddp" and command == "fit":
        raise UsageError(
            "--trainer.strategy ddp waits for one backward pass through all parameters, but every player has "
            "its own. Leave the option out, then gan_ddp is taken, or give ddp_find_unused_parameters_true."
        )
    return chosen


def several_processes(trainer: Mapping[str, Any]) -> bool:
    """Tell whether accelerator, devices and nodes make more than one process."""
    devices = trainer["devices"]
    if trainer["num_nodes"] > 1:
        return True
    if isinstance(devices, str) and devices.isdigit():
        devices = int(devices)
    if isinstance(devices, (list, tuple)):
        return len(devices) > 1
    if isinstance(devices, str) and "," in devices:
        return len([part for part in devices.split(",") if part.strip()]) > 1
    if devices not in ("auto", "-1", -1):
        return int(devices) > 1
    return trainer["accelerator"] in ("auto", "gpu", "cuda") and CUDAAccelerator.auto_device_count() > 1


def end_other_processes(trainer: Any, patience: float = 5.0) -> None:
    """End the processes that Lightning has started for more devices; called when this one has failed.

    Left alone, one that waits for this process would notice only when the strategy's timeout is over.

    Args:
        trainer: whose launcher has started them, if any.
        patience: seconds in which they may end by themselves, and say what went wrong there.
    """
    processes: list[subprocess.Popen[bytes]] = getattr(trainer.strategy.launcher, "procs", [])
    deadline = time.monotonic() + patience
    for process in processes:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
