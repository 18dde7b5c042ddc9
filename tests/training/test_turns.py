"""What turns and players can do, each on a small variant held against a plain loop of PyTorch."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.plugins.precision import MixedPrecision
from support.processes import run_alone, run_together
from support.tiny import TinyGAN, loader, trainer
from support.turning import TURNING, turning
from torch import Tensor
from torch.optim import SGD, Adam, AdamW, Optimizer

from gans.training.strategy import GANDDPStrategy
from gans.training.turns import step_together

every_kind = pytest.mark.parametrize("name", TURNING)
VALUES = torch.linspace(-1, 1, 48, dtype=torch.float64).view(16, 3).sin()
RATE, BETAS = 1e-2, (0.5, 0.999)

Due = Callable[[int], bool]
Turns = list[tuple[str, list[str], Due]]


def always(step: int) -> bool:
    return True


PLAIN_TURNS: dict[str, Turns] = {
    "two turns of one player": [
        ("critic", ["critic"], always),
        ("penalty", ["critic"], lambda step: step % 3 == 0),
        ("generator", ["generator"], always),
    ],
    "two players together": [
        ("critic", ["critic"], always),
        ("generator", ["generator", "projection"], always),
    ],
}
USUAL: Turns = [("critic", ["critic"], always), ("generator", ["generator"], always)]


def plain_optimizers(name: str, module: TinyGAN) -> dict[str, Optimizer]:
    """Return the optimisers as one would write them by hand."""
    critic: dict[str, Any] = {"lr": RATE / 4 if name == "two rates" else RATE}
    if name == "L2 in one gradient":
        critic["weight_decay"] = 0.1
    made: dict[str, Optimizer] = {
        "critic": Adam(module.critic.parameters(), betas=BETAS, **critic),
        "generator": Adam(module.generator.parameters(), lr=RATE, betas=BETAS),
    }
    if name == "two players together":
        made["projection"] = Adam(module.get_submodule("projection").parameters(), lr=RATE, betas=BETAS)
    if name == "a slow mapping":
        groups: list[dict[str, Any]] = [
            {"params": module.get_submodule("mapping").parameters(), "lr": RATE / 100},
            {"params": module.generator.parameters()},
        ]
        made["generator"] = AdamW(groups, lr=RATE, betas=BETAS, weight_decay=0.0)
    return made


def plain(name: str, module: TinyGAN, accumulate: int, clip: float | None) -> None:
    """Train by hand: gradients of the batches of a group are averaged, then each turn steps."""
    optimizers = plain_optimizers(name, module)
    batches = [[rows] for rows in VALUES.split(2)]
    for step, start in enumerate(range(0, len(batches), accumulate)):
        group = batches[start : start + accumulate]
        if name == "a beta that moves":
            for optimizer in optimizers.values():
                risen = (1 - math.cos(math.pi * min(1.0, step / 4))) / 2
                optimizer.param_groups[0]["betas"] = (0.0, 0.9 + 0.09 * risen)
        due = [turn for turn in PLAIN_TURNS.get(name, USUAL) if turn[2](step)]
        made = [module.produce(batch) for batch in group]  # before anybody steps
        if accumulate > 1:
            gradients = [_gradients(module, turn, optimizers, group, made) for turn in due]
        for number, turn in enumerate(due):
            laid = gradients[number] if accumulate > 1 else _gradients(module, turn, optimizers, group, made)
            for player, values in laid.items():
                parameters = _parameters(optimizers[player])
                for parameter, value in zip(parameters, values, strict=True):
                    parameter.grad = value
                if clip:
                    torch.nn.utils.clip_grad_norm_(parameters, clip)
                optimizers[player].step()


def _parameters(optimizer: Optimizer) -> list[Tensor]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _gradients(
    module: TinyGAN,
    turn: tuple[str, list[str], Due],
    optimizers: dict[str, Optimizer],
    group: list[list[Tensor]],
    made: list[Tensor],
) -> dict[str, list[Tensor]]:
    terms, players, _ = turn
    losses = [
        sum(getattr(module, f"{terms}_terms")(batch, fake).values())
        for batch, fake in zip(group, made, strict=True)
    ]
    loss = torch.stack([torch.as_tensor(loss) for loss in losses]).mean()
    return {
        player: list(torch.autograd.grad(loss, _parameters(optimizers[player]), retain_graph=True))
        for player in players
    }


def weights(module: TinyGAN) -> Tensor:
    return torch.cat([parameter.detach().flatten().double() for parameter in module.parameters()])


def usual(name: str, **options: Any) -> TinyGAN:
    """Return a variant whose generator the critic sees without a graph, as in every real one."""
    module = turning(name, **options)
    seen = module.critic_terms
    module.critic_terms = lambda batch, fake: seen(batch, fake.detach())  # type: ignore[method-assign]
    return module


@every_kind
@pytest.mark.parametrize(("accumulate", "clip"), [(1, None), (2, None), (1, 0.01), (4, 0.01)])
def test_it_computes_what_a_plain_loop_does(
    tmp_path: Path, name: str, accumulate: int, clip: float | None
) -> None:
    trained = usual(name, accumulate=accumulate, gradient_clip=clip)
    by_hand = usual(name).double()
    start = weights(by_hand)
    plain(name, by_hand, accumulate, clip)
    fit = trainer(tmp_path)
    fit.fit(trained, loader(VALUES, 2))
    assert fit.global_step == 8 // accumulate
    assert not torch.allclose(start, weights(trained), atol=1e-4)
    torch.testing.assert_close(weights(trained), weights(by_hand), rtol=1e-9, atol=1e-11)


@every_kind
def test_a_resumed_training_is_the_same(tmp_path: Path, name: str) -> None:
    whole, first, second = usual(name), usual(name), usual(name)
    trainer(tmp_path, max_epochs=2).fit(whole, loader(VALUES, 2))
    begun = trainer(tmp_path)
    begun.fit(first, loader(VALUES, 2))
    begun.save_checkpoint(tmp_path / "kept.ckpt")
    trainer(tmp_path, max_epochs=2).fit(second, loader(VALUES, 2), ckpt_path=str(tmp_path / "kept.ckpt"))
    assert torch.equal(weights(whole), weights(second))


@every_kind
def test_two_processes_learn_what_one_does(tmp_path: Path, name: str) -> None:
    alone = run_alone(trained_here, name, str(tmp_path))
    for together in run_together(trained_here, name, str(tmp_path)):
        torch.testing.assert_close(together, alone, rtol=1e-9, atol=1e-11)


def trained_here(name: str, folder: str) -> Tensor:
    """Return the weights after an epoch, of which each process takes its share of every batch."""
    world, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("LOCAL_RANK", "0"))
    module = usual(name)
    strategy = GANDDPStrategy() if world > 1 else "auto"
    options = {"devices": world, "strategy": strategy, "use_distributed_sampler": False}
    trainer(Path(folder), **options).fit(module, loader(VALUES[rank::world], 4 // world))
    return weights(module)


@every_kind
def test_it_learns_under_fp16_what_it_does_in_full_precision(tmp_path: Path, name: str) -> None:
    trained, exact = usual(name), usual(name)
    start = weights(exact)
    scaler = torch.amp.GradScaler("cpu", init_scale=64.0)
    half = {"precision": None, "plugins": [MixedPrecision("16-mixed", "cpu", scaler)]}
    trainer(tmp_path, **half).fit(trained, loader(VALUES.float(), 2))
    trainer(tmp_path).fit(exact, loader(VALUES, 2))
    moved = weights(exact) - start
    assert float((weights(trained) - weights(exact)).norm() / moved.norm()) < 0.05


class Scaled:
    """An optimiser as Lightning steps it under fp16: unscale, step, update the scale."""

    def __init__(self, parameter: Tensor, scaler: torch.amp.GradScaler) -> None:
        self.optimizer, self.scaler = SGD([parameter], lr=1.0), scaler

    def step(self) -> None:
        self.scaler.unscale_(self.optimizer)
        self.scaler.step(self.optimizer)
        self.scaler.update()


def test_players_that_step_together_are_all_unscaled_by_the_scale_of_their_gradients() -> None:
    scaler = torch.amp.GradScaler("cpu", init_scale=64.0, growth_interval=1)
    parameters = [torch.zeros(2, requires_grad=True) for _ in range(3)]
    scaler.scale(torch.stack(parameters).sum()).backward()
    together: Any = [Scaled(parameter, scaler) for parameter in parameters]
    step_together(together, scaler)
    assert scaler.get_scale() == 64.0 * 2**3
    for parameter in parameters:
        assert parameter.tolist() == [-1.0, -1.0]


def test_a_rate_for_a_player_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match=r"discriminator_learning_rate is 0.1, but there is no discrimin"):
        TinyGAN(discriminator_learning_rate=0.1)
