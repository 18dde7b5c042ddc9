"""Tiny games of two players that go well, or wrong in one known way."""

from __future__ import annotations

from typing import Any

from support.tiny import TinyGAN
from torch import Tensor, nn

from gans.losses.adversarial import ObjectiveName, objective
from gans.protocol import Comparison
from gans.training.schedules import learning_rate_factor
from gans.training.turns import Player


class PlayingGAN(TinyGAN):
    """A game by one of the objectives; evaluation sees rows as images of one pixel."""

    def __init__(self, name: ObjectiveName = "least_squares", **options: Any) -> None:
        super().__init__(**options)
        self.objective = objective(name)

    def critic_terms(self, batch: list[Tensor], fake: Tensor) -> dict[str, Tensor]:
        assert self.objective is not None
        return {"score": self.objective.discriminator(self.critic(batch[0]), self.critic(fake.detach()))}

    def generator_terms(self, batch: list[Tensor], fake: Tensor) -> dict[str, Tensor]:
        assert self.objective is not None
        return {"adversarial": self.objective.generator(self.critic(fake), self.critic(batch[0]))}

    def comparisons(self, batch: list[Tensor]) -> dict[str, Comparison]:
        return {"same": Comparison(self.generator(batch[0])[..., None, None], batch[0][..., None, None])}


class Circling(PlayingGAN):
    """min over x, max over y of x * y, the game that gradient descent goes round in circles in."""

    players = (Player("critic", ("y",)), Player("generator", ("x",)))

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.x, self.y = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
        nn.init.constant_(self.x.weight, 1.0)
        nn.init.constant_(self.y.weight, 0.0)

    def critic_terms(self, batch: list[Tensor], fake: Tensor) -> dict[str, Tensor]:
        return {"score": -(self.x.weight * self.y.weight).sum()}

    def generator_terms(self, batch: list[Tensor], fake: Tensor) -> dict[str, Tensor]:
        return {"score": (self.x.weight * self.y.weight).sum()}


class BrokenGradient(PlayingGAN):
    """Its generator's loss is a number, but the gradient of the root at 0 is not."""

    def generator_terms(self, batch: list[Tensor], fake: Tensor) -> dict[str, Tensor]:
        broken = (fake - fake.detach()).abs().sum().sqrt()
        return super().generator_terms(batch, fake) | {"broken": broken}


class Overflowing(PlayingGAN):
    """Its generator's gradients overflow in the first steps, or in all."""

    def __init__(self, overflows: int, **options: Any) -> None:
        super().__init__(**options)
        self.overflows = overflows

    def generator_terms(self, batch: list[Tensor], fake: Tensor) -> dict[str, Tensor]:
        (term,) = super().generator_terms(batch, fake).values()
        if self.global_step < self.overflows:
            term.register_hook(lambda gradient: gradient * float("inf"))
        return {"adversarial": term}


class Detached(PlayingGAN):
    """Its generator gets no gradient."""

    def generator_terms(self, batch: list[Tensor], fake: Tensor) -> dict[str, Tensor]:
        return {
            name: term + 0 * fake.sum()
            for name, term in super().generator_terms(batch, fake.detach()).items()
        }


class Shortsighted(PlayingGAN):
    """Its schedule counts on three epochs only."""

    def on_train_start(self) -> None:
        super().on_train_start()
        self._rate_factor = learning_rate_factor("linear", 3, 0.5)
