"""Networks filled by the rule that a recording states for each tensor, where it is not the plain one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

CONSTANT = "left alone"  # the rule of a tensor that belongs to the architecture
RULE = re.compile(r"(?:([\d.]+) \+ )?([\d.]+) \* s")


def fill_by_rules(network: nn.Module, shapes: Sequence[Sequence[Any]], rules: Mapping[str, str]) -> None:
    """Give every tensor of the state, in order, the values that the recording states, rounded to float32.

    Args:
        network: whose state is that of the recording, but for constants.
        shapes: official names and shapes, in order.
        rules: official name -> rule, such as `1 + 0.1 * s`.
    """
    values = [
        value(index, shape, rules[name])
        for index, (name, shape, *_) in enumerate(shapes)
        if rules[name] != CONSTANT
    ]
    for tensor, recorded in zip(network.state_dict().values(), values, strict=True):
        assert tensor.shape == recorded.shape
        tensor.copy_(recorded)


def value(index: int, shape: Sequence[int], rule: str) -> Tensor:
    """Return the recorded tensor of this place in the state."""
    places = np.arange(int(np.prod(shape)))
    s = np.sin(0.37 * index + 0.011 * places + (places * places) % 101)
    parts = RULE.fullmatch(rule)
    assert parts, rule
    filled = float(parts[1] or 0) + float(parts[2]) * s
    return torch.from_numpy(filled.astype(np.float32)).view(tuple(shape))


def draw(count: int, *shape: int) -> Tensor:
    """Return the recorded normal draw of this number, cos(0.7 c + 0.9 k): float32 values in float64."""
    values = np.cos(0.7 * count + 0.9 * np.arange(int(np.prod(shape))))
    return torch.from_numpy(values.astype(np.float32)).double().view(shape)
