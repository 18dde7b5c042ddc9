"""The programs measure what they say, at toy size, and print tables that can be read."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from support.tiny import TinyGAN, rows, trainer
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import data, metrics, processes, scale, startup, systems, train_step
from benchmarks.alternation import Alternation, OperatorCounter
from benchmarks.startup import Marks

ROOT = Path(__file__).parents[2]
PROGRAMS = [data, metrics, processes, scale, startup, train_step]
Table = Callable[..., list[dict[str, str]]]


@pytest.fixture
def table(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Table:
    """Return a function that runs a program and returns the rows of its table by column."""

    def run(program: Any, *arguments: str) -> list[dict[str, str]]:
        monkeypatch.setattr(sys, "argv", [program.__name__, *arguments])
        assert program.main() == 0
        lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
        header, _, *cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
        return [dict(zip(header, row, strict=True)) for row in cells]

    return run


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Make the systems' images small and few; return the option for their folder."""
    monkeypatch.setattr(systems, "IMAGES", 4)
    for name, system in systems.SYSTEMS.items():
        monkeypatch.setitem(systems.SYSTEMS, name, replace(system, size=16))
    return f"--folder={tmp_path}"


def commands() -> list[list[str]]:
    """Return the programs' command lines in their own descriptions and in docs."""
    texts = [str(program.__doc__) for program in PROGRAMS]
    texts += [page.read_text(encoding="utf-8") for page in (ROOT / "docs").glob("*.md")]
    joined = "\n".join(texts).replace("\\\n", " ")
    return [shlex.split(line) for line in re.findall(r"python -m benchmarks\.(\w+.*)", joined)]


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_documented_commands_are_understood(command: list[str]) -> None:
    program, *arguments = command
    _, others = import_module(f"benchmarks.{program}").parser().parse_known_args(arguments)
    of_fit = [word for word in others if word.startswith("--")]
    assert all(re.match("--(acceleration|trainer|model|data)\\.", word) for word in of_fit)


def measured(**options: Any) -> dict[str, Any]:
    """Stand in for a measured fit: a plain step of 2 s, ours of 1 s, more memory where both step."""
    row = {"plain": 2.0, "plain_cpu": 4.0, "ours": 1.0, "ours_cpu": 1.5, "module": 0.8}
    period = systems.SYSTEMS[options["system"]].period
    rows = [{key: value * period for key, value in row.items()}]
    return {"rows": rows, "counts": {"flops": 3e9 * period, "plain_operators": 7 * period}, "memory": 5e9}


def test_a_training_step_is_set_beside_the_plain_one(
    table: Table, small: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_step, "arithmetic_peak", lambda: 12e9)
    asked: list[tuple[Any, dict[str, Any]]] = []

    def fit(arguments: list[str], callback: str, **options: Any) -> dict[str, Any]:
        asked.append((arguments, options))
        return measured(**options)

    monkeypatch.setattr(train_step, "measured_fit", fit)
    (row,) = table(train_step, "--systems", "stargan_b4", "--note", "fast", "--trainer.x", "1", small)
    assert row["system"] == "stargan_b4 fast"
    assert row["a / c (spread)"] == "2.00 (2.00 to 2.00)"
    assert (row["c / b"], row["images/s c"], row["operators a"]) == ("1.250", "4.0", "7")
    assert (row["GFLOP"], row["share of peak c"], row["GB a"]) == ("3", "25%", "5.00")
    assert all(arguments[-2:] == ["--trainer.x", "1"] for arguments, o in asked if o.get("steps") != "plain")
    (plain,) = [arguments for arguments, o in asked if o.get("steps") == "plain"]
    assert plain[-2:] == ["--acceleration.keep_memory", "false"]


def test_processes_share_the_batch_of_one(table: Table, small: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fit(arguments: list[str], callback: str, **options: Any) -> dict[str, Any]:
        devices = int(arguments[arguments.index("--trainer.devices") + 1])
        batch = int(arguments[arguments.index("--data.batch_size") + 1])
        return {"rows": [{"ours": batch + devices, "ours_cpu": 1.0}]}

    monkeypatch.setattr(processes, "measured_fit", fit)
    alone, shared = table(processes, "--systems", "pix2pix", small)
    assert (alone["batch of each"], shared["batch of each"]) == ("2", "1")
    assert (alone["s per step"], shared["s per step"], shared["ratio"]) == ("3.000", "3.000", "1.00")


def test_images_come_from_files_and_cache(table: Table, small: str) -> None:
    found = table(
        data, "--systems", "pix2pix", "--workers", "0", "--seconds", "0.05", "--step_rate", "pix2pix=2", small
    )
    assert [row["source"] for row in found] == ["into the cache", "jpg", "cache"]
    for row in found[1:]:
        assert float(row["ratio"]) == pytest.approx(float(row["images/s"]) / 2, abs=0.5)
    assert float(found[2]["images/s"]) > float(found[1]["images/s"]) > 0


def test_distances_are_a_share_of_an_epoch(table: Table) -> None:
    sizes = ("--images", "32", "--extracted", "16", "--size", "16", "--epoch", "100", "--step_rate", "10")
    features, *_, first, known = table(metrics, *sizes)
    assert float(first["share of an epoch"].strip("%")) == pytest.approx(
        10 * float(first["seconds"]), abs=0.51
    )
    difference = float(first["seconds"]) - float(known["seconds"])
    assert difference == pytest.approx(float(features["seconds"]), abs=0.11)


def test_a_case_of_scale_trains(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = []

    def measure(case: scale.Case) -> tuple[float, float] | None:
        cases.append(case)
        return None if case.batch == 2 else scale.measure(case)

    monkeypatch.setattr(scale, "measure_apart", measure)
    found = table(scale, "--sizes", "32", "--batches", "1", "2", "--steps", "1", "--gigabytes", "3")
    assert [(case.batch, case.recomputed) for case in cases] == [(1, False), (1, True), (2, False), (2, True)]
    assert [row["GB at the peak"] for row in found[2:]] == ["over 3", "over 3"]
    assert all(float(row["s per step"]) > 0 for row in found[:2])


def test_a_case_that_needs_too_much_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_much(case: scale.Case) -> tuple[float, float]:
        torch.empty(10**18)
        raise AssertionError

    monkeypatch.setattr(scale, "measure", too_much)
    monkeypatch.setattr("resource.setrlimit", lambda *_: None)
    monkeypatch.setattr("logging.Logger.setLevel", lambda *_: None)  # it would last
    assert scale._measure_within(scale.Case("CycleGAN", 16, 1, recomputed=False)) is None


def test_the_start_is_told_in_its_parts(table: Table, small: str, monkeypatch: pytest.MonkeyPatch) -> None:
    marks = iter([{"program": 104.0, "batch": 107.0, "step": 109.0, "cpu": 6.0}] * 2)
    monkeypatch.setattr(startup, "measured_fit", lambda *_: next(marks))
    monkeypatch.setattr("time.time", lambda: 100.0)
    (row,) = table(startup, "--systems", "pix2pix", small)
    assert list(row.values()) == ["pix2pix", "4.0", "7.0", "9.0", "6.0"]


def test_marks_are_written_at_the_first_step(tmp_path: Path) -> None:
    output = tmp_path / "marks.json"
    fit = trainer(tmp_path, max_epochs=3, callbacks=[Marks(str(output))])
    fit.fit(TinyGAN(), rows(4))
    marks = json.loads(output.read_text())
    assert marks["program"] < marks["batch"] < marks["step"]
    assert fit.current_epoch <= 1


def test_plain_and_ours_step_in_turn_on_the_same_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[float] = []

    def plain_step(program: Any, batch: Any, index: int) -> None:
        seen.append(float(batch[0].sum()))
        torch.ones(4, 4) @ torch.ones(4, 4)

    toy = SimpleNamespace(plain=SimpleNamespace, step=plain_step, period=2)
    monkeypatch.setitem(systems.SYSTEMS, "toy", toy)
    output = tmp_path / "measured.json"
    callback = Alternation("toy", periods=2, output=str(output), warm_up=1)
    batches = rows(8)
    trainer(tmp_path, max_epochs=9, callbacks=[callback]).fit(TinyGAN(), batches)
    result = json.loads(output.read_text())
    expected = [float(batch[0].sum()) for batch in batches]
    # Of three periods of two steps, the first is done twice: once to be counted.
    assert seen == pytest.approx(expected[:2] * 2 + expected[2:4] + expected[:2])
    assert len(result["rows"]) == 2
    assert all(row["ours"] >= row["module"] > 0 for row in result["rows"])
    assert result["counts"]["flops"] == 2 * 2 * 4**3
    assert result["counts"]["plain_operators"] >= 2


def test_operations_are_counted_as_torch_counts_them_and_under_gradient_penalties() -> None:
    layer, images = torch.nn.Conv2d(3, 4, 3), torch.rand(2, 3, 8, 8)
    with FlopCounterMode(display=False) as known:
        layer(images).sum().backward()
    with OperatorCounter() as counted:
        layer(images).sum().backward()
    assert counted.flops == known.get_total_flops() > 0
    with OperatorCounter() as penalised:
        points = images.requires_grad_()
        (gradient,) = torch.autograd.grad(layer(points).sum(), points, create_graph=True)
        gradient.square().sum().backward()
    assert penalised.flops > 0
