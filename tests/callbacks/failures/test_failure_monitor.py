from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback
from lightning.pytorch.loggers.logger import DummyLogger
from lightning.pytorch.plugins.precision import MixedPrecision
from support.compared import Painter, items
from support.games import BrokenGradient, Circling, Detached, Overflowing, PlayingGAN, Shortsighted
from support.processes import run_together
from support.tiny import TinyGAN, loader, trainer
from torch import Tensor, nn
from torch.utils.data import DataLoader

from gans.callbacks.failures.monitor import SIGNS, FailureMonitor
from gans.losses.adversarial import ObjectiveName
from gans.training.schedules import Schedule
from gans.training.strategy import GANDDPStrategy

EAGER: dict[str, Any] = {"every_n_steps": 2, "patience": 10, "loader_share": 0.999}
"""Options with which short trainings show their signs; that of a slow loader is left out."""


class Rows(DummyLogger):
    """Keeps what is logged under monitor/."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[str, float, int | None]] = []

    def log_metrics(self, metrics: Any, step: int | None = None) -> None:
        self.rows += [(name, value, step) for name, value in metrics.items() if name.startswith("monitor/")]


def data(count: int = 8, seed: int = 0) -> Tensor:
    return 0.5 + torch.randn(count, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def fit(
    folder: Path,
    module: TinyGAN,
    steps: int,
    batches: DataLoader[Any] | None = None,
    validation: DataLoader[Any] | None = None,
    monitor: dict[str, Any] | None = None,
    **options: Any,
) -> tuple[Any, list[str]]:
    """Fit under a monitor; return the trainer and the signs that were logged, in order."""
    logger = Rows()
    watched = FailureMonitor(**(EAGER | (monitor or {})))
    settings = {"max_steps": steps, "max_epochs": -1, "logger": logger, "callbacks": [watched]}
    fitting = trainer(folder, **(settings | options))
    fitting.fit(module, loader(data(), 2) if batches is None else batches, validation)
    assert all(value == 1 for _, value, _ in logger.rows)
    return fitting, [name.removeprefix("monitor/") for name, _, _ in logger.rows]


def seeded(variant: type[PlayingGAN], **options: Any) -> PlayingGAN:
    torch.manual_seed(0)
    return variant(**options)


@pytest.mark.parametrize("name", ["non_saturating", "least_squares", "hinge", "wasserstein", "relativistic"])
def test_a_healthy_game_shows_no_sign(tmp_path: Path, name: ObjectiveName) -> None:
    module = seeded(PlayingGAN, name=name, learning_rate=2e-3)
    options = {"oscillation_window": 64}
    evaluated = loader(data(6), 3)
    _, signs = fit(tmp_path, module, 100, validation=evaluated, monitor=options, check_val_every_n_epoch=10)
    assert signs == []


def beaten(name: ObjectiveName) -> PlayingGAN:
    """Return a game in which the generator hardly ever learns."""
    return seeded(PlayingGAN, name=name, rest=10**6, learning_rate=0.1, betas=(0.9, 0.999))


@pytest.mark.parametrize("name", ["non_saturating", "least_squares", "hinge"])
def test_a_discriminator_that_won_is_reported_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: ObjectiveName
) -> None:
    module = beaten(name)
    nn.init.constant_(module.generator.bias, 9.0)
    _, signs = fit(tmp_path, module, 80, monitor={"won_margin": 0.02})
    # A hinge loss at its floor gives no gradient either.
    assert signs == ["discriminator_won"] + ["dead_gradients"] * (name == "hinge")
    printed = capsys.readouterr().out
    assert printed.count("warning: discriminator_won") == 1
    assert "critic: its mean loss over the last 10 steps is " in printed
    assert "Try a smaller or slower discriminator" in printed


def test_a_critic_without_floor_is_not_judged_by_its_loss(tmp_path: Path) -> None:
    class NearZero(PlayingGAN):
        def critic_terms(self, batch: list[Tensor], fake: Tensor) -> dict[str, Tensor]:
            return {"score": 1e-6 * super().critic_terms(batch, fake)["score"]}

    assert "discriminator_won" not in fit(tmp_path / "w", seeded(NearZero, name="wasserstein"), 30)[1]
    assert "discriminator_won" in fit(tmp_path / "h", seeded(NearZero, name="hinge"), 30)[1]


def test_a_collapsed_generator_is_seen_in_evaluation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    module = seeded(PlayingGAN, learning_rate=1e-6)
    nn.init.zeros_(module.generator.weight)
    batches_of_one = loader(data(5), 1)
    _, signs = fit(tmp_path, module, 12, validation=batches_of_one)
    assert signs == ["generator_collapsed"]
    assert "generator_collapsed at step 8, same: the fakes differ" in capsys.readouterr().out


def test_players_that_go_round_in_circles_are_seen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    module = seeded(Circling, learning_rate=0.1, betas=(0.3, 0.9), name="wasserstein")
    _, signs = fit(tmp_path, module, 120, monitor={"oscillation_window": 96})
    assert signs == ["oscillation"]
    assert re.search(
        r"loss swings between -0\.\d+ and 0\.\d+ in a rhythm of about 1\d steps", capsys.readouterr().out
    )


def test_gradients_that_are_no_numbers_are_seen_before_the_loss_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, signs = fit(tmp_path, seeded(BrokenGradient), 1, monitor={"every_n_steps": 1})
    assert signs == ["nonfinite_gradients"]
    assert (
        "at step 1, generator of the generator: the norm of its gradients is nan" in capsys.readouterr().out
    )


@pytest.mark.parametrize(("overflows", "expected"), [(8, []), (1000, ["nonfinite_gradients"])])
def test_the_overflows_by_which_a_loss_scaler_finds_its_scale_are_normal(
    tmp_path: Path, overflows: int, expected: list[str]
) -> None:
    scaled = MixedPrecision("16-mixed", "cpu", torch.amp.GradScaler("cpu"))
    options: dict[str, Any] = {"precision": None, "plugins": [scaled]}
    single = loader(data().float(), 2)
    _, signs = fit(tmp_path, seeded(Overflowing, overflows=overflows), 40, single, **options)
    assert signs == expected


def test_a_network_that_gets_no_gradient_is_seen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, signs = fit(tmp_path, seeded(Detached), 20)
    assert signs == ["dead_gradients"]
    assert "dead_gradients at step 10, generator of the generator" in capsys.readouterr().out


def test_a_rate_of_zero_before_the_end_is_seen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, signs = fit(tmp_path, seeded(Shortsighted), 16)
    assert signs == ["zero_learning_rate"]
    assert "zero_learning_rate at step 14, critic: the learning rate is 0." in capsys.readouterr().out


@pytest.mark.parametrize("unit", ["epoch", "step"])
@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_a_rate_that_falls_until_the_last_step_is_as_planned(
    tmp_path: Path, unit: str, schedule: Schedule
) -> None:
    class Planned(PlayingGAN):
        schedule_unit = unit

    assert fit(tmp_path, seeded(Planned, schedule=schedule), 16, monitor={"every_n_steps": 1})[1] == []


class Clock:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def perf_counter(self) -> float:
        return self.seconds


class SlowRows(torch.utils.data.Dataset[list[Tensor]]):
    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def __len__(self) -> int:
        return 64

    def __getitem__(self, index: int) -> list[Tensor]:
        self.clock.seconds += 0.02
        return [data()[index % 8]]


@pytest.mark.parametrize(("step_seconds", "expected"), [(0.01, ["slow_loader"]), (0.03, [])])
def test_a_loader_slower_than_the_step_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step_seconds: float, expected: list[str]
) -> None:
    clock = Clock()
    monkeypatch.setattr("gans.callbacks.failures.monitor.time", clock)

    class Working(PlayingGAN):
        def produce(self, batch: list[Tensor]) -> Tensor:
            clock.seconds += step_seconds
            return super().produce(batch)

    batches: DataLoader[Any] = DataLoader(SlowRows(clock), batch_size=1)
    monitor = {"loader_share": 0.5}
    assert fit(tmp_path, seeded(Working), 20, batches, monitor=monitor)[1] == expected


@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_named_sign_stops_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], accumulate: int
) -> None:
    module = seeded(Detached, accumulate=accumulate)
    fitting, signs = fit(tmp_path, module, 100, monitor={"stop_on": ["dead_gradients"]})
    assert signs == ["dead_gradients"]
    assert fitting.global_step == 10
    assert (
        "Training stops here, because failure_monitor.stop_on names dead_gradients."
        in capsys.readouterr().out
    )


def test_a_sign_that_is_not_named_does_not_stop_the_run(tmp_path: Path) -> None:
    fitting, _ = fit(tmp_path, seeded(Detached), 30, monitor={"stop_on": ["oscillation"]})
    assert fitting.global_step == 30


def train_on_two(folder: str) -> list[int]:
    """Return the steps of this process and how often it asked the other whether to stop."""
    torch.manual_seed(0)
    asked = 0

    class Counting(GANDDPStrategy):
        def reduce_boolean_decision(self, decision: bool, all: bool = True) -> bool:  # noqa: A002
            nonlocal asked
            asked += 1
            return super().reduce_boolean_decision(decision, all)

    several = {"strategy": Counting(), "devices": 2, "use_distributed_sampler": False, "max_steps": 100}
    watched = FailureMonitor(**EAGER, stop_on=["dead_gradients"])
    fitting = trainer(Path(folder), callbacks=[watched], **(several | {"max_epochs": -1}))
    fitting.fit(Detached(), loader(data(), 2))
    return [fitting.global_step, asked]


def test_two_processes_agree_to_stop_and_ask_only_at_looks(tmp_path: Path) -> None:
    assert run_together(train_on_two, str(tmp_path)) == [[10, 5], [10, 5]]


def test_losses_are_not_read_between_looks(tmp_path: Path) -> None:
    class Abstract(Callback):
        """Puts tensors without values, which cannot be read, in the place of the losses between looks."""

        def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, *_: Any) -> None:
            if trainer.global_step % 4:
                outputs.update(dict.fromkeys(outputs, torch.zeros((), device="meta")))

    watched = FailureMonitor(every_n_steps=4)
    steps = {"max_steps": 3, "max_epochs": -1}
    trainer(tmp_path, callbacks=[Abstract(), watched], **steps).fit(seeded(PlayingGAN), loader(data(), 2))
    with pytest.raises((NotImplementedError, RuntimeError), match="meta"):
        trainer(tmp_path, callbacks=[Abstract(), watched], **(steps | {"max_steps": 4})).fit(
            seeded(PlayingGAN), loader(data(), 2)
        )


def test_watching_changes_no_bit_of_the_training(tmp_path: Path) -> None:
    weights = []
    for callbacks in ([], [FailureMonitor(**EAGER)]):
        module = seeded(PlayingGAN)
        trainer(tmp_path, callbacks=callbacks, max_epochs=3).fit(module, loader(data(), 2), loader(data(), 2))
        weights.append(nn.utils.parameters_to_vector(module.parameters()))
    assert torch.equal(*weights)


def test_an_unknown_sign_is_refused_with_a_suggestion() -> None:
    with pytest.raises(ValueError, match=r"'dead_gradient', which is no sign. Did you mean dead_gradients\?"):
        FailureMonitor(stop_on=["dead_gradient"])
    assert FailureMonitor(stop_on=list(SIGNS))


@pytest.mark.parametrize(
    "options",
    [
        {"patience": 0},
        {"every_n_steps": 0},
        {"collapse_evaluations": 0},
        {"oscillation_window": 31},
        {"loader_share": 1.0},
    ],
)
def test_an_option_out_of_range_is_refused_by_name(options: dict[str, Any]) -> None:
    (name,) = options
    with pytest.raises(ValueError, match=f"failure_monitor.{name} is {options[name]}"):
        FailureMonitor(**options)


def test_a_module_without_players_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="not Painter"):
        trainer(tmp_path, callbacks=[FailureMonitor()]).fit(Painter(items(4, 4)))


def test_the_interval_of_looks_is_that_of_logging(tmp_path: Path) -> None:
    monitor = {"every_n_steps": None, "patience": 1, "stop_on": ["dead_gradients"]}
    fitting, _ = fit(tmp_path, seeded(Detached), 100, monitor=monitor, log_every_n_steps=3)
    assert fitting.global_step == 9, "three looks at the least"
