from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.plugins.precision import MixedPrecision
from support.processes import run_together
from support.tiny import TinyGAN, loader, trainer
from torch import Tensor
from torch.nn import Parameter
from torch.nn.utils import parameters_to_vector

from gans.losses.adversarial import objective
from gans.losses.penalties import gradient_penalty, r1_penalty
from gans.training.strategy import _buckets

Steps = list[list[Tensor | None]]  # the gradients of every parameter, step by step


class Gradients(Callback):
    """Keeps both players' gradients as every step left them; None where there were none."""

    def __init__(self) -> None:
        self.steps: Steps = []

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
        if trainer.global_step == len(self.steps):
            return  # gradients are still being accumulated
        parameters = [*pl_module.critic.parameters(), *pl_module.generator.parameters()]
        self.steps.append([None if p.grad is None else p.grad.clone() for p in parameters])


class PenalisedGAN(TinyGAN):
    """Wasserstein with a gradient penalty in every step and R1 in every third; the generator rests by `rest`.

    The penalised points lie half way, as a draw for each image would differ from one process to two.
    """

    def critic_terms(self, batch: list[Tensor], fake: Tensor) -> dict[str, Tensor]:
        real, fake = batch[0], fake.detach()
        losses = {"wasserstein": objective("wasserstein").discriminator(self.critic(real), self.critic(fake))}
        losses["gradient_penalty"] = 10 * gradient_penalty(self.critic, (real + fake) / 2)
        if self.global_step % 3 == 0:
            losses["r1"] = 5 * r1_penalty(self.critic, real)
        return losses

    def generator_terms(self, batch: list[Tensor], fake: Tensor) -> dict[str, Tensor]:
        return {"adversarial": objective("wasserstein").generator(self.critic(fake))}


class ForgetfulGAN(TinyGAN):
    """Its critic skips its only term that reaches the last layer's bias: on one process, or on all."""

    skipping: tuple[int, ...] = (1,)

    def critic_terms(self, batch: list[Tensor], fake: Tensor) -> dict[str, Tensor]:
        hidden = self.critic[:2](batch[0])
        terms = {"hidden": hidden.pow(2).mean()}
        if self.global_rank not in self.skipping:
            terms["score"] = self.critic(batch[0]).pow(2).mean()
        return terms


class AlwaysForgetfulGAN(ForgetfulGAN):
    skipping = (0, 1)


class FailingGAN(TinyGAN):
    def produce(self, batch: list[Tensor]) -> Tensor:
        if self.global_rank == 1 and self.global_step == 1:
            raise RuntimeError("out of luck on process 1")
        return super().produce(batch)


def train(variant: type[TinyGAN], folder: str, options: dict[str, Any], strategy: str = "gan_ddp") -> Steps:
    """Train on 16 rows, this process's share of them; return the gradients of every step."""
    torch.manual_seed(0)
    values = torch.randn(16, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    recorder = Gradients()
    world = int(os.environ.get("WORLD_SIZE", "1"))
    rank = int(os.environ.get("LOCAL_RANK", "0"))
    several = {"strategy": strategy, "devices": world, "use_distributed_sampler": False}
    fit = trainer(Path(folder), callbacks=[recorder], **(several if world > 1 else {}))
    fit.fit(variant(history_size=0, **options), loader(values[rank::world], 4 // world))
    return recorder.steps


@pytest.mark.parametrize("variant", [TinyGAN, PenalisedGAN])
@pytest.mark.parametrize("options", [{}, {"gradient_clip": 0.01}, {"rest": 2}, {"accumulate": 2}], ids=str)
def test_gradients_on_two_processes_equal_those_of_one(
    tmp_path: Path, variant: type[TinyGAN], options: dict[str, Any]
) -> None:
    one = train(variant, str(tmp_path), options)
    both = run_together(train, variant, str(tmp_path), options)
    assert len(one) == (2 if "accumulate" in options else 4)
    assert_equal_steps(one, both)


def test_lightnings_ddp_that_looks_for_unused_parameters_is_as_right(tmp_path: Path) -> None:
    one = train(PenalisedGAN, str(tmp_path), {"rest": 2})
    both = run_together(train, PenalisedGAN, str(tmp_path), {"rest": 2}, "ddp_find_unused_parameters_true")
    assert_equal_steps(one, both)


def assert_equal_steps(one: Steps, both: list[Steps]) -> None:
    for alone, first, second in zip(one, *both, strict=True):
        for a, b, c in zip(alone, first, second, strict=True):
            torch.testing.assert_close(b, c, rtol=0, atol=0)
            torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-14)


def test_a_term_that_one_process_skips_counts_as_zero_there(tmp_path: Path) -> None:
    alone = train(ForgetfulGAN, str(tmp_path), {})
    both = run_together(train, ForgetfulGAN, str(tmp_path), {})
    bias = 3  # the critic's last parameter
    assert alone[0][bias] is not None
    assert both[0][0][bias] is not None
    torch.testing.assert_close(both[0][0][bias], both[1][0][bias], rtol=0, atol=0)


def test_a_parameter_no_process_uses_stays_without_gradient(tmp_path: Path) -> None:
    both = run_together(train, AlwaysForgetfulGAN, str(tmp_path), {})
    assert both[0][0][3] is None
    assert both[1][0][3] is None


class DrawingGAN(TinyGAN):
    """Notes a random number of every step."""

    def produce(self, batch: list[Tensor]) -> Tensor:
        self.drawn = [*getattr(self, "drawn", []), torch.rand(1)]
        return super().produce(batch)


def start_and_draws(folder: str) -> tuple[Tensor, Tensor]:
    """Return the weights that a training starts from, another on each process at first, and its draws."""
    torch.manual_seed(int(os.environ["LOCAL_RANK"]))
    module = DrawingGAN(learning_rate=0.0)
    several: dict[str, Any] = {"strategy": "gan_ddp", "devices": 2, "use_distributed_sampler": False}
    trainer(Path(folder), **several).fit(module, loader(torch.ones(4, 3, dtype=torch.float64), 2))
    return parameters_to_vector(module.parameters()).detach(), torch.cat(module.drawn)


def test_processes_start_from_the_same_weights_and_draw_different_noise(tmp_path: Path) -> None:
    (weights, draws), (other_weights, other_draws) = run_together(start_and_draws, str(tmp_path))
    assert torch.equal(weights, other_weights)
    assert len({*draws.tolist(), *other_draws.tolist()}) == 4, "two steps of two processes"


class OverflowingGAN(TinyGAN):
    """Its critic's gradients overflow in the second step, on the second process only."""

    def critic_terms(self, batch: list[Tensor], fake: Tensor) -> dict[str, Tensor]:
        terms = super().critic_terms(batch, fake)
        if self.global_rank == 1 and self.global_step == 1:
            terms["real"].register_hook(lambda gradient: gradient * torch.inf)
        return terms


def weights_under_a_scaler(folder: str) -> tuple[float, list[Tensor]]:
    """Return the scale at the end and the critic's weights after every step."""
    torch.manual_seed(0)
    scaler = torch.amp.GradScaler("cpu", init_scale=256.0)
    steps: list[Tensor] = []

    class Weights(Callback):
        def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
            steps.append(parameters_to_vector(pl_module.critic.parameters()).detach())

    several: dict[str, Any] = {"strategy": "gan_ddp", "devices": 2, "use_distributed_sampler": False}
    half = {"precision": None, "plugins": [MixedPrecision("16-mixed", "cpu", scaler)]}
    fit = trainer(Path(folder), callbacks=[Weights()], **several, **half)
    fit.fit(OverflowingGAN(), loader(torch.linspace(-1, 1, 18).view(6, 3), 2))
    return scaler.get_scale(), steps


def test_an_overflow_on_one_process_skips_the_step_on_all(tmp_path: Path) -> None:
    (scale, steps), (other_scale, other_steps) = run_together(weights_under_a_scaler, str(tmp_path))
    assert scale == other_scale == 128
    assert all(torch.equal(a, b) for a, b in zip(steps, other_steps, strict=True))
    assert torch.equal(steps[0], steps[1])
    assert not torch.equal(steps[1], steps[2])


def test_an_error_on_one_process_ends_both_within_a_minute(tmp_path: Path) -> None:
    start = time.monotonic()
    with pytest.raises(
        AssertionError, match=r"out of luck on process 1|Connection (closed|reset) by peer|Broken pipe"
    ):
        run_together(train, FailingGAN, str(tmp_path), {})
    assert time.monotonic() - start < 60


def test_large_gradients_travel_in_several_buckets_of_one_dtype() -> None:
    parameters = [Parameter(torch.zeros(n, dtype=torch.float64)) for n in (4, 3, 2, 9)]
    parameters.append(Parameter(torch.zeros(1)))
    assert [[p.numel() for p in bucket] for bucket in _buckets(parameters, 64)] == [[4, 3], [2], [9], [1]]
