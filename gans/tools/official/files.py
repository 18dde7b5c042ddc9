"""The authors' files: read without being executed, and gathered from a folder."""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

SUFFIXES = (".pth", ".pt", ".ckpt")
NO_NETWORKS = ("optimizer.pt",)  # MUNIT's, beside its networks

State = dict[str, Tensor]


class OfficialFile(NamedTuple):
    """One network of the authors, as a file holds it.

    Attributes:
        path: the file.
        side: `A` or `B` where the file says of which of two it is, else empty.
        state: names of the authors -> tensors.
    """

    path: Path
    side: str
    state: State


def read_official(path: Path) -> list[OfficialFile]:
    """Return the networks in a file, or in the newest files of a folder.

    Of files whose names differ by a number alone, such as `5_net_G.pth` and `10_net_G.pth`, the one with the
    highest number is taken, and before it the one with `latest`.

    Raises:
        FileNotFoundError: if there is no such file, or none of these in the folder.
        ValueError: if a file holds something else, or cannot be read without executing it.
    """
    if path.is_dir():
        files = _newest(sorted(file for file in path.iterdir() if file.suffix in SUFFIXES))
        if not files:
            raise FileNotFoundError(f"{path}: no file in this folder ends in {', '.join(SUFFIXES)}.")
        return [network for file in files for network in _networks(file)]
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file or folder.")
    return _networks(path)


def _newest(files: list[Path]) -> list[Path]:
    newest: dict[str, tuple[float, Path]] = {}
    for file in files:
        if file.name in NO_NETWORKS:
            continue
        number = re.search(r"latest|\d+", file.stem)
        network = re.sub(r"latest|\d+", "", file.stem)
        age = float("inf") if number is None or number[0] == "latest" else float(number[0])
        if network not in newest or newest[network][0] < age:
            newest[network] = age, file
    return [file for _, file in newest.values()]


def _networks(path: Path) -> list[OfficialFile]:
    contents = _loaded(path)
    if isinstance(contents, dict) and contents and set(contents) <= {"a", "b"}:  # MUNIT's two domains
        return [OfficialFile(path, side.upper(), _state(path, state)) for side, state in contents.items()]
    if isinstance(contents, dict) and contents and set(contents) <= {"params", "params_ema"}:  # BasicSR's
        contents = contents.get("params_ema", contents.get("params"))
    side = re.search(r"_[GD]_([AB])$", path.stem)
    return [OfficialFile(path, side[1] if side else "", _state(path, contents))]


def _loaded(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        # Two wordings: of what is not known to be harmless, and of what is known not to be.
        needs = re.search(r"unsupported global[^\n]*?((?:GLOBAL )?[\w.]+\.\w+)", str(error), re.IGNORECASE)
        reason = (
            f"it wants {needs[1].removeprefix('GLOBAL ')} to be run, which no weights need"
            if needs
            else "it is no file of torch.save, or not a whole one"
        )
        raise ValueError(
            f"{path} is refused: {reason}. Files are read as tensors alone; if you trust this one, load it "
            "with the authors' program and save its state_dict()."
        ) from error


def _state(path: Path, contents: Any) -> State:
    if not isinstance(contents, dict) or not contents:
        raise ValueError(f"{path} holds no state_dict but a {type(contents).__name__}.")
    others = [str(name) for name, value in contents.items() if not isinstance(value, Tensor)]
    if others:
        raise ValueError(f"{path} holds more than a network's tensors: {', '.join(others[:5])}.")
    parallel = all(name.startswith("module.") for name in contents)  # nn.DataParallel's
    return {name.removeprefix("module.") if parallel else name: value for name, value in contents.items()}
