"""Directions that were found in a latent space, and kept beside a run."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gans.cli.run_folder import run_of


class Direction(NamedTuple):
    """One that was found.

    Attributes:
        direction: (L,).
        space: that it lies in: z or w.
        layers: in which styles w are moved.
    """

    direction: Tensor
    space: str
    layers: slice | list[int]


def found_directions(checkpoint: Path) -> dict[str, str]:
    """Return the directions that `gans.tools.latents` has found and kept beside a run: name -> place.

    A place is a file, or FILE:K of the K-th direction of a file with several.
    """
    run = run_of(checkpoint)
    found = {}
    for path in sorted((run / "latents").glob("*.npz")) if run else []:
        with np.load(path, allow_pickle=False) as arrays:
            shape = arrays["direction"].shape if "direction" in arrays else None
        if shape is not None and len(shape) == 1:
            found[path.stem] = str(path)
        elif shape is not None:
            found |= {f"{path.stem} {number}": f"{path}:{number}" for number in range(shape[0])}
    return found


def read_direction(place: str) -> Direction:
    """Return the direction at a place that `found_directions` names."""
    path, _, number = place.rpartition(":") if place.rpartition(":")[2].isdecimal() else (place, "", "")
    with np.load(path, allow_pickle=False) as arrays:
        every = torch.from_numpy(arrays["direction"]).float()
        space = str(arrays["space"]) if "space" in arrays else "z"
        layers = arrays["layers"].tolist() if "layers" in arrays else slice(None)
    return Direction(every[int(number)] if number else every, space, layers)
