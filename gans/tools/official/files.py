"""The authors' files: read without being executed, and gathered from a folder."""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gans.tools.official.modules import networks_in
from gans.tools.official.pickles import read_pickle

SUFFIXES = (".pth", ".pt", ".ckpt", ".pkl")
IN_SNAPSHOTS = ("G", "D", "G_ema")  # networks of StyleGAN2-ADA's and R3GAN's pickles; there is more in them
WRAPPERS = ("module.", "Model.")  # of nn.DataParallel, and of R3GAN's training program
NO_NETWORKS = r"optimizer\.pt|\d+_optims\.ckpt|wing\.ckpt"  # what MUNIT and StarGAN v2 have beside networks
OF_STARGAN_V2 = {"generator", "mapping_network", "style_encoder", "discriminator", "fan"}
LANDMARKS = "fan"  # the network of landmarks, which is none of the variant's

State = dict[str, Tensor]


class OfficialFile(NamedTuple):
    """One network of the authors, as a file holds it.

    Attributes:
        path: the file.
        side: which of several it is, where the file says so: `A` or `B`; or `G`, `D` or `G_ema`. Else empty.
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
        return _averaged_first([network for file in files for network in _networks(file)])
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file or folder.")
    return _networks(path)


def _newest(files: list[Path]) -> list[Path]:
    newest: dict[str, tuple[float, Path]] = {}
    for file in files:
        if re.fullmatch(NO_NETWORKS, file.name):
            continue
        number = re.search(r"latest|\d+", file.stem)
        network = re.sub(r"latest|\d+", "", file.stem)
        age = float("inf") if number is None or number[0] == "latest" else float(number[0])
        if network not in newest or newest[network][0] < age:
            newest[network] = age, file
    return [file for _, file in newest.values()]


def _averaged_first(networks: list[OfficialFile]) -> list[OfficialFile]:
    """Leave out a network of StarGAN v2 as trained where its average is there too, in *_nets_ema.ckpt."""
    averaged = [tuple(found.state) for found in networks if found.path.stem.endswith("_nets_ema")]
    return [
        found
        for found in networks
        if not (re.fullmatch(r"\d+_nets", found.path.stem) and tuple(found.state) in averaged)
    ]


def _networks(path: Path) -> list[OfficialFile]:
    if path.suffix == ".pkl":
        return _of_snapshot(path)
    contents = _loaded(path)
    if isinstance(contents, dict) and "generator" in contents and set(contents) <= OF_STARGAN_V2:
        states = {name: state for name, state in contents.items() if name != LANDMARKS}
        return [OfficialFile(path, "", _state(path, state)) for state in states.values()]
    if isinstance(contents, dict) and contents and set(contents) <= {"a", "b"}:  # MUNIT's two domains
        return [OfficialFile(path, side.upper(), _state(path, state)) for side, state in contents.items()]
    if isinstance(contents, dict) and contents and set(contents) <= {"params", "params_ema"}:  # BasicSR's
        contents = contents.get("params_ema", contents.get("params"))
    side = re.search(r"(?<=_[GD]_)[AB]$|^(G|D|G_ema)$", path.stem)
    return [OfficialFile(path, side[0] if side else "", _state(path, contents))]


def _of_snapshot(path: Path) -> list[OfficialFile]:
    contents = read_pickle(path)
    try:
        found = networks_in(contents)
    except ValueError as error:
        raise ValueError(f"{path}: {error}.") from error
    if not found.keys() & set(IN_SNAPSHOTS):
        raise ValueError(f"{path} is a pickle without {', '.join(IN_SNAPSHOTS)}, which are networks.")
    return [OfficialFile(path, name, _state(path, found[name])) for name in IN_SNAPSHOTS if name in found]


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
    wrapper = next((each for each in WRAPPERS if all(name.startswith(each) for name in contents)), "")
    return {name.removeprefix(wrapper): value for name, value in contents.items()}
