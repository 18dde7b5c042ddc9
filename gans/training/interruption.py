"""Stops a training between two batches when a person or a scheduler asks for it."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from types import FrameType
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn
from lightning.pytorch.utilities.exceptions import SIGTERMException

from gans.training.lightning_internals import stop_after_batch


class SaveOnInterrupt(Callback):
    """Stops a fit after the present batch on SIGTERM or Ctrl-C, and writes RUN/checkpoints/last.ckpt.

    Between two batches the state is whole, so the checkpoint continues the run exactly. Several processes
    agree on the batch and on the signal, whichever of them got it. A second Ctrl-C stops at once. Under
    SLURM, SIGUSR1 (sent by `--signal=SIGUSR1@90` before the time is up) also queues the job again.

    Errors are not saved: their state may be the reason of the error, and the other processes would wait for
    this one.

    Attributes:
        stopped_by: the signal that stopped the fit, or None.
    """

    def __init__(self) -> None:
        self.stopped_by: signal.Signals | None = None
        self._previous: dict[signal.Signals, Any] = {}
        self._steps = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the signals over from Lightning, which answers them amid a batch and without an agreement."""
        self._steps = trainer.global_step
        if threading.current_thread() is not threading.main_thread():
            return  # Python allows signal handlers in the main thread only
        signals = [signal.SIGINT, signal.SIGTERM]
        if "SLURM_JOB_ID" in os.environ:
            signals.append(signal.SIGUSR1)
        for number in signals:
            self._previous[number] = signal.signal(number, self._note)

    def _note(self, number: int, _: FrameType | None) -> None:
        self.stopped_by = signal.Signals(number)
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            rank_zero_info("Stopping after this batch; Ctrl-C again stops at once, without saving.")

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        """End the fit if any process was asked to, unless gradients are still being accumulated."""
        stepped, self._steps = trainer.global_step > self._steps, trainer.global_step
        if stepped and _any_process(trainer, self.stopped_by is not None):
            # Of different signals the first of these counts: a job must be queued again while it can be.
            for number in (signal.SIGUSR1, signal.SIGINT, signal.SIGTERM):
                if _any_process(trainer, self.stopped_by == number):
                    self.stopped_by = number
                    break
            stop_after_batch(trainer)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Save, and queue again if that was asked for, when the fit was stopped between two batches."""
        if not isinstance(exception, SIGTERMException) or trainer.state.fn != "fit":
            return
        self.stopped_by = self.stopped_by or signal.SIGTERM
        last = os.path.join(trainer.default_root_dir, "checkpoints", "last.ckpt")
        trainer.save_checkpoint(last, weights_only=False)  # by default the same, with a line about it
        if self.stopped_by == signal.SIGUSR1 and trainer.is_global_zero:
            _queue_again(os.environ["SLURM_JOB_ID"])

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Give the signals back."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}


def _any_process(trainer: Trainer, decision: bool) -> bool:
    return trainer.strategy.reduce_boolean_decision(decision, all=False)


def _queue_again(job: str) -> None:
    try:
        subprocess.run(["scontrol", "requeue", job], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        rank_zero_warn(
            f"The checkpoint is saved, but `scontrol requeue {job}` failed: {error}. Submit the job again."
        )
    else:
        rank_zero_info(f"Queued job {job} again.")
