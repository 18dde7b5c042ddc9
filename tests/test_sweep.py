"""What holds for every variant: a new one is found here by itself, and is not done until it passes."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from support.processes import run_alone, run_together
from support.runs import assert_identical, evaluate, final, fit, newest_step
from support.tiny import trainer
from support.toys import TOYS, make_data, make_model

import gans
from gans.families.regularised import Regularised

every_variant = pytest.mark.parametrize("name", gans.VARIANTS)
PAGES = "\n".join(page.read_text(encoding="utf-8") for page in Path(__file__).parents[1].glob("docs/*.md"))
DOUBLE = {"precision": "64-true", "max_epochs": 1}
EPOCH = {"data": {"batch_size": 2}}  # of 4 batches
AVERAGED = {"model": {"ema_decay": 0.9}}

Whole = Callable[..., tuple[Path, list[list[dict[str, torch.Tensor]]]]]


def folder(parent: Path, name: str) -> Path:
    made = parent / name
    made.mkdir()
    return made


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """Return a function that trains without interruption, once for all tests that ask for the same.

    It takes a variant's name, settings and the number of processes; it returns the folder and the gradients
    of every process. The settings say nothing of when checkpoints are written, nor of workers and pictures:
    who compares with such a training proves that they make no difference.
    """
    done: dict[str, tuple[Path, list[list[dict[str, torch.Tensor]]]]] = {}

    def train(name: str, settings: dict[str, Any], count: int = 1) -> Any:
        key = json.dumps([name, settings, count], sort_keys=True)
        if key not in done:
            into = tmp_path_factory.mktemp("whole")
            done[key] = into, run_together(call, name, str(into), settings, count=count)
        return done[key]

    return train


def test_every_variant_has_a_toy() -> None:
    assert set(TOYS) == set(gans.VARIANTS)


@every_variant
@pytest.mark.parametrize("options", [{}, {"accumulate": 2}, {"gradient_clip": 0.01}], ids=str)
def test_gradients_of_two_processes_equal_those_of_one(
    tmp_path: Path, name: str, options: dict[str, Any]
) -> None:
    one, two = folder(tmp_path, "one"), folder(tmp_path, "two")
    settings: dict[str, Any] = {"model": options | TOYS[name].separable, "trainer": DOUBLE}
    alone = run_alone(call, name, str(one), settings | {"data": {"batch_size": 4}})
    both = run_together(call, name, str(two), settings | {"data": {"batch_size": 2}})
    assert len(alone) == (1 if "accumulate" in options else 2)
    for joined, first, second in zip(alone, *both, strict=True):
        assert joined.keys() == first.keys() == second.keys()
        # A bias before instance norm has gradient 0, which rounding turns into specks of the others' size.
        specks = 1e-14 * max(float(gradient.abs().max()) for gradient in joined.values())
        for parameter, gradient in joined.items():
            assert torch.equal(first[parameter], second[parameter]), parameter
            torch.testing.assert_close(first[parameter], gradient, rtol=1e-10, atol=specks)


@every_variant
def test_metrics_of_two_processes_equal_those_of_one(name: str) -> None:
    """Five images in batches of two: one process gets three of them, the other two and an empty batch."""
    alone = run_alone(score, name)
    counted = [value for metric, value in alone.items() if metric.startswith("test/images/")]
    assert [sum(counted)] == [5] if TOYS[name].parted else set(counted) == {5}
    assert any(metric.startswith(TOYS[name].score) for metric in alone)
    told = {metric.split("/")[1] for metric in alone}
    assert [metric for metric in sorted(told) if f"`val/{metric}" not in PAGES] == []
    for metrics in run_together(score, name):
        assert metrics.keys() == alone.keys()
        assert metrics == pytest.approx(alone, rel=1e-6)


RESUMES: dict[str, tuple[dict[str, Any], dict[str, Any], list[int]]] = {
    "after an epoch": (EPOCH, {}, [6]),
    "at an epoch's last batch": (EPOCH, {"checkpoint_every": 4}, [5]),
    "within an epoch, with workers": (
        EPOCH,
        {"data": {"batch_size": 2, "workers": 2}, "checkpoint_every": 3},
        [8],
    ),
    "after an epoch, towards a step": (EPOCH | {"trainer": {"max_steps": 10, "max_epochs": -1}}, {}, [6]),
    "within an epoch, twice, with accumulation": (
        {"data": {"batch_size": 1}, "model": {"accumulate": 2}},
        {"checkpoint_every": 3},
        [4, 4],
    ),
    "within an epoch, by the clock, with pictures": (
        EPOCH,
        {"checkpoint_minutes": 1e-9, "first_pictures": 0.0},
        [7],
    ),
}
"""Settings, others where it is killed, and the steps after which: each later than its newest checkpoint."""


@every_variant
@pytest.mark.parametrize("case", RESUMES)
def test_a_killed_run_resumes_bit_for_bit(tmp_path: Path, name: str, case: str, whole: Whole) -> None:
    trained, otherwise, kills = RESUMES[case]
    trained = trained | {"model": AVERAGED["model"] | trained.get("model", {})}
    uninterrupted, [gradients] = whole(name, trained)
    settings = trained | otherwise
    for start, kill_after in enumerate(kills):
        code = run_alone(
            call, name, str(tmp_path), settings | {"kill_after": kill_after, "resume": start > 0}
        )
        assert code == -signal.SIGKILL
    done = newest_step(tmp_path)
    assert 0 < done < kills[-1]
    assert (tmp_path / "samples").exists() == ("first_pictures" in settings)
    resumed = run_alone(call, name, str(tmp_path), settings | {"resume": True})
    assert len(resumed) == len(gradients) - done
    assert_identical(final(uninterrupted), final(tmp_path))


@every_variant
def test_a_run_that_ended_within_an_epoch_goes_on_bit_for_bit(tmp_path: Path, name: str) -> None:
    whole, parts = folder(tmp_path, "whole"), folder(tmp_path, "parts")
    settings = EPOCH | {"model": {"schedule": "constant"}}
    for into, steps in ((whole, 10), (parts, 6), (parts, 10)):
        limits = {"trainer": {"max_steps": steps}, "resume": into == parts and steps == 10}
        made = run_alone(call, name, str(into), settings | limits)
    assert len(made) == 4
    assert_identical(final(whole), final(parts))


@every_variant
@pytest.mark.parametrize(
    ("checkpoint_every", "kill_after", "workers"),
    [(None, 3, 0), (5, 6, 1)],
    ids=["after an epoch", "within an epoch, with workers"],
)
def test_two_killed_processes_resume_bit_for_bit(
    tmp_path: Path, name: str, checkpoint_every: int | None, kill_after: int, workers: int, whole: Whole
) -> None:
    """Epochs have 2 batches, as the processes share them."""
    uninterrupted, _ = whole(name, EPOCH | AVERAGED, count=2)
    settings: dict[str, Any] = AVERAGED | {
        "data": {"batch_size": 2, "workers": workers},
        "checkpoint_every": checkpoint_every,
    }
    codes = run_together(call, name, str(tmp_path), settings | {"kill_after": kill_after})
    assert codes == [-signal.SIGKILL, -signal.SIGKILL]
    done = newest_step(tmp_path)
    resumed = run_together(call, name, str(tmp_path), settings | {"resume": True})
    assert [len(steps) for steps in resumed] == [6 - done] * 2
    assert len(final(uninterrupted)["order"]) == 2
    assert_identical(final(uninterrupted), final(tmp_path))


@every_variant
def test_the_same_seed_gives_the_same_run_with_any_number_of_workers(
    tmp_path: Path, name: str, whole: Whole
) -> None:
    without, _ = whole(name, EPOCH | AVERAGED)
    run_alone(call, name, str(tmp_path), AVERAGED | {"data": {"batch_size": 2, "workers": 2}})
    assert_identical(final(without), final(tmp_path))


@every_variant
@pytest.mark.parametrize("precision", ["bf16-mixed", "16-mixed"])
def test_mixed_precision_trains_close_to_full_precision(
    tmp_path: Path, name: str, precision: str, whole: Whole
) -> None:
    settings: dict[str, Any] = {"data": {"batch_size": 4}, "model": TOYS[name].separable}
    _, [reference] = whole(name, settings)
    gradients = run_alone(call, name, str(tmp_path), settings | {"trainer": {"precision": precision}})
    assert len(reference) == len(gradients) == 6
    for parameter, weight in final(tmp_path)["state_dict"].items():
        if isinstance(weight, torch.Tensor) and weight.is_floating_point():
            assert weight.dtype == torch.float32, parameter
            assert weight.isfinite().all(), parameter
    full_precision, mixed_precision = flat(reference[0]), flat(gradients[0])
    assert not torch.equal(full_precision, mixed_precision), "the precision makes no difference"
    assert torch.nn.functional.cosine_similarity(full_precision, mixed_precision, dim=0) > 0.9
    assert float(mixed_precision.norm()) == pytest.approx(float(full_precision.norm()), rel=0.1)


REGULARISERS: dict[str, dict[str, Any]] = {
    "penalties": {"r1_weight": 1.0, "r2_weight": 1.0, "penalty_every": 2},
    "DiffAugment": {"diffaugment": ["translation", "cutout"]},
    "augmentation": {
        "augment": "adaptive",
        "augment_pipe": {"blit": 1.0, "geom": 1.0},
        "augment_probability": 0.9,
        "augment_every": 2,
        "augment_kimg": 0.02,
    },
    "noise": {"instance_noise": 0.5, "instance_noise_share": 1.0},
    "spectral norm": {"spectral_norm": True},
}


def kind_of(name: str) -> type:
    kind: type = getattr(gans, name)
    return kind


regularised = pytest.mark.parametrize(
    "name", [n for n in gans.VARIANTS if issubclass(kind_of(n), Regularised)]
)


@regularised
def test_regularised_runs_resume_bit_for_bit(tmp_path: Path, name: str) -> None:
    whole, broken = folder(tmp_path, "whole"), folder(tmp_path, "broken")
    everything = {key: value for options in REGULARISERS.values() for key, value in options.items()}
    settings = EPOCH | {"model": TOYS[name].separable | everything, "checkpoint_every": 3}
    steps = len(run_alone(call, name, str(whole), settings))
    assert run_alone(call, name, str(broken), settings | {"kill_after": 4}) == -signal.SIGKILL
    assert len(run_alone(call, name, str(broken), settings | {"resume": True})) == steps - 3
    assert_identical(final(whole), final(broken))


@regularised
def test_every_regulariser_reaches_the_discriminator(tmp_path: Path, name: str) -> None:
    plain = first_losses(name, tmp_path, {})
    for case, options in REGULARISERS.items():
        losses = first_losses(name, tmp_path, options)
        assert losses != plain, case
        terms = {term.rpartition("/")[2].partition("_")[0] for term in losses}
        assert ({"r1", "r2"} <= terms) == (case == "penalties")


@regularised
def test_the_generator_too_is_seen_through_augmentation_and_noise(tmp_path: Path, name: str) -> None:
    """By a discriminator that does not move, so that nothing else makes a difference."""
    resting = {"discriminator_learning_rate": 0.0}
    plain = first_losses(name, tmp_path, resting, player="generator", steps=2)
    for case in ("DiffAugment", "augmentation", "noise"):
        losses = first_losses(name, tmp_path, resting | REGULARISERS[case], player="generator", steps=2)
        assert losses != plain, case


def first_losses(
    name: str, into: Path, options: dict[str, Any], player: str = "discriminator", steps: int = 1
) -> dict[str, float]:
    """Return a player's losses after the first steps of a toy."""
    torch.manual_seed(0)
    model = make_model(name, **(TOYS[name].separable | options))
    data = make_data(name, batch_size=2)
    begun = trainer(into, max_steps=steps, precision="32-true", num_sanity_val_steps=0, limit_val_batches=0)
    begun.fit(model, datamodule=data)
    turns = [turn.name for turn in model.active_turns() if player in turn.who]
    return {
        key.removeprefix("train/"): float(value)
        for key, value in begun.callback_metrics.items()
        if key.split("/")[1] in turns
    }


def flat(gradients: dict[str, torch.Tensor]) -> torch.Tensor:
    return torch.cat([gradient.flatten() for gradient in gradients.values()])


def call(name: str, into: str, settings: dict[str, Any]) -> list[dict[str, torch.Tensor]]:
    return fit(name, into, **settings)


def score(name: str) -> dict[str, float]:
    return evaluate(name, eval_batch_size=2)
