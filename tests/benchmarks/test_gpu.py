"""The program for a GPU, as far as it can be tried on a CPU."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from support.processes import fork_server

from benchmarks.gpu import __main__ as program
from benchmarks.gpu import variants
from benchmarks.gpu.checks import Check, Findings, Outcome
from benchmarks.gpu.draws import SameDraws
from benchmarks.gpu.plan import EVERY_SYSTEM, EVERY_VARIANT, PAPERS, Plan
from benchmarks.gpu.runner import run_checks
from benchmarks.gpu.speed import MODES, step_time
from benchmarks.gpu.table import markdown, write_tables
from benchmarks.gpu.toys import make_toy, write_pictures
from benchmarks.gpu.variants import ARITHMETICS, Subject, check_variant, first_losses, resumes


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pictures(tmp_path_factory.mktemp("pictures"))


def test_what_fails_dies_or_takes_too_long_does_not_keep_the_rest_from_being_checked(pictures: Path) -> None:
    plan = Plan(pictures.parent, True, ("VAE", "DCGAN"), ())
    first, _, third, *_ = plan.checks()  # DCGAN, of the papers, comes before VAE
    checks = [
        first,
        Check("steps", "fails", step_time, {"system": "none"}),
        Check("steps", "dies", os._exit, {"status": 3}),
        Check("steps", "hangs", subprocess.run, {"args": ["sleep", "600"]}, seconds=1.0),  # type: ignore
        Check(third.table, third.name, check_variant, {**third.arguments, "pictures": pictures}),
    ]
    outcomes: list[Outcome] = []
    run_checks(checks, 120.0, 1, outcomes.append, fork_server())
    machine, fails, dies, hangs, variant = outcomes
    assert machine.status == "passed"
    assert "no GPU" in machine.facts["device"]
    assert [one.status for one in (fails, dies, hangs)] == ["failed"] * 3
    assert "TypeError" in fails.error
    assert dies.error == "its process died, exit status 3"
    assert hangs.error.startswith("did not end within 1")
    assert (variant.name, variant.status) == ("VAE, fp32, TF32", "passed"), variant
    assert variant.facts["resumes"] == "bit for bit"
    page = markdown(outcomes, "a rehearsal")
    assert "2 passed, 0 wrong, 3 failed, 0 not reached." in page
    assert all(f"**steps: {name}**" in page for name in ("fails", "dies", "hangs"))


def test_without_time_nothing_is_reached_and_all_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = ["--variants", "CUT", "DCGAN", "--systems", "cut"]
    arguments = ["--minutes", "0", "--output", str(tmp_path), *chosen]
    monkeypatch.setattr(sys, "argv", ["gpu", "--rehearse", *arguments])
    monkeypatch.setattr(os, "environ", dict(os.environ))
    assert program.main() == 1
    outcomes = json.loads((tmp_path / "gpu.json").read_text())["outcomes"]
    assert {one["status"] for one in outcomes} == {"not reached"}
    names = [one["name"] for one in outcomes]
    assert names[0] == "machine"
    assert {f"{name}, {how}" for name in ("CUT", "DCGAN") for how in ARITHMETICS} <= set(names)
    assert {f"cut_64, {mode}" for mode in MODES} <= set(names)
    page = (tmp_path / "gpu.md").read_text()
    assert [line.rpartition(": ")[2] for line in page.splitlines() if line.startswith("- ")] == names


def test_missing_packages_are_named_in_one_list(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("benchmarks.gpu.machine.NEEDED", ("numpy", "not-there", "nor-this"))
    assert program.main() == 2
    assert capsys.readouterr().err == "These packages are needed and not installed: not-there, nor-this.\n"


def test_the_plan_begins_with_the_papers_and_covers_everything() -> None:
    on_gpu = list(Plan(Path("x"), False, EVERY_VARIANT, EVERY_SYSTEM).checks())
    variants_in_order = [check.name for check in on_gpu if check.table == "variants"]
    assert variants_in_order[: len(PAPERS)] == [f"{name}, fp32, TF32" for name in PAPERS]
    assert len(variants_in_order) == len(EVERY_VARIANT) * len(ARITHMETICS)
    steps = [check.arguments["system"] for check in on_gpu if check.table == "steps"]
    assert steps == [*EVERY_SYSTEM] * len(MODES)
    assert all(check.alone for check in on_gpu if check.table in ("steps", "predict", "where time goes"))


def test_a_wrong_fact_stands_out(tmp_path: Path) -> None:
    wrong = Outcome("steps", "a", "wrong", 1.0, {"loss": "0.5", "memory": "2"}, ("loss",))
    write_tables([wrong, Outcome("steps", "b", "passed", 2.0, {"memory": "1"})], tmp_path, "tables")
    assert "| a | **0.5** | 2 | 1.0 | wrong |\n| b |  | 1 | 2.0 |  |" in (tmp_path / "gpu.md").read_text()


def test_draws_are_the_same_in_every_precision() -> None:
    def drawn(dtype: torch.dtype, generator: torch.Generator | None) -> list[Any]:
        like = torch.zeros(3, dtype=dtype)
        with SameDraws():
            made = [
                torch.randn(4, generator=generator, dtype=dtype),
                torch.rand_like(like),
                torch.empty(2, dtype=dtype).normal_(generator=generator),
                torch.randperm(5, generator=generator),
                torch.bernoulli(like + 0.5),
            ]
        assert {tensor.dtype for tensor in made} == {dtype, torch.int64}
        return [tensor.double() for tensor in made]

    single, double = drawn(torch.float32, None), drawn(torch.float64, torch.Generator().manual_seed(9))
    for one, other in zip(single, double, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-7)
    assert not torch.equal(single[0][:3], single[1])


class Shifted(Subject):
    """Computes something else: the second half of a training, or one of its first losses."""

    def fit(self, steps: int, resume: Path | None = None, **more: Any) -> Any:
        watch, trainer = super().fit(steps, resume, **more)
        if resume is not None:
            next(trainer.lightning_module.parameters()).data.add_(1e-3)
        watch.first = {name: value * 1.5 for name, value in watch.first.items()}
        return watch, trainer


def test_other_losses_and_other_weights_are_noticed(pictures: Path, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    right = Subject("VAE", pictures, ARITHMETICS["fp32, TF32"])
    half, whole = tmp_path / "half.ckpt", tmp_path / "whole.ckpt"
    variants.trains(right, half, whole)
    shifted = Shifted("VAE", pictures, ARITHMETICS["fp32, TF32"])
    assert [first_losses(one)[1] for one in (right, shifted)] == [True, False]
    assert [resumes(one, half, whole)[1] for one in (right, shifted)] == [True, False]


def test_toys_of_every_variant_lie_in_folders(pictures: Path) -> None:
    for name in EVERY_VARIANT:
        model, data = make_toy(name, pictures)
        data.setup("fit")
        batch = next(iter(data.train_dataloader())).finish()
        assert isinstance(batch, model.batch_type), name


def test_findings_without_anything_wrong_are_right() -> None:
    assert Findings({"a": "1"}).wrong == ()
