"""Pictures of latents that are moved, and films from seed to seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from gans.inference import to_pil
from gans.tools.latents.decoder import Decoder, StyleDecoder, decoder_of
from gans.tools.playground.directions import read_direction

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
    found = [(read_direction(place), amount) for place, amount in (directions or {}).items()]
    latents = decoder.from_noise(noise)
    for each, amount in found:
        if each.space == "z":
            latents = latents + amount * each.direction
    if all(each.space == "z" for each, _ in found):
        return decoder(latents)
    among_styles = decoder_of(model, label, "w", **decoding)
    assert isinstance(among_styles, StyleDecoder)
    styles = among_styles.styles_of(latents)[:, None].repeat(1, among_styles.layers, 1)
    for each, amount in found:
        if each.space == "w":
            styles[:, each.layers] += amount * each.direction
    return among_styles(styles.flatten(1))


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
