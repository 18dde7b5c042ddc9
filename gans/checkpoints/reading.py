"""Checkpoints as files: read without being executed."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

import torch


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Return the contents of a checkpoint of any variant; its tensors stay on disk until they are used.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is no checkpoint of this project, or only a part of one.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such checkpoint.")
    with path.open("rb") as file:
        whole = is_zipfile(file)  # its table of contents is at the end
    if not whole:
        raise ValueError(f"{path} is not a checkpoint, or not a whole one.")
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except (RuntimeError, pickle.UnpicklingError) as error:
        reason = str(error).partition("\n")[0].partition(". ")[0]
        raise ValueError(f"{path} is not a checkpoint of this project: {reason}.") from error
    if not isinstance(checkpoint, dict) or "gans" not in checkpoint:
        raise ValueError(
            f"{path} was not written by this project: it does not name its variant. A file of a paper's "
            "authors becomes a checkpoint by python -m gans.tools.official IN OUT; python -m "
            "gans.tools.upscale takes those of super-resolution as they are."
        )
    return checkpoint
