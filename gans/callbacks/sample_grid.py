"""The same pictures again and again while training, so that progress can be seen."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.fabric.utilities import move_data_to_device
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_warn
from lightning.pytorch.utilities.seed import isolate_rng
from PIL import Image

from gans.callbacks.evaluation import check_interval, is_due, is_last
from gans.files import written_whole
from gans.inference import evaluating
from gans.pictures.render import middle_slices, render
from gans.protocol import Evaluated

SEED = 0  # of the noise in the pictures: the same in every epoch


class SampleGrid(Callback):
    """Writes RUN/samples/NAME_epoch-0004.png and shows it in the loggers: the same inputs every time.

    Counted in steps, which do not depend on the number of images, it is NAME_step-0004000.png; so are the
    pictures that are drawn soon after the start, amid an epoch.

    The inputs are `datamodule.preview(count)`, the columns come from the module's `grids`. Neither the
    module's modes nor the random numbers of the training are touched.

    Args:
        count: rows of a grid.
        every_n_epochs: draw after every n-th epoch and after the last.
        every_n_steps: draw after every n-th step and after the last, instead.
        before_training: draw also before the first step, as epoch 0000. On a CPU this may take longer than
            all else before that step.
        first_seconds: where nothing was drawn so many seconds after the start, draw after the step that ends
            then; None does not.

    Raises:
        ValueError: if `count`, `every_n_epochs` or `every_n_steps` is below 1, or `first_seconds` negative.
    """

    def __init__(
        self,
        count: int = 8,
        every_n_epochs: int = 1,
        before_training: bool = False,
        every_n_steps: int | None = None,
        first_seconds: float | None = 20.0,
    ) -> None:
        if count < 1:
            raise ValueError(f"count is {count}: a grid has 1 row or more.")
        if first_seconds is not None and first_seconds < 0:
            raise ValueError(f"first_seconds is {first_seconds}: it is 0 or more, or null.")
        self._first_seconds = first_seconds
        self._first_due: float | None = None
        self._count = count
        self._every_n_epochs = check_interval(every_n_epochs)
        if every_n_steps is not None and every_n_steps < 1:
            raise ValueError(f"every_n_steps is {every_n_steps}: it is 1 or more.")
        self._before_training = before_training
        self._every_n_steps, self._drawn_step = every_n_steps, 0
        self._batch: Any = None
        self._neighbours = 0

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Fetch the inputs, once; a data module that has no `preview` costs a warning."""
        data = getattr(trainer, "datamodule", None)
        preview, self._neighbours = getattr(data, "preview", None), getattr(data, "slice_neighbours", 0)
        if preview is None:
            rank_zero_warn("No sample grids are drawn: the data module has no method `preview`.")
        elif trainer.is_global_zero:
            self._batch = preview(self._count)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw what the untrained networks make; a resumed run has these pictures already."""
        if self._before_training and trainer.global_step == 0:
            self._draw(trainer, pl_module, "epoch-0000")
        if self._first_seconds is not None:
            self._first_due = time.monotonic() + self._first_seconds

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Draw, if steps are counted and it is due, or when it is time for the first pictures.

        Batches that are accumulated are one step. The process that draws need not ask the others.
        """
        step, every = trainer.global_step, self._every_n_steps
        first = self._first_due is not None and time.monotonic() >= self._first_due
        first = first and not trainer.is_last_batch  # after it an epoch's may follow
        if step > self._drawn_step and (first or (every is not None and step % every == 0)):
            self._draw_step(trainer, pl_module)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw, if epochs are counted and it is due; and at the end of the training."""
        if self._every_n_steps is None and is_due(trainer, self._every_n_epochs):
            self._draw(trainer, pl_module, f"epoch-{trainer.current_epoch + 1:04d}")
        elif self._every_n_steps is not None and trainer.global_step > self._drawn_step and is_last(trainer):
            self._draw_step(trainer, pl_module)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Let the inputs go."""
        self._batch = None

    def _draw_step(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._drawn_step = trainer.global_step
        self._draw(trainer, pl_module, f"step-{trainer.global_step:07d}")

    def _draw(self, trainer: Trainer, pl_module: LightningModule, when: str) -> None:
        self._first_due = None
        if self._batch is None:  # no preview, or not the first process
            return
        assert isinstance(pl_module, Evaluated)
        precision = trainer.precision_plugin
        batch = precision.convert_input(move_data_to_device(self._batch, pl_module.device))
        with isolate_rng(), evaluating(pl_module), torch.no_grad(), precision.forward_context():
            torch.manual_seed(SEED)
            grids = pl_module.grids(batch)
        for name, grid in grids.items():
            if min(map(len, grid.columns.values()), default=0):  # a domain may have no held-out image
                picture = render(middle_slices(grid, self._neighbours))
                with written_whole(Path(trainer.default_root_dir, "samples", f"{name}_{when}.png")) as file:
                    picture.save(file, format="PNG")
                _show(trainer, name, picture)


def _show(trainer: Trainer, name: str, picture: Image.Image) -> None:
    """Hand a picture to the loggers that take one: W&B's by its method `log_image`, and TensorBoard's."""
    key, step = f"samples/{name}", trainer.global_step
    for logger in trainer.loggers:
        if hasattr(logger, "log_image"):
            logger.log_image(key=key, images=[picture], step=step)
        elif isinstance(logger, TensorBoardLogger):
            logger.experiment.add_image(key, np.asarray(picture), step, dataformats="HWC")
