"""Training steps held against what the official programs recorded (tests/parity/train_NAME.json)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from lightning.pytorch.callbacks import Callback
from support.parity import FOLDER, fill
from support.tiny import trainer
from torch import nn
from torch.utils.data import DataLoader

from gans.base import AdversarialModule

Losses = Mapping[str, float]


class Steps(Callback):
    """Keeps the logged losses of every step, and the sum over each network's parameters after it.

    Args:
        networks: names of the module's networks, such as `generator` or `ema.generator`.
        biases: whether biases count.
    """

    def __init__(self, networks: list[str], biases: bool = True) -> None:
        self.networks, self.biases = networks, biases
        self.losses: list[dict[str, float]] = []
        self.sums: list[dict[str, float]] = []

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
        self.losses.append({name: float(value) for name, value in trainer.callback_metrics.items()})
        self.sums.append({name: self._sum(pl_module.get_submodule(name)) for name in self.networks})

    def _sum(self, network: nn.Module) -> float:
        counted = [p.detach() for p in network.parameters() if self.biases or p.ndim > 1]
        return float(sum(parameter.sum() for parameter in counted))


def train(
    module: AdversarialModule,
    batch: Any,
    count: int,
    networks: list[str],
    folder: Path,
    biases: bool = True,
    callbacks: Sequence[Callback] = (),
) -> Steps:
    """Train by the real Trainer in float64 for `count` steps on one batch; return what was seen."""
    steps = Steps(networks, biases)
    fit = trainer(folder, max_epochs=count, callbacks=[steps, *callbacks])
    fit.fit(module, DataLoader([batch], batch_size=None))  # type: ignore[arg-type]
    return steps


def assert_official_steps(
    module: AdversarialModule,
    batch: Any,
    name: str,
    terms: Mapping[str, Callable[[Losses], float]],
    networks: Mapping[str, str],
    folder: Path,
    scales: Mapping[str, float] = MappingProxyType({}),
    reading: str = "steps_float64_same_start",
) -> None:
    """Train a module by the real Trainer in float64 and hold every step against the official one, to 1e-8.

    Args:
        module: the variant, built as recorded; its networks are filled by the recorded rule.
        batch: what every step sees, in float64.
        name: of the recording, such as `pix2pix`.
        terms: our logged name -> its value from the losses that the official program printed.
        networks: our attribute -> the official name of the network.
        folder: where the trainer may write.
        scales: of the rule that fills a network, by our attribute, where it is not 0.05.
        reading: which of the recorded runs, where there are several.
    """
    trace = json.loads((FOLDER / f"train_{name}.json").read_text())
    recorded, states = trace[reading], trace.get("state_dicts", {})
    # Sums over weights alone are held to more digits, where biases have no gradient but rounding.
    kind = "weights_sum" if "weights_sum" in str(trace.get("compare")) else "sum"
    module.double()
    for network, theirs in networks.items():
        fill(getattr(module, network), [key for key, _ in states.get(theirs, [])], scales.get(network, 0.05))
    steps = train(module, batch, len(recorded), list(networks), folder, biases=kind == "sum")
    for official, losses, sums in zip(recorded, steps.losses, steps.sums, strict=True):
        for term, expected in terms.items():
            assert losses[term] == pytest.approx(expected(official["losses"]), rel=1e-8), official["step"]
        for network, theirs in networks.items():
            expected_sum = official["params_after"][theirs][kind]
            assert sums[network] == pytest.approx(expected_sum, rel=1e-8), official["step"]
