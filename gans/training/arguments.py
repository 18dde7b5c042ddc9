"""The ranges of the optimisation arguments that every variant has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

RANGES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "learning_rate": (lambda rate: rate >= 0, "is 0 or more"),
    "betas": (
        lambda betas: len(betas) == 2 and all(0 <= beta < 1 for beta in betas),
        "holds two numbers in [0, 1)",
    ),
    "weight_decay": (lambda decay: decay >= 0, "is 0 or more"),
    "decay_share": (lambda share: 0 <= share <= 1, "is a share of the training, from 0 to 1"),
    # Clipping to a negative norm would turn every gradient round.
    "gradient_clip": (lambda norm: norm is None or norm > 0, "is above 0, or null"),
    "accumulate": (lambda batches: batches >= 1, "counts batches, so it is 1 or more"),
    "ema_decay": (lambda decay: 0 <= decay < 1, "lies in [0, 1), for example 0.999"),
}
"""Argument of `gans.base.AdversarialModule` -> whether a value is in its range, and what the range is."""


def check_ranges(arguments: Mapping[str, Any]) -> None:
    """Refuse arguments that are out of range.

    Raises:
        ValueError: naming the argument, its value and its range.
    """
    for name, (is_in_range, expected) in RANGES.items():
        if not is_in_range(arguments[name]):
            raise ValueError(f"model.{name} is {arguments[name]}: it {expected}.")
