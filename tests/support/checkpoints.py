"""Checkpoints of untrained variants at toy size, without the seconds of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from support.toys import make_model

from gans.base import AdversarialModule


def write_checkpoint(path: Path, name: str, contents: dict[str, Any] | None = None, **arguments: Any) -> Path:
    """Write what a run of the variant at toy size would keep; `contents` replace parts of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(checkpoint_of(make_model(name, **arguments)) | (contents or {}), path)
    return path


def checkpoint_of(model: AdversarialModule) -> dict[str, Any]:
    """Return what a checkpoint of the model holds, as far as loading it goes."""
    checkpoint = {
        "pytorch-lightning_version": "2.6.1",
        "state_dict": model.state_dict(),
        "hyper_parameters": dict(model.hparams),
    }
    model.on_save_checkpoint(checkpoint)
    return checkpoint
