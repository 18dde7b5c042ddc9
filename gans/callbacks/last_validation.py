"""Validates what a training ends with, where validations are counted in steps."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from gans.callbacks.evaluation import is_last


class LastValidation(Callback):
    """Lets a training whose validations are so many steps apart end with one, as one that counts epochs does.

    Lightning validates before it stops at somebody's wish, but not when it has reached the last step. So the
    last step wishes it.
    """

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Stop after the last step, which is the last of its epoch where epochs are limited."""
        by_steps = 0 < trainer.max_steps <= trainer.global_step
        if trainer.check_val_every_n_epoch is None and (
            by_steps or (trainer.is_last_batch and is_last(trainer))
        ):
            trainer.should_stop = True
