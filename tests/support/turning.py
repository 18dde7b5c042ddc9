"""A small variant for each thing that turns can do, and for what the optimisers of players can be."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from support.tiny import TinyGAN
from torch import Tensor, nn
from torch.optim import AdamW

from gans.training.turns import Player, Turn

CRITIC, GENERATOR = Player("critic", ("critic",)), Player("generator", ("generator",))


class TwoRates(TinyGAN):
    """The critic has a rate of its own."""

    def __init__(self, critic_learning_rate: float | None = None, **options: Any) -> None:
        super().__init__(**options)


class LazyPenalty(TinyGAN):
    """The critic has two turns in a batch: its own, and a penalty in the first of every `lazy` steps."""

    turns: ClassVar[tuple[Turn, ...]] = (
        Turn("critic"),
        Turn("penalty", ("critic",), every="lazy", begins=True),
        Turn("generator"),
    )

    def __init__(self, lazy: int = 2, **options: Any) -> None:
        super().__init__(**options)

    def penalty_terms(self, batch: list[Tensor], fake: Tensor) -> dict[str, Tensor]:
        return {"flatness": self.critic(batch[0] + 0.5).square().sum(1).mean()}


class Together(TinyGAN):
    """A generator and a projection, which the critic looks through, step together."""

    players: ClassVar[tuple[Player, ...]] = (CRITIC, GENERATOR, Player("projection", ("projection",)))
    turns: ClassVar[tuple[Turn, ...]] = (Turn("critic"), Turn("generator", ("generator", "projection")))

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.projection = nn.Linear(3, 3)

    def generator_terms(self, batch: list[Tensor], fake: Tensor) -> dict[str, Tensor]:
        return {"adversarial": self.critic(self.projection(fake)).pow(2).mean()}


class MovingBeta(TinyGAN):
    """Adam's second decay rate rises with the steps, as in R3GAN."""

    def settings_of(self, player: Player) -> dict[str, Any]:
        risen = (1 - math.cos(math.pi * min(1.0, self.global_step / 4))) / 2
        return super().settings_of(player) | {"betas": (0.0, 0.9 + 0.09 * risen)}


class SlowMapping(TinyGAN):
    """A mapping before the generator learns at a hundredth of its rate, by an optimiser of another kind."""

    players: ClassVar[tuple[Player, ...]] = (
        CRITIC,
        Player("generator", ("mapping", "generator"), rate_shares={"mapping": 0.01}, kind=AdamW),
    )

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.mapping = nn.Linear(3, 3)

    def produce(self, batch: list[Tensor]) -> Tensor:
        return super().produce([self.mapping(batch[0])])


class DecayingCritic(TinyGAN):
    """The critic alone has an L2 penalty in its gradient."""

    def __init__(self, critic_weight_decay: float | None = None, **options: Any) -> None:
        super().__init__(**options)


TURNING: dict[str, tuple[type[TinyGAN], dict[str, Any]]] = {
    "two rates": (TwoRates, {"critic_learning_rate": 2.5e-3}),
    "two turns of one player": (LazyPenalty, {"lazy": 3}),
    "two players together": (Together, {}),
    "a beta that moves": (MovingBeta, {}),
    "a slow mapping": (SlowMapping, {}),
    "L2 in one gradient": (DecayingCritic, {"critic_weight_decay": 0.1}),
}
"""What can be done -> the variant that does it, and its arguments."""


def turning(name: str, **options: Any) -> TinyGAN:
    """Return one of `TURNING`, from the same weights every time."""
    kind, arguments = TURNING[name]
    torch.manual_seed(0)
    return kind(**(arguments | {"learning_rate": 1e-2, "history_size": 0} | options))
