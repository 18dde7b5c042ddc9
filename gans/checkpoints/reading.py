"""Checkpoints as files: read without being executed."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import is_zipfile

import lightning as L
import torch

if TYPE_CHECKING:
    from typing_extensions import Self


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
        raise ValueError(f"{path} was not written by this project: it does not name its variant.")
    return checkpoint


class Loadable(L.LightningModule):
    """A module of which `load_from_checkpoint` executes nothing and refuses checkpoints of other variants."""

    @classmethod
    def load_from_checkpoint(
        cls,
        checkpoint_path: Any,
        map_location: Any = None,
        hparams_file: Any = None,
        strict: bool | None = None,
        weights_only: bool | None = True,
        **arguments: Any,
    ) -> Self:
        """Return the trained model in a checkpoint of this variant.

        Lightning's method of this name explains the arguments; `gans.load` asks for no variant.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if the file holds another variant, or is no whole checkpoint of this project.
        """
        if isinstance(checkpoint_path, str | Path) and "://" not in str(checkpoint_path):
            checkpoint_path = Path(checkpoint_path).expanduser()
            held = read_checkpoint(checkpoint_path)["gans"]["variant"]
            if held != cls.__name__:
                raise ValueError(
                    f"{checkpoint_path} holds a {held}, not a {cls.__name__}: use "
                    f"{held}.load_from_checkpoint, or gans.load, which loads any variant."
                )
        return super().load_from_checkpoint(
            checkpoint_path, map_location, hparams_file, strict, weights_only, **arguments
        )
