"""Pictures of latents that are moved, and films from seed to seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gans.cli.run_folder import run_of
from gans.inference import to_pil
from gans.tools.latents.decoder import Decoder, StyleDecoder, decoder_of

EXTENT = 3.0  # standard deviations that an axis is turned by to see what it changes
PIXELS_TRIED = 2**19  # of all pictures that are made to see it


def moved(
    model: Any,
    seeds: Sequence[int],
    directions: Mapping[str, float] | None = None,
    axes: Mapping[int, float] | None = None,
    label: int | None = None,
    **decoding: Any,
) -> Tensor:
    """Return the images of seeds whose latents are moved: (N, C, H, W) in [-1, 1].

    Args:
        model: a variant with a latent.
        seeds: of the latents.
        directions: file of `python -m gans.tools.latents` with a direction -> how many times that is added.
            FILE:K is the K-th of a file with several, from 0. One among styles w moves these.
        axes: number of an axis of the noise that the latents are made of -> what is added, in standard
            deviations.
        label: class of all images, of a model with classes.
        **decoding: what else the model's `decode` takes, such as a truncation.
    """
    decoder = Decoder(model, label, **decoding)
    noise = decoder.noise(seeds)
    for axis, amount in (axes or {}).items():
        noise[:, axis] += amount
    moves = {"z": torch.zeros(()), "w": torch.zeros(())}
    for place, amount in (directions or {}).items():
        found = read_direction(place)
        moves[found.space] = moves[found.space] + amount * found.direction
    latents = decoder.from_noise(noise) + moves["z"]
    if not moves["w"].any():
        return decoder(latents)
    among_styles = decoder_of(model, label, "w", **decoding)
    assert isinstance(among_styles, StyleDecoder)
    return among_styles(among_styles.styles_of(latents) + moves["w"])


def film(model: Any, seeds: Sequence[int], frames: int = 24, label: int | None = None) -> list[Image.Image]:
    """Return a film that passes the latents of seeds along arcs and returns to the first, without an end.

    Among styles it passes along straight lines.

    Args:
        model: a variant with a latent.
        seeds: two or more.
        frames: from one seed to the next.
        label: class of all images, of a model with classes.
    """
    decoder = decoder_of(model, label)
    ends = decoder.noise(seeds)
    moments = torch.arange(frames) / frames
    walk = list(decoder.paths.values())[-1]
    walks = [walk(start, end, moments) for start, end in zip(ends, ends.roll(-1, dims=0), strict=True)]
    return to_pil(decoder(decoder.from_noise(torch.cat(walks))))


class Direction(NamedTuple):
    """A direction (L,), and the space that it lies in: z or w."""

    direction: Tensor
    space: str


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
    return Direction(every[int(number)] if number else every, space)


def strongest_axes(model: Any, count: int, label: int | None = None) -> list[int]:
    """Return the axes of the noise that change the picture of seed 0 most, of those that are tried.

    So many axes are tried, from the first on, as make `PIXELS_TRIED`.
    """
    decoder = Decoder(model, label)
    noise = decoder.noise([0])
    pixels = decoder(decoder.from_noise(noise))[0, 0].numel()
    tried = min(decoder.latent_size, max(count, PIXELS_TRIED // (2 * pixels)))
    ends = noise.repeat(tried, 2, 1)
    for axis in range(tried):
        ends[axis, :, axis] = torch.tensor([-EXTENT, EXTENT])
    images = decoder(decoder.from_noise(ends))
    changes = (images[:, 0] - images[:, 1]).abs().flatten(1).mean(1)
    strongest: list[int] = changes.argsort(descending=True, stable=True)[:count].tolist()
    return strongest
