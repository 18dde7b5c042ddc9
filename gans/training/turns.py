"""The parties of a game, and the turns in which they learn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from lightning.pytorch.core.optimizer import LightningOptimizer
from torch import nn
from torch.nn import Parameter
from torch.optim import Adam, Optimizer

SETTINGS = ("learning_rate", "betas", "weight_decay")


@dataclass(frozen=True)
class Player:
    """One party of the game: the networks it trains, by an optimiser of its own.

    Attributes:
        name: such as `generator`. Where the variant has an argument `generator_learning_rate`,
            `generator_betas` or `generator_weight_decay` that is not None, it is this player's; else that
            without the name.
        networks: names of the module's attributes whose parameters it moves, such as `generator` or
            `generator.mapping`.
        rate_shares: of networks whose rate is another than the player's, the factor: 0.01 is a hundredth.
        kind: of its optimiser. Adam takes the weight decay for an L2 penalty, as a part of the gradient.
    """

    name: str
    networks: tuple[str, ...]
    rate_shares: Mapping[str, float] = field(default_factory=dict)
    kind: type[Adam] = Adam

    @property
    def shares(self) -> tuple[float, ...]:
        """Factors on the rate, one for each group of parameters of the optimiser."""
        return tuple(dict.fromkeys(self.rate_shares.get(name, 1.0) for name in self.networks))

    def settings(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return this player's `learning_rate`, `betas` and `weight_decay` by a variant's arguments."""
        own = {name: arguments.get(f"{self.name}_{name}") for name in SETTINGS}
        return {name: arguments[name] if value is None else value for name, value in own.items()}

    def optimizer(self, module: nn.Module, fused: bool) -> Adam:
        """Make the optimiser of this player's networks in a module; its settings are yet to come.

        Args:
            module: the variant.
            fused: whether one kernel moves all parameters.
        """
        groups: dict[float, list[Parameter]] = {share: [] for share in self.shares}
        for name in self.networks:
            groups[self.rate_shares.get(name, 1.0)] += module.get_submodule(name).parameters()
        return self.kind([{"params": parameters} for parameters in groups.values()], fused=fused)

    def apply(self, optimizer: Optimizer, settings: Mapping[str, Any], factor: float) -> None:
        """Give the optimiser its settings.

        Args:
            optimizer: of this player.
            settings: as the method `settings` returns them.
            factor: on the rate, where the training has come to.
        """
        for group, share in zip(optimizer.param_groups, self.shares, strict=True):
            group["lr"] = settings["learning_rate"] * factor * share
            group["betas"] = tuple(settings["betas"])
            group["weight_decay"] = settings["weight_decay"]


@dataclass(frozen=True)
class Turn:
    """One update: by which terms, whose networks move, and how often.

    Attributes:
        name: `generator` calls the method `generator_terms` and logs under `train/generator/`.
        players: names of those that step, together; by default the one of the turn's name.
        every: it is due in every n-th step; a number, or the name of the constructor argument that holds it.
        begins: whether it is due in the first of n steps; by default in the last.
    """

    name: str
    players: tuple[str, ...] = ()
    every: int | str = 1
    begins: bool = False

    @property
    def who(self) -> tuple[str, ...]:
        """Names of the players that step."""
        return self.players or (self.name,)

    def is_due(self, step: int, arguments: Mapping[str, Any]) -> bool:
        """Tell whether it is due in the step after `step` counted ones."""
        every = int(arguments[self.every]) if isinstance(self.every, str) else self.every
        return (step if self.begins else step + 1) % every == 0


class Gradients:
    """Keeps what each turn has accumulated, because turns of one player share its parameters."""

    def __init__(self) -> None:
        self._kept: dict[str, list[torch.Tensor | None]] = {}

    def lay(self, turn: Turn, parameters: Sequence[Parameter]) -> None:
        """Give the parameters the gradients of the turn, none where it has just begun."""
        kept = self._kept.pop(turn.name, [None] * len(parameters))
        for parameter, gradient in zip(parameters, kept, strict=True):
            parameter.grad = gradient

    def keep(self, turn: Turn, parameters: Sequence[Parameter]) -> None:
        """Take the gradients away from the parameters."""
        self._kept[turn.name] = [parameter.grad for parameter in parameters]
        for parameter in parameters:
            parameter.grad = None


@contextmanager
def learning_alone(learning: Iterable[Parameter], everyone: Iterable[Parameter]) -> Iterator[None]:
    """Let gradients reach some parameters alone of all that could learn."""
    chosen = {id(parameter) for parameter in learning}
    resting = [p for p in everyone if p.requires_grad and id(p) not in chosen]
    for parameter in resting:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in resting:
            parameter.requires_grad_(True)


def step_together(optimizers: Sequence[LightningOptimizer], scaler: torch.amp.GradScaler | None) -> None:
    """Step optimisers whose gradients come from one backward pass.

    Under fp16 a step may change the scale, while the gradients of the following optimisers are still under
    that of the backward pass: they are brought to the new one.
    """
    scale = scaler.get_scale() if scaler and len(optimizers) > 1 else 1.0
    for number, optimizer in enumerate(optimizers):
        if scaler and number:
            _multiply(parameters_of([optimizer.optimizer]), scaler.get_scale() / scale)
        optimizer.step()


def _multiply(parameters: Sequence[Parameter], factor: float) -> None:
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    if factor != 1.0 and gradients:
        torch._foreach_mul_(gradients, factor)


def parameters_of(optimizers: Iterable[Optimizer]) -> list[Parameter]:
    """Return all parameters of optimisers, in order."""
    return [p for optimizer in optimizers for group in optimizer.param_groups for p in group["params"]]
