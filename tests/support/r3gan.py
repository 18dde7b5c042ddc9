"""The recorded networks of R3GAN: the rule that fills them, by the authors' names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gans.tools.official.names import official_filters, official_names


def recorded_state(entries: Sequence[Sequence[Any]], rules: Mapping[str, str]) -> dict[str, Tensor]:
    """Return the state that the recorded rule gives, in float32, without filters.

    Args:
        entries: the authors' names and shapes, in their order; as the files list them.
        rules: the authors' names -> such as `0.37 * s`; as the files list them.
    """
    state = {}
    for index, (name, shape, *_) in enumerate(entries):
        factor, _, wave = rules[name].partition(" * ")
        if not wave:  # a filter, left alone
            continue
        j = np.arange(int(np.prod(shape)))
        s = np.sin(0.37 * index + 0.011 * j + (j * j % 101))
        values = float(factor) * s
        state[name.removeprefix("Model.")] = torch.from_numpy(values.astype(np.float32)).view(*shape)
    return state


def fill(network: nn.Module, entries: Sequence[Sequence[Any]], rules: Mapping[str, str]) -> None:
    """Give a network what the recorded rule gives; its names, shapes and filters must be the authors'."""
    state, names = recorded_state(entries, rules), official_names(network)
    kernels = {name.removeprefix("Model.") for name, *_ in entries if name.endswith("Kernel")}
    assert set(names.values()) == set(state)
    assert set(official_filters(network)) == kernels
    network.load_state_dict({ours: state[theirs] for ours, theirs in names.items()})


def noise(*shape: int, count: int | None = None) -> Tensor:
    """Return recorded noise in float64, rounded to float32: cos(0.9 k), or of draw c cos(0.7 c + 0.9 k)."""
    values = np.cos(0.7 * (count or 0) + 0.9 * np.arange(int(np.prod(shape))))
    return torch.from_numpy(values.astype(np.float32)).double().view(*shape)
