"""Directions that a model's own weights tell, without any image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from gans.cli.errors import UsageError
from gans.tools.latents.decoder import Decoder
from gans.tools.latents.layers import moved, recorded
from gans.tools.latents.sheet import Sheet
from gans.tools.latents.starts import starts


def sefa(
    decoder: Decoder,
    count: int = 6,
    seed: int = 0,
    steps: Sequence[float] = (-3.0, -1.5, 0.0, 1.5, 3.0),
    layers: Sequence[int] | None = None,
    projected: Path | None = None,
) -> Sheet:
    """Move one sample along the directions that the first layer, or those of the styles, amplifies most.

    They are the eigenvectors of the largest eigenvalues of A'A, where A takes a latent to the first features;
    its rows are of length 1. Along them what the image is made of changes most. A step of 1 is a standard
    deviation of the latents along the direction.

    Paper: Shen & Zhou 2021, arXiv:2007.06600 (SeFa).

    Args:
        decoder: the variant.
        count: directions that are shown; there are as many as numbers in a latent.
        seed: of the sample.
        steps: how far it is moved.
        layers: of a model with styles: those whose directions are looked for, and in which it is moved.
        projected: the .npz of `project`, of a picture that is moved instead of the sample.

    Raises:
        UsageError: if a step occurs twice, none are to be shown, or there are no such layers.
        ValueError: if the model does not begin with a linear layer.
    """
    if len(set(steps)) < len(steps):
        raise UsageError(f"--steps {' '.join(map(str, steps))}: one of them occurs twice.")
    if count < 1:
        raise UsageError(f"--count {count}: at least 1.")
    values, directions = strongest_directions(decoder.first_weights(layers), count)
    ways = directions * decoder.spread(directions)[:, None]
    start = starts(decoder, [seed], projected)
    moves = torch.tensor(steps)[:, None] * ways[:, None]
    return Sheet(
        moved(decoder, start.latents.expand_as(moves), moves, layers),
        columns=[f"{step:+g}" for step in steps],
        rows=[f"direction {number}" for number in range(len(ways))],
        numbers={"direction": ways.numpy(), "eigenvalues": values.numpy(), "steps": np.array(steps)}
        | recorded(layers),
        findings=[f"Of {start.names[0]}; a step of 1 is a standard deviation of the latents."],
        decoder=start.decoder,
    )


def strongest_directions(weights: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the largest eigenvalues (count,) of weights (features, L), and their directions (count, L).

    Directions are of length 1, the largest of their numbers above 0.
    """
    rows = F.normalize(weights.double())
    values, vectors = torch.linalg.eigh(rows.t() @ rows)
    directions = vectors.t().flip(0)[:count]
    largest = directions.gather(1, directions.abs().argmax(1, keepdim=True))
    return values.flip(0)[:count].float(), (directions * largest.sign()).float()
