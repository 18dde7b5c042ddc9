"""Ways from one point of a latent space to another."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Way = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Start (L,), end (L,) and moments (M,) from 0 to 1 to points (M, L)."""


def linear(start: Tensor, end: Tensor, moments: Tensor) -> Tensor:
    """Return the points (M, L) of a straight line at moments (M,) from 0 (start) to 1 (end)."""
    return torch.lerp(start, end, moments[:, None])


def spherical(start: Tensor, end: Tensor, moments: Tensor) -> Tensor:
    """Return the points (M, L) of an arc around the origin at moments (M,) from 0 (start) to 1 (end).

    The direction turns evenly and the length changes evenly (White 2016, arXiv:1609.04468; Shoemake 1985). A
    straight line between latents of many axes passes points nearer to the origin than any sample; an arc does
    not. Between latents in one line with the origin there is no one arc, and it is the straight line.
    """
    start, end, t = start.double(), end.double(), moments.double()[:, None]
    lengths = start.norm(), end.norm()
    if min(lengths) == 0:
        return linear(start, end, moments.double()).float()
    a, b = start / lengths[0], end / lengths[1]
    angle = torch.arccos((a @ b).clamp(-1, 1))
    if torch.sin(angle) < 1e-6:
        return linear(start, end, moments.double()).float()
    direction = (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)
    points: Tensor = torch.lerp(lengths[0], lengths[1], t) * direction
    return points.float()


PATHS: dict[str, Way] = {"linear": linear, "spherical": spherical}
