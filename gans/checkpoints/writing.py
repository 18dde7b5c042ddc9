"""Checkpoints that are whole or absent: written beside the old file, then put in its place."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from gans.files import written_whole
from gans.training.clock import SharedClock
from gans.training.lightning_internals import stops_amid_epoch


class CheckpointWriteError(OSError):
    """A checkpoint could not be written; the message says where, why, and what still exists."""


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes a checkpoint beside the old one and swaps them when every byte is on disk.

    A process killed while writing, or a disk that fills up, leaves the previous checkpoint as it was.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None
    ) -> None:
        """Write `checkpoint` to the local file `path`.

        Raises:
            CheckpointWriteError: if the file cannot be written, for example because the disk is full.
        """
        target = Path(path)
        for remains in target.parent.glob(f".{target.name}.*.part"):  # of a killed process; only one writes
            remains.unlink()
        try:
            with written_whole(target) as file:
                torch.save(checkpoint, file)
        except (OSError, RuntimeError) as error:  # torch.save reports a full disk as a RuntimeError
            kept = f" {target} still holds the previous checkpoint." if target.exists() else ""
            reason = getattr(error, "strerror", None) or error
            raise CheckpointWriteError(
                f"Could not write the checkpoint {target}: {reason}. Free some space or choose another "
                f"folder with --run.{kept}"
            ) from error


class RunCheckpoint(ModelCheckpoint):
    """ModelCheckpoint that writes one file under RUN/checkpoints and keeps replacing it.

    Without `monitor` it is the newest state (`last.ckpt`); with `monitor` the best one so far (`best.ckpt`),
    looked at whenever that metric is there: metrics need not be computed at every validation.

    Args:
        filename: name of the file without its suffix.
        monitor: metric whose smallest (`mode="min"`) or largest value is kept.
        mode: `min` or `max`.
        every_n_train_steps: write every so many steps instead of after every epoch, for long epochs.
        every_minutes: without `monitor`, write also amid an epoch when nothing was written for so long; 0
            does not.

    Raises:
        ValueError: if `every_minutes` is negative.
    """

    def __init__(
        self,
        filename: str = "last",
        monitor: str | None = None,
        mode: str = "min",
        every_n_train_steps: int | None = None,
        every_minutes: float = 10.0,
    ) -> None:
        if every_minutes < 0:
            raise ValueError(f"every_minutes is {every_minutes}: it is 0, for never, or more.")
        super().__init__(
            filename=filename,
            monitor=monitor,
            mode=mode,
            every_n_train_steps=every_n_train_steps,
            save_on_train_epoch_end=monitor is None,  # a metric is there after validation
            enable_version_counter=False,
        )
        self._clock = SharedClock(60 * every_minutes) if every_minutes and monitor is None else None
        self._steps = 0

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Choose the run folder's checkpoints folder."""
        # Lightning proposes to save the weights before a step: the state after it is the one to go on from.
        warnings.filterwarnings("ignore", message="Using ModelCheckpoint with manual optimization")
        self.dirpath = os.path.join(trainer.default_root_dir, "checkpoints")
        super().setup(trainer, pl_module, stage)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Count the state that a run starts from as saved, or it would be saved amid accumulated batches."""
        if self.monitor is None:
            self._last_global_step_saved = trainer.global_step
        self._steps = trainer.global_step
        if self._clock is not None:
            self._clock.restart()
        super().on_train_start(trainer, pl_module)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Write when it is due by steps or by the clock, and where a training ends amid an epoch.

        At its end Lightning counts that epoch as finished, so a run that goes on from there would leave the
        rest of it out.
        """
        super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)
        # Amid accumulated batches the gradients would be lost.
        stepped, self._steps = trainer.global_step > self._steps, trainer.global_step
        due = self._clock is not None and stepped and self._clock.is_due(trainer)
        ends = stops_amid_epoch(trainer) or trainer.global_step == trainer.max_steps
        follows = trainer.is_last_batch and self._every_n_epochs > 0  # at the end of this epoch
        skip = follows or self._should_skip_saving_checkpoint(trainer)
        if self.monitor is None and (ends or due) and not skip:
            self._save_topk_checkpoint(trainer, self._monitor_candidates(trainer))

    def _save_checkpoint(self, trainer: Trainer, filepath: str) -> None:
        super()._save_checkpoint(trainer, filepath)
        if self._clock is not None:
            self._clock.restart()

    def _should_skip_saving_checkpoint(self, trainer: Trainer) -> bool:
        absent = self.monitor is not None and self.monitor not in trainer.callback_metrics
        return absent or super()._should_skip_saving_checkpoint(trainer)
