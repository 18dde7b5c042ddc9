"""Walks through a latent space: over a plane, between seeds, along one axis, and towards the middle."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from gans.cli.errors import UsageError
from gans.tools.latents.decoder import Decoder
from gans.tools.latents.sheet import Sheet

AXES_SHOWN = 8  # of a latent with more, where the user names none


def grid(decoder: Decoder, axes: Sequence[int] = (0, 1), count: int = 9, seed: int = 0) -> Sheet:
    """Lay a grid over two axes, at equal steps of probability: the quantiles of the normal distribution.

    So each picture stands for the same share of all samples (Kingma & Welling 2014, arXiv:1312.6114, figure
    4). Values rise to the right along the first axis and upwards along the second; all other axes stay at
    those of the seed.

    Raises:
        UsageError: if there are not two different axes that the latent has, or `count` is below 2.
    """
    decoder.check_axes(axes)
    if len(set(axes)) != 2 or len(axes) != 2:
        raise UsageError(f"--axes {' '.join(map(str, axes))}: a grid lies over two different axes.")
    if count < 2:
        raise UsageError(f"--count {count}: a grid has 2 rows or more.")
    values = quantiles(count)
    across, up = axes
    noise = decoder.noise([seed]).repeat(count, count, 1)
    noise[:, :, across] = values
    noise[:, :, up] = values.flip(0)[:, None]
    labels = [f"{value:+.2f}" for value in values.tolist()]
    return Sheet(
        decoder.from_noise(noise),
        columns=labels,
        rows=labels[::-1],
        numbers={"axes": np.array(axes), "values": values.numpy(), "seeds": np.array([seed])},
        findings=[f"Axis {across} rises to the right and axis {up} upwards."],
    )


def quantiles(count: int) -> Tensor:
    """Return the middles of `count` slices of equal probability of the normal distribution, (count,)."""
    middles = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    values: Tensor = torch.special.ndtri(middles)
    return values.float()


def interpolate(decoder: Decoder, seeds: Sequence[int], steps: int = 9, frames: int = 24) -> Sheet:
    """Walk from seed to seed, along straight lines and in z along arcs, as a strip and as an endless GIF.

    Args:
        decoder: the variant.
        seeds: two or more; the walk passes them in this order, the GIF then returns to the first.
        steps: pictures of a strip, its two ends included.
        frames: of the GIF, from one seed to the next.

    Raises:
        UsageError: if there are fewer than two seeds, or a number is too small.
    """
    if len(seeds) < 2:
        raise UsageError(
            f"--seeds {' '.join(map(str, seeds))}: there is nothing to walk between; give two or more."
        )
    if steps < 2 or frames < 1:
        raise UsageError(f"--steps {steps} --frames {frames}: at least 2 steps and 1 frame.")
    ends = decoder.noise(seeds)
    rows, strips = [], []
    for start, end in zip(range(len(seeds) - 1), range(1, len(seeds)), strict=True):
        for name, path in decoder.paths.items():
            rows.append(f"{seeds[start]} to {seeds[end]}, {name}")
            strips.append(path(ends[start], ends[end], torch.linspace(0, 1, steps)))
    moments = torch.arange(frames) / frames
    following = ends.roll(-1, dims=0)
    moving = [
        torch.stack([path(*pair, moments) for path in decoder.paths.values()], dim=1)
        for pair in zip(ends, following, strict=True)
    ]
    return Sheet(
        decoder.from_noise(torch.stack(strips)),
        columns=[f"{moment:.3f}" for moment in torch.linspace(0, 1, steps).tolist()],
        rows=rows,
        frames=decoder.from_noise(torch.cat(moving)),
        frame_columns=list(decoder.paths),
        numbers={"seeds": np.array(seeds)},
    )


def turn(
    decoder: Decoder, axes: Sequence[int] | None = None, seed: int = 0, count: int = 7, extent: float = 3.0
) -> Sheet:
    """Turn one axis at a time, as one turns a knob: one row per axis, all other axes at those of the seed.

    Args:
        decoder: the variant.
        axes: which; by default those, at most 8, that change the picture most between their two ends.
        seed: what is turned.
        count: pictures in a row.
        extent: how far to either side of 0, in standard deviations.

    Raises:
        UsageError: if the latent does not have an axis, or a number is too small.
    """
    if count < 2 or extent <= 0:
        raise UsageError(f"--count {count} --extent {extent}: at least 2 pictures, and an extent above 0.")
    values = torch.linspace(-extent, extent, count)
    ends = values[[0, -1]]
    noise = decoder.noise([seed])[0]
    if axes is None:
        images = decoder(decoder.from_noise(_turned(noise, range(decoder.latent_size), ends)))
        changes = (images[:, 0] - images[:, 1]).abs().flatten(1).mean(1)
        axes = changes.argsort(descending=True, stable=True)[:AXES_SHOWN].tolist()
    decoder.check_axes(axes)
    return Sheet(
        decoder.from_noise(_turned(noise, axes, values)),
        columns=[f"{value:+.2f}" for value in values.tolist()],
        rows=[f"axis {axis}" for axis in axes],
        numbers={"axes": np.array(axes), "values": values.numpy(), "seeds": np.array([seed])},
    )


def _turned(noise: Tensor, axes: Sequence[int], values: Tensor) -> Tensor:
    """Return the noise (L,) with each axis at each value: (axes, values, L)."""
    turned = noise.repeat(len(axes), len(values), 1)
    for row, axis in zip(turned, axes, strict=True):
        row[:, axis] = values
    return turned


def truncate(
    decoder: Decoder,
    seeds: Sequence[int] = range(8),
    factors: Sequence[float] = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25),
) -> Sheet:
    """Pull the latents of seeds towards the middle: less variety, and more of what is common in the data.

    The noise of each latent is multiplied by each factor, so that it moves towards 0, its mean. Among styles
    this is the truncation of StyleGAN: each moves towards their mean (Karras et al. 2019, arXiv:1812.04948).
    A factor of 1 is the sample itself.

    Raises:
        UsageError: if a factor occurs twice.
    """
    if len(set(factors)) < len(factors):
        raise UsageError(f"--factors {' '.join(map(str, factors))}: one of them occurs twice.")
    scale = torch.tensor(factors)
    return Sheet(
        decoder.from_noise(decoder.noise(seeds)[:, None] * scale[:, None]),
        columns=[f"x {factor:g}" for factor in factors],
        rows=[f"seed {seed}" for seed in seeds],
        numbers={"factors": scale.numpy(), "seeds": np.array(seeds)},
    )
