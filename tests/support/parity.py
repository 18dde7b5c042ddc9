"""The official programs' recorded values (tests/parity), the rule that fills weights, and the comparison."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

FOLDER = Path(__file__).parents[1] / "parity"
RUNNING = ("running_mean", "running_var", "num_batches_tracked")
SINGULAR = ("left", "right", "weight_u", "weight_v")  # vectors of spectral norm, ours and the official ones
CONSTANTS = ("filt",)  # of the architecture: they are counted, and no part of the state here


@dataclass(frozen=True)
class Vectors:
    """What was recorded of one network: the JSON's facts and the NPZ's arrays."""

    facts: dict[str, Any]
    arrays: dict[str, np.ndarray[Any, Any]]


def vectors(name: str) -> Vectors:
    """Load the recorded values of one network."""
    facts = json.loads((FOLDER / f"{name}.json").read_text())
    with np.load(FOLDER / f"{name}.npz") as arrays:
        return Vectors(facts, dict(arrays))


def wave(*shape: int, function: Callable[[Any], Any] = np.sin) -> Tensor:
    """Return the recorded input, sin (or cos) of 0.013 k over the flat index k: float32 values in float64."""
    values = function(0.013 * np.arange(np.prod(shape)))
    return torch.from_numpy(values.astype(np.float32)).double().view(shape)


def picture(*shape: int, frequency: float = 0.013) -> Tensor:
    """Return the recorded picture, 0.5 + 0.5 sin(frequency k): float32 values in float64."""
    values = 0.5 + 0.5 * np.sin(frequency * np.arange(np.prod(shape)))
    return torch.from_numpy(values.astype(np.float32)).double().view(shape)


def fill(network: nn.Module, official: Sequence[str] = (), scale: float = 0.05) -> None:
    """Give every tensor of the state, in order, the values of the recorded networks (rounded to float32).

    Args:
        network: whose state is filled.
        official: names of the official state, where it has running statistics or constants that the network
            lacks.
        scale: of tensors of two and more dimensions.
    """
    state = network.state_dict()
    lacking = RUNNING + CONSTANTS if len(official) > len(state) else ()
    places = [index for index, name in enumerate(official) if name.rpartition(".")[2] not in lacking]
    for index, (name, tensor) in zip(places or range(len(state)), state.items(), strict=True):
        s = np.sin(0.37 * index + 0.011 * np.arange(tensor.numel()))
        values = _values(name.rpartition(".")[2], tensor.ndim, s, scale).astype(np.float32)
        with torch.no_grad():
            tensor.copy_(torch.from_numpy(values).view(tensor.shape))


def official_state(name: str, scale: float = 0.05) -> dict[str, Tensor]:
    """Return the state of a recorded network as its official program saves it: its names, in float32."""
    state = {}
    for index, (key, shape, _) in enumerate(vectors(name).facts["state_dict"]):
        kind = {"gamma": "weight", "beta": "bias"}.get(key.rpartition(".")[2], key.rpartition(".")[2])
        if kind in CONSTANTS:
            state[key] = _filter(shape)
            continue
        s = np.sin(0.37 * index + 0.011 * np.arange(int(np.prod(shape))))
        state[key] = torch.from_numpy(_values(kind, len(shape), s, scale).astype(np.float32)).view(shape)
    return state


def _filter(shape: Sequence[int]) -> Tensor:
    """Return the recorded filter of this shape: 3x3 halves, 4x4 doubles and has four times the sum."""
    size = shape[-1]
    recorded = torch.tensor(vectors("cut_antialias").facts["filters_normalised"][str(size)])
    return (recorded * (4 if size == 4 else 1)).expand(*shape).clone()


def _values(kind: str, ndim: int, s: np.ndarray[Any, Any], scale: float = 0.05) -> np.ndarray[Any, Any]:
    if ndim >= 2:
        return scale * s
    if kind in SINGULAR:
        return np.asarray(s / np.linalg.norm(s))
    rules = {
        "weight": 1 + 0.1 * s,
        "bias": 0.02 * s,
        "running_mean": 0.01 * s,
        "running_var": 1 + 0.1 * s**2,
        "num_batches_tracked": 0 * s,
    }
    return rules[kind]


def assert_parity(network: nn.Module, name: str, mode: str, scale: float = 0.05) -> None:
    """Hold the network's state, outputs and running statistics against what was recorded in `mode`.

    A network with several outputs returns them as a dictionary, under the names of the recording.
    The network computes in float64; what was recorded in float32 states its own distance from that.
    """
    state = vectors(name).facts["state_dict"]
    learnt = [shape for key, shape, _ in state if key.rpartition(".")[2] not in CONSTANTS]
    assert [list(tensor.shape) for tensor in network.state_dict().values()] == learnt
    network.double()
    fill(network, [key for key, _, _ in state], scale)
    assert_outputs(network, name, mode)


def assert_outputs(network: nn.Module, name: str, mode: str) -> None:
    """Hold what a network with the recorded weights gives in `mode` against what was recorded."""
    recorded = vectors(name)
    network.double().train(mode == "train")
    (entering,) = recorded.facts["inputs"].values()
    outputs = _forward(network, wave(*entering["shape"]))
    for kind, facts in recorded.facts["modes"][mode].items():
        ours = outputs[kind].numpy().reshape(facts["shape"])  # the official scores are maps of one pixel
        slack = 2 * facts["max_abs_diff_vs_fp64_weights_fp32"]
        stored = ours if facts["stored"] == "full" else ours[..., ::8, ::8]
        np.testing.assert_allclose(stored, recorded.arrays[f"{mode}/{kind}"], rtol=1e-6, atol=slack)
        np.testing.assert_allclose(
            [ours.mean(), ours.std()], [facts["mean"], facts["std"]], rtol=1e-6, atol=slack
        )
    _assert_running_statistics(network, recorded, mode)


def _forward(network: nn.Module, images: Tensor) -> dict[str, Tensor]:
    """Return the output and, where the network ends in a tanh or sigmoid, what entered it."""
    outputs: dict[str, Tensor] = {}
    for module in network.modules():
        if isinstance(module, (nn.Tanh, nn.Sigmoid)):
            module.register_forward_pre_hook(lambda _, entering: outputs.update(pre_activation=entering[0]))
    with torch.no_grad():
        made = network(images)
    return outputs | (made if isinstance(made, dict) else {"out": made})


def _assert_running_statistics(network: nn.Module, recorded: Vectors, mode: str) -> None:
    after = f"{mode}/buffers_after_1_forward/"
    theirs = [values for name, values in recorded.arrays.items() if name.startswith(after)]
    if mode == "train":
        moving = RUNNING[:2] + SINGULAR
        ours = [buffer for name, buffer in network.named_buffers() if name.rpartition(".")[2] in moving]
        for mine, his in zip(ours, theirs, strict=True):
            # Statistics over the few pixels of a bottleneck enlarge float32's rounding a thousand times.
            np.testing.assert_allclose(mine.numpy(), his, rtol=1e-4, atol=1e-3 * np.abs(his).max())
