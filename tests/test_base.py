from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers.logger import Logger
from lightning.pytorch.plugins.precision import MixedPrecision
from support.tiny import TinyGAN, loader, rows, trainer

from gans.checkpoints.writing import AtomicCheckpointIO, RunCheckpoint
from gans.training.finite import NonFiniteLossError, NonFiniteWeightsError


class Recorder(Callback):
    """Keeps the norm of the critic's gradients at every step, and the learning rate of every epoch."""

    def __init__(self) -> None:
        self.norms: list[float] = []
        self.rates: list[float] = []

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
        gradients = [p.grad.flatten() for p in pl_module.critic.parameters() if p.grad is not None]
        self.norms.append(float(torch.cat(gradients).norm()))

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        self.rates.append(trainer.optimizers[0].param_groups[0]["lr"])


def weights(module: TinyGAN) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in module.parameters()])


def fresh(**options: Any) -> TinyGAN:
    torch.manual_seed(0)
    return TinyGAN(**options)


@pytest.mark.parametrize("rest", [1, 5])
def test_one_step_is_counted_per_batch_whatever_the_players_do(tmp_path: Path, rest: int) -> None:
    fit = trainer(tmp_path, max_steps=6, max_epochs=-1)
    fit.fit(fresh(rest=rest), rows(8))
    assert fit.global_step == 6
    assert fit.fit_loop.epoch_loop.total_batch_idx + 1 == 6


def test_a_resting_player_steps_only_when_due(tmp_path: Path) -> None:
    module = fresh(rest=3)
    before = module.generator.weight.detach().clone()
    trainer(tmp_path, max_steps=2, max_epochs=-1).fit(module, rows(8))
    assert torch.equal(before, module.generator.weight.float())
    trainer(tmp_path, max_steps=3, max_epochs=-1).fit(module, rows(8))
    assert not torch.equal(before, module.generator.weight.float())


@pytest.mark.parametrize("clip", [None, 0.01])
def test_accumulated_batches_equal_one_joined_batch(tmp_path: Path, clip: float | None) -> None:
    values = torch.randn(16, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    results = []
    for batch_size, accumulate in ((8, 1), (2, 4)):
        # The generator's gradients are against the critic before its step only when both step together.
        module = fresh(accumulate=accumulate, gradient_clip=clip, rest=100, history_size=0)
        fit = trainer(tmp_path)
        fit.fit(module, loader(values, batch_size))
        results.append(weights(module))
        assert fit.global_step == 2
    torch.testing.assert_close(results[0], results[1], rtol=1e-14, atol=1e-15)


def test_an_epochs_smaller_last_group_is_averaged_over_its_own_size(tmp_path: Path) -> None:
    values = torch.ones(3, 3, dtype=torch.float64)
    whole, ragged = fresh(history_size=0, rest=100), fresh(accumulate=2, history_size=0, rest=100)
    trainer(tmp_path, max_epochs=1).fit(ragged, loader(values, 1))
    trainer(tmp_path, max_epochs=2).fit(whole, loader(values[:1], 1))
    torch.testing.assert_close(weights(whole), weights(ragged), rtol=1e-12, atol=1e-14)


def test_a_validation_amid_accumulated_batches_leaves_their_gradients(tmp_path: Path) -> None:
    results = []
    for validation in (None, rows(2)):
        module = fresh(accumulate=2, history_size=0)
        trainer(tmp_path, val_check_interval=1 if validation else None).fit(module, rows(8), validation)
        results.append(weights(module))
    assert torch.equal(*results)


@pytest.mark.parametrize("scaled", [False, True])
def test_gradients_are_clipped_where_the_optimiser_sees_them(tmp_path: Path, scaled: bool) -> None:
    """Under a loss scaler that is after unscaling."""
    norms = []
    for clip in (None, 0.05):
        scaler = torch.amp.GradScaler("cpu", init_scale=256.0)
        half = {"precision": None, "plugins": [MixedPrecision("16-mixed", "cpu", scaler)]}
        recorder = Recorder()
        fit = trainer(tmp_path, callbacks=[recorder], **(half if scaled else {}))
        fit.fit(
            fresh(gradient_clip=clip), loader(torch.linspace(-1, 1, 24).view(8, 3), 2) if scaled else rows(8)
        )
        norms.append(max(recorder.norms))
    assert norms[0] > 0.05
    assert norms[1] == pytest.approx(0.05, rel=1e-3)


def test_the_average_follows_the_weights_and_travels_in_the_checkpoint(tmp_path: Path) -> None:
    module = fresh(ema_decay=0.3)
    history: list[torch.Tensor] = []

    class Keep(Callback):
        def on_train_batch_end(self, *_: Any) -> None:
            history.append(module.generator.weight.detach().clone())

    start = module.generator.weight.detach().double().clone()
    fit = trainer(tmp_path, callbacks=[Keep()])
    fit.fit(module, rows(8))
    expected = start
    for step, weight in enumerate(history, start=1):
        kept = min(0.3, step / (9 + step))
        expected = kept * expected + (1 - kept) * weight
    torch.testing.assert_close(module.averaged("generator").weight, expected)
    fit.save_checkpoint(tmp_path / "kept.ckpt")
    loaded = TinyGAN.load_from_checkpoint(tmp_path / "kept.ckpt")
    torch.testing.assert_close(loaded.averaged("generator").weight.double(), expected, rtol=1e-6, atol=1e-7)
    assert loaded.averaged("critic") is loaded.critic


def test_the_rate_is_constant_and_then_falls_linearly_as_published(tmp_path: Path) -> None:
    recorder = Recorder()
    trainer(tmp_path, max_epochs=6, callbacks=[recorder]).fit(fresh(schedule="linear"), rows(4))
    assert recorder.rates == pytest.approx([2e-4 * f for f in (1, 1, 1, 3 / 4, 2 / 4, 1 / 4)])


def test_a_schedule_without_an_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has no end"):
        trainer(tmp_path, max_epochs=-1).fit(fresh(schedule="linear"), rows(4))


class OverflowInCritic(Callback):
    """Makes the critic's gradients overflow in step 2, and looks at the generator's in the same step."""

    def __init__(self, rows: torch.Tensor) -> None:
        self.rows = rows
        self.ratios: list[float] = []
        self.critic: list[torch.Tensor] = []

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        self.critic.append(pl_module.critic[0].weight.detach().clone())
        if batch_idx == 1:
            self.handle = pl_module.critic[0].weight.register_hook(lambda gradient: gradient * torch.inf)
        elif batch_idx == 2:
            self.handle.remove()

    def on_before_optimizer_step(self, trainer: Any, pl_module: Any, optimizer: Any) -> None:
        if optimizer is trainer.optimizers[1]:
            weight = pl_module.generator.weight
            loss = pl_module.critic(pl_module.generator(self.rows)).pow(2).mean()
            (true,) = torch.autograd.grad(loss, weight)
            self.ratios.append(float(weight.grad.norm() / true.norm()))


def test_an_overflow_in_one_player_does_not_leak_into_the_other(tmp_path: Path) -> None:
    watcher = OverflowInCritic(torch.ones(2, 3))
    scaler = torch.amp.GradScaler("cpu", init_scale=256.0)
    fit = trainer(
        tmp_path, precision=None, plugins=[MixedPrecision("16-mixed", "cpu", scaler)], callbacks=[watcher]
    )
    fit.fit(fresh(), loader(torch.ones(8, 3), 2))
    assert watcher.ratios == pytest.approx([1.0] * 4, rel=1e-2)
    assert torch.equal(watcher.critic[1], watcher.critic[2]), "the overflowing step was skipped"
    assert not torch.equal(watcher.critic[2], watcher.critic[3]), "and no other one"
    assert scaler.get_scale() == 128.0


def test_accumulation_under_fp16_is_refused(tmp_path: Path) -> None:
    scaler = MixedPrecision("16-mixed", "cpu", torch.amp.GradScaler("cpu"))
    with pytest.raises(ValueError, match=r"accumulate above 1 cannot be right under 16-mixed.*bf16-mixed"):
        trainer(tmp_path, precision=None, plugins=[scaler]).fit(fresh(accumulate=2), rows(8))


@pytest.mark.parametrize("precision", ["16-true", "bf16-true"])
def test_weights_of_16_bits_are_refused(tmp_path: Path, precision: str) -> None:
    with pytest.raises(ValueError, match=f"precision {precision} cannot train.*Use bf16-mixed"):
        trainer(tmp_path, precision=precision).fit(fresh(), rows(8))


def test_synchronised_batch_norm_of_several_processes_is_refused_on_a_cpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = fresh()
    module.norm = torch.nn.SyncBatchNorm(3)
    fit = trainer(tmp_path)
    monkeypatch.setattr(type(fit), "world_size", 2)
    with pytest.raises(ValueError, match="synchronised batch norm for GPUs only"):
        fit.fit(module, rows(8))


def test_given_settings_of_the_optimisers_win_over_those_of_the_checkpoint(tmp_path: Path) -> None:
    fit = trainer(tmp_path)
    fit.fit(fresh(), rows(4))
    fit.save_checkpoint(tmp_path / "kept.ckpt")
    given = {"learning_rate": 1e-3, "betas": (0.1, 0.9), "weight_decay": 0.01}
    resumed = trainer(tmp_path, max_epochs=2)
    resumed.fit(fresh(**given), rows(4), ckpt_path=str(tmp_path / "kept.ckpt"))
    assert resumed.global_step == 4
    for optimizer in resumed.optimizers:
        group = optimizer.param_groups[0]
        assert (group["lr"], group["betas"], group["weight_decay"]) == tuple(given.values())


@pytest.mark.parametrize(("least", "written"), [(None, [3]), (7, [10])])
def test_a_stop_amid_an_epoch_is_saved_where_it_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, least: int | None, written: list[int]
) -> None:
    """Where Lightning goes on until an epoch and a least number of steps are done, only then."""

    class StopAt3(Callback):
        def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
            trainer.should_stop |= trainer.global_step == 3

    steps = []
    monkeypatch.setattr(
        AtomicCheckpointIO, "save_checkpoint", lambda _, kept, *__, **___: steps.append(kept["global_step"])
    )
    settings: dict[str, Any] = {"enable_checkpointing": True, "callbacks": [StopAt3(), RunCheckpoint()]}
    fit = trainer(tmp_path, plugins=[AtomicCheckpointIO()], min_steps=least, **settings)
    fit.fit(fresh(), rows(20))
    assert steps == written


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_last_checkpoint(tmp_path: Path) -> None:
    fit = trainer(
        tmp_path,
        max_epochs=3,
        enable_checkpointing=True,
        callbacks=[RunCheckpoint()],
        plugins=[AtomicCheckpointIO()],
        log_every_n_steps=50,
    )
    with pytest.raises(NonFiniteLossError, match=r"train/generator/adversarial at step 3 is nan"):
        fit.fit(fresh(poison_step=3), rows(4))
    kept = torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)
    assert kept["global_step"] == 2
    assert all(
        value.isfinite().all() for value in kept["state_dict"].values() if isinstance(value, torch.Tensor)
    )


class SpoilWeights(Callback):
    """Makes a weight NaN after a step: the next step's losses would tell, if there were one before saving."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
        if trainer.global_step == self.step:
            pl_module.critic[0].weight.data[0, 0] = torch.nan


def test_weights_that_are_no_numbers_replace_no_checkpoint(tmp_path: Path) -> None:
    fit = trainer(
        tmp_path,
        max_epochs=3,
        enable_checkpointing=True,
        callbacks=[SpoilWeights(step=4), RunCheckpoint()],  # the last step of the second epoch
        plugins=[AtomicCheckpointIO()],
    )
    with pytest.raises(NonFiniteWeightsError, match=r"critic\.0\.weight are no longer numbers"):
        fit.fit(fresh(), rows(4))
    assert torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)["global_step"] == 2


def test_a_checkpoint_of_another_variant_is_refused_by_name(tmp_path: Path) -> None:
    class OtherGAN(TinyGAN):
        pass

    fit = trainer(tmp_path)
    fit.fit(fresh(), rows(4))
    fit.save_checkpoint(tmp_path / "tiny.ckpt")
    with pytest.raises(ValueError, match="holds a TinyGAN, but the model is a OtherGAN"):
        trainer(tmp_path).fit(OtherGAN(), rows(4), ckpt_path=tmp_path / "tiny.ckpt")


class LazyTerm(TinyGAN):
    """Its critic has a second term in every third step: 1, 4, 7."""

    def critic_terms(self, batch: list[torch.Tensor], fake: torch.Tensor) -> dict[str, torch.Tensor]:
        terms = super().critic_terms(batch, fake)
        if self.global_step % 3 == 0:
            # Its value is the number of the step; it has a gradient, which is 0.
            terms["lazy"] = self.global_step + 1 + 0 * self.critic(fake.detach()).sum()
        return terms


def test_a_term_of_some_steps_is_logged_though_they_miss_the_logging_interval(tmp_path: Path) -> None:
    torch.manual_seed(0)
    fit = trainer(tmp_path, max_steps=6, max_epochs=-1, log_every_n_steps=2)
    fit.fit(LazyTerm(), rows(12))
    assert fit.callback_metrics["train/critic/lazy"] == 4  # of step 4, logged in step 6


def test_a_player_that_rests_when_losses_are_logged_is_logged_by_its_last_step(tmp_path: Path) -> None:
    fit = trainer(tmp_path, max_steps=4, max_epochs=-1, log_every_n_steps=4)
    fit.fit(fresh(rest=3), rows(8))
    assert float(fit.callback_metrics["train/generator/adversarial"]) > 0


class Rows(Logger):
    """Keeps the steps at which metrics are logged."""

    name = version = ""

    def __init__(self) -> None:
        self.steps: dict[str, list[int | None]] = {}

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        for metric in metrics:
            self.steps.setdefault(metric, []).append(step)

    def log_hyperparams(self, *_: Any, **__: Any) -> None:
        pass


@pytest.mark.parametrize(("accumulate", "steps"), [(1, [2, 4, 6, 8]), (2, [1, 2, 3, 4])])
def test_metrics_stand_on_the_number_of_steps_that_are_done(
    tmp_path: Path, accumulate: int, steps: list[int]
) -> None:
    class Measured(TinyGAN):
        def on_validation_epoch_end(self) -> None:
            self.log("val/some", 1.0)

    torch.manual_seed(0)
    kept = Rows()
    fit = trainer(tmp_path, max_epochs=2, log_every_n_steps=2, logger=kept)
    fit.fit(Measured(accumulate=accumulate), rows(8), rows(4))
    assert fit.global_step == steps[-1]
    assert kept.steps["train/critic/total"] == steps  # of batches 2, 4, 6 and 8
    assert kept.steps["val/some"] == [steps[1], steps[3]]
