"""Masks of faces by a network of the user's own, for variants that ask for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from torch import nn

from gans.protocol import TakesMasks


class FaceMaskSource(Callback):
    """Gives a StarGANv2 with high-pass what makes masks of faces.

    It is kept here and not among the model's arguments, so that a checkpoint names no code to be executed.

    Args:
        masks: makes masks (N, 2, h, w) in [0, 1] of images (N, C, H, W) in [-1, 1], where these are: of what
            marks a face, and of eyes and nose. A function by its dotted name, or an object by `class_path`.

    Raises:
        ValueError: at the start of a run, if the model takes no masks.
    """

    def __init__(self, masks: Callable[..., Any]) -> None:
        self._masks = masks

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Hand it over."""
        if not isinstance(pl_module, TakesMasks):
            raise ValueError(f"FaceMaskSource: {type(pl_module).__name__} takes no masks of faces.")
        if isinstance(self._masks, nn.Module):
            self._masks.to(trainer.strategy.root_device)
        pl_module.make_masks_by(self._masks)
