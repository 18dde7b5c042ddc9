"""What was drawn while the official degradations were recorded, by the rules that their JSON states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from support.parity import vectors
from torch import Tensor

RECORDED = vectors("degradations")


def entry(name: str) -> dict[str, Any]:
    """Return what is said about one recorded piece."""
    facts: dict[str, Any] = RECORDED.facts["entries"][name]
    return facts


def array(name: str) -> Tensor:
    """Return a recorded piece in float64."""
    stored = RECORDED.arrays.get(f"{name}/float64")
    return torch.from_numpy(RECORDED.arrays[name] if stored is None else stored).double()


def normal(shape: Sequence[int], draw: int) -> Tensor:
    """Return the recorded normal numbers of a draw: float32 values in float64."""
    values = np.cos(0.7 * draw + 0.9 * np.arange(np.prod(shape)))
    return torch.from_numpy(values.astype(np.float32)).double().view(*shape)


def poisson(rate: Tensor, draw: int) -> Tensor:
    """Return the recorded counts of a draw."""
    return rate.floor() + (torch.arange(rate.numel()).view(rate.shape) + draw) % 3


def number(draw: str) -> int:
    """Return the 12 of a log's `c=12`."""
    return int(draw.removeprefix("c="))
