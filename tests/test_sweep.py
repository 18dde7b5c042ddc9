"""What holds for every variant: a new one is found here by itself, and is not done until it passes."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from support.processes import run_alone, run_together
from support.runs import assert_identical, final, fit
from support.toys import TOYS

import gans

every_variant = pytest.mark.parametrize("name", gans.VARIANTS)
DOUBLE = {"precision": "64-true", "max_epochs": 1}


def folder(parent: Path, name: str) -> Path:
    made = parent / name
    made.mkdir()
    return made


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
@pytest.mark.parametrize(
    ("checkpoint_every", "kill_after", "workers"),
    [(None, 6, 0), (4, 5, 0), (3, 8, 0), (3, 8, 2)],
    ids=["after an epoch", "at an epoch's last batch", "within an epoch", "with workers"],
)
def test_a_killed_run_resumes_bit_for_bit(
    tmp_path: Path, name: str, checkpoint_every: int | None, kill_after: int, workers: int
) -> None:
    """Epochs have 4 batches; the kill comes after the newest checkpoint, so that work is lost and redone."""
    whole, broken = folder(tmp_path, "whole"), folder(tmp_path, "broken")
    settings: dict[str, Any] = {
        "data": {"batch_size": 2, "workers": workers},
        "model": {"ema_decay": 0.9},
        "checkpoint_every": checkpoint_every,
    }
    run_alone(call, name, str(whole), settings)
    code = run_alone(call, name, str(broken), settings | {"kill_after": kill_after})
    assert code == -signal.SIGKILL
    run_alone(call, name, str(broken), settings | {"resume": True})
    assert final(whole)["global_step"] == 12
    assert_identical(final(whole), final(broken))


@every_variant
def test_two_killed_processes_resume_bit_for_bit(tmp_path: Path, name: str) -> None:
    whole, broken = folder(tmp_path, "whole"), folder(tmp_path, "broken")
    settings: dict[str, Any] = {"model": {"ema_decay": 0.9}, "checkpoint_every": 5}
    run_together(call, name, str(whole), settings)
    codes = run_together(call, name, str(broken), settings | {"kill_after": 6})
    assert codes == [-signal.SIGKILL, -signal.SIGKILL]
    run_together(call, name, str(broken), settings | {"resume": True})
    assert len(final(whole)["order"]) == 2
    assert_identical(final(whole), final(broken))


@every_variant
def test_the_same_seed_gives_the_same_run_with_any_number_of_workers(tmp_path: Path, name: str) -> None:
    first, second = folder(tmp_path, "first"), folder(tmp_path, "second")
    run_alone(call, name, str(first), {"data": {"workers": 0}})
    run_alone(call, name, str(second), {"data": {"workers": 2}})
    assert_identical(final(first), final(second))


@every_variant
@pytest.mark.parametrize("precision", ["bf16-mixed", "16-mixed"])
def test_mixed_precision_trains_close_to_full_precision(tmp_path: Path, name: str, precision: str) -> None:
    full, mixed = folder(tmp_path, "full"), folder(tmp_path, "mixed")
    settings: dict[str, Any] = {"data": {"batch_size": 4}, "model": TOYS[name].separable}
    reference = run_alone(call, name, str(full), settings)
    gradients = run_alone(call, name, str(mixed), settings | {"trainer": {"precision": precision}})
    assert len(reference) == len(gradients) == 6
    for parameter, weight in final(mixed)["state_dict"].items():
        if isinstance(weight, torch.Tensor) and weight.is_floating_point():
            assert weight.dtype == torch.float32, parameter
            assert weight.isfinite().all(), parameter
    full_precision, mixed_precision = flat(reference[0]), flat(gradients[0])
    assert torch.nn.functional.cosine_similarity(full_precision, mixed_precision, dim=0) > 0.9
    assert float(mixed_precision.norm()) == pytest.approx(float(full_precision.norm()), rel=0.1)


def flat(gradients: dict[str, torch.Tensor]) -> torch.Tensor:
    return torch.cat([gradient.flatten() for gradient in gradients.values()])


def call(name: str, into: str, settings: dict[str, Any]) -> list[dict[str, torch.Tensor]]:
    return fit(name, into, **settings)
