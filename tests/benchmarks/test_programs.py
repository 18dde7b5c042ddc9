"""The programs measure what they say, at toy size, and print tables that can be read."""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import re
import shlex
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from support.checkpoints import write_checkpoint
from support.commands import run
from support.tiny import TinyGAN, rows, trainer
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import (
    alternation,
    answers,
    data,
    fidelity,
    looks,
    many_images,
    means,
    metrics,
    predict,
    processes,
    scale,
    startup,
    streaming,
    systems,
    train_step,
)
from benchmarks.alternation import Alternation
from benchmarks.gpu import __main__ as gpu
from benchmarks.plain import steps
from benchmarks.plain_process import OperatorCounter, PlainProcess, serve
from benchmarks.startup import Marks
from datamodules.paired.batches import PairedBatch

ROOT = Path(__file__).parents[2]
PROGRAMS = [
    *(answers, data, fidelity, gpu, looks, many_images, means, metrics, predict, processes, scale, startup),
    *(streaming, train_step),
]
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
    monkeypatch.setattr(systems, "FACES", 4)
    monkeypatch.setattr(systems, "BATCHES", 3)
    for name, system in systems.SYSTEMS.items():
        monkeypatch.setitem(systems.SYSTEMS, name, replace(system, size=16))
    return f"--folder={tmp_path}"


def commands() -> list[list[str]]:
    """Return the programs' command lines in their own descriptions and in docs."""
    texts = [str(program.__doc__) for program in PROGRAMS]
    texts += [page.read_text(encoding="utf-8") for page in (ROOT / "docs").glob("*.md")]
    joined = "\n".join(texts).replace("\\\n", " ")
    return [shlex.split(line) for line in re.findall(r"python -m benchmarks\.(\w+[^`\n]*)", joined)]


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_documented_commands_are_understood(command: list[str]) -> None:
    program, *arguments = command
    module = import_module("benchmarks.gpu.__main__" if program == "gpu" else f"benchmarks.{program}")
    _, others = module.parser().parse_known_args(arguments)
    of_fit = [word for word in others if word.startswith("--")]
    assert all(re.match("--(acceleration|trainer|model|data)\\.", word) for word in of_fit)


def measured(**options: Any) -> dict[str, Any]:
    """Stand in for a measured fit: a plain step of 2 s, ours of 1 s."""
    row = {"plain": 2.0, "plain_cpu": 4.0, "ours": 1.0, "ours_cpu": 1.5, "module": 0.8}
    period = systems.SYSTEMS[options["system"]].period
    rows = [{key: value * period for key, value in row.items()}]
    counts = {"flops": 3e9 * period, "plain_operators": 7 * period}
    return {"rows": rows, "counts": counts, "memory": 4e9, "plain_memory": 5e9}


def test_a_training_step_is_set_beside_the_plain_one(
    table: Table, small: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_step, "arithmetic_peak", lambda: 12e9)
    asked: list[list[str]] = []

    def fit(arguments: list[str], callback: str, **options: Any) -> dict[str, Any]:
        asked.append(arguments)
        return measured(**options)

    monkeypatch.setattr(train_step, "measured_fit", fit)
    (row,) = table(train_step, "--systems", "stargan_b4", "--note", "fast", "--trainer.x", "1", small)
    assert row["system"] == "stargan_b4 fast"
    assert row["a / c (spread)"] == "2.00 (2.00 to 2.00)"
    assert (row["c / b"], row["images/s c"], row["operators a"]) == ("1.250", "4.0", "7")
    assert (row["GFLOP"], row["share of peak c"]) == ("3", "25%")
    assert (row["GB a"], row["GB c"]) == ("5.00", "4.00")
    assert [arguments[-2:] for arguments in asked] == [["--trainer.x", "1"]] * 2


def test_further_systems_are_set_beside_the_first(
    capsys: pytest.CaptureFixture[str], small: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fit(arguments: list[str], callback: str, **options: Any) -> dict[str, Any]:
        run = measured(**options)
        if options["system"] == "stargan_b4":
            run["memory"] = 3e9
            run["rows"] = [{key: value / 2 for key, value in row.items()} for row in run["rows"]]
        return run

    monkeypatch.setattr(train_step, "arithmetic_peak", lambda: 12e9)
    monkeypatch.setattr(train_step, "measured_fit", fit)
    monkeypatch.setattr(sys, "argv", ["train_step", "--systems", "cyclegan", "stargan_b4", "cut", small])
    assert train_step.main() == 0
    _, below = capsys.readouterr().out.rsplit("|", 1)
    assert below.split("\n\n")[1:] == [
        "stargan_b4 / cyclegan: 0.50 of the seconds, 0.50 of the CPU s, 0.75 of the GB",
        "cut / cyclegan: 1.00 of the seconds, 1.00 of the CPU s, 1.00 of the GB\n",
    ]


def test_means_are_set_beside_the_step_without_them(
    table: Table, small: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[list[str], str | None]] = []

    def fit(arguments: list[str], callback: str, undo: str | None = None, **options: Any) -> dict[str, Any]:
        asked.append((arguments[-2:], undo))
        cpu = {"fused_adam": 15.0, None: 10.0}[undo]
        return {"rows": [{"ours_cpu": 5.0 if "--acceleration.compile" in arguments else cpu}]}

    monkeypatch.setattr(means, "measured_fit", fit)
    chosen = ("--means", "fused Adam", "compile", "resting generator without graph", "--trainer.x", "1")
    fused, compiled = table(means, "--systems", "pix2pix", *chosen, small)
    assert list(fused.values()) == ["pix2pix", "fused Adam", "10.000", "15.000", "1.50"]
    assert list(compiled.values()) == ["pix2pix", "compile", "5.000", "10.000", "2.00"]
    assert asked == [
        (["--trainer.x", "1"], None),
        (["--trainer.x", "1"], "fused_adam"),
        (["--acceleration.compile", "true"], None),
    ]


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


class Means(torch.nn.Module):
    """Stands in for the Inception network, which takes seconds to make: an image's means are its features."""

    def __init__(self, weights: Path) -> None:
        super().__init__()
        assert torch.load(weights) == {}

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels.float().mean((2, 3))


def test_distances_are_set_beside_those_of_other_programs(
    table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(systems, "FACES", 2)
    monkeypatch.setattr(fidelity, "random_weights", dict)
    monkeypatch.setattr(fidelity, "InceptionNetwork", Means)
    fidelity.write_inputs(tmp_path, 2, 16)
    frechet, kernel = fidelity.ours(tmp_path)()
    assert frechet > 0
    assert math.isfinite(kernel)
    asked: list[str] = []

    def apart(name: str, folder: str) -> float:
        asked.append(name)
        return {"ours": 8.0, "torch-fidelity": 12.0}[name]

    monkeypatch.setattr(fidelity, "measured_apart", apart)
    monkeypatch.setattr(fidelity, "write_inputs", lambda *_: None)
    rows = table(fidelity, "--count", "2", "--programs", "ours", "torch-fidelity")
    assert [row["CPU s of an image"] for row in rows] == ["2.0000", "3.0000"]
    assert [row["beside ours"] for row in rows] == ["1.00", "1.50"]
    assert asked == ["ours", "torch-fidelity"]


def test_an_absent_program_is_told_with_what_installs_it(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fidelity, "find_spec", lambda _: None)
    with pytest.raises(SystemExit, match="--no-deps"):
        table(fidelity)


def test_predict_is_set_beside_the_forward_on_the_same_batches(tmp_path: Path) -> None:
    checkpoint = write_checkpoint(tmp_path / "model.ckpt", "CycleGAN")
    folder = predict.write_folder(tmp_path / "images", "jpg", 5, 16)
    output = tmp_path / "pace.json"
    data = ("--data", "UnpairedImages", "--data.predict_dir", folder, "--data.eval_batch_size", 2)
    pace = ("--trainer.callbacks+=benchmarks.predict.Pace", "--trainer.callbacks.output", output)
    arguments = (
        "--ckpt_path",
        checkpoint,
        "--model",
        "CycleGAN",
        *data,
        "--output",
        tmp_path / "made",
        *pace,
    )
    assert run("predict", *arguments, *data, *pace, "--trainer.accelerator", "cpu") == 0
    passed = json.loads(output.read_text())
    assert passed["images"] == 3  # the first batch of two warms up
    assert passed["forward"]["wall"] > 0
    assert passed["predict"]["wall"] > 0
    other = {"images": 4, "predict": {"wall": 2.0, "cpu": 4.0}, "forward": {"wall": 1.0, "cpu": 2.0}}
    cells = predict.row("cyclegan", "jpg", [other, other])
    assert cells == ["cyclegan", "jpg", "2", "4", "0.500", "1", "0.5", ""]


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


def test_starts_over_many_images_are_told(
    table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def fit(arguments: list[str]) -> dict[str, float]:
        seen.append((arguments[arguments.index("--data.store_gigabytes") + 1], os.environ["GANS_CACHE"]))
        return {"batch": 2.0, "step": 3.0, "cpu": 4.0}

    monkeypatch.setattr(many_images, "start", fit)
    monkeypatch.setattr(many_images, "memory", lambda root, gigabytes, processes: [10**9] * processes)
    monkeypatch.setattr(many_images, "print_header", lambda *_: None)
    monkeypatch.setenv("GANS_CACHE", "")
    monkeypatch.setattr(sys, "argv", ["", "--images", "5", "--processes", "2", f"--folder={tmp_path}"])
    assert many_images.main() == 0
    assert [gigabytes for gigabytes, _ in seen] == ["0", "20", "20"]
    assert len({cache for _, cache in seen}) == 1
    assert len(list((tmp_path / "many_5").rglob("*.jpg"))) == 5


def test_processes_over_many_images_share_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = many_images.write_noise(tmp_path, 20)
    monkeypatch.setenv("GANS_CACHE", str(tmp_path / "cache"))
    (size,) = many_images.memory(root, 1, 1)
    assert size > 1e8


def test_marks_are_written_at_the_first_step(tmp_path: Path) -> None:
    output = tmp_path / "marks.json"
    fit = trainer(tmp_path, max_epochs=3, callbacks=[Marks(str(output))])
    fit.fit(TinyGAN(), rows(4))
    marks = json.loads(output.read_text())
    assert marks["program"] < marks["batch"] < marks["step"]
    assert fit.current_epoch <= 1


class Recorder:
    """Stands in for the other process: notes the batches that it is given."""

    def __init__(self, system: str, device: torch.device) -> None:
        self.seen: list[tuple[list[float], bool]] = []

    def step(self, batches: list[Any], count: bool = False) -> dict[str, float]:
        self.seen.append(([float(batch[0].sum()) for batch in batches], count))
        return {"flops": 7.0} if count else {"plain": 1.0, "plain_cpu": 2.0}

    def close(self) -> int:
        return 5


def test_plain_and_ours_step_in_turn_on_the_same_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alternation, "PlainProcess", Recorder)
    monkeypatch.setitem(systems.SYSTEMS, "toy", SimpleNamespace(period=2))
    output = tmp_path / "measured.json"
    callback = Alternation("toy", periods=2, output=str(output), warm_up=1)
    batches = rows(8)
    trainer(tmp_path, max_epochs=9, callbacks=[callback]).fit(TinyGAN(), batches)
    result = json.loads(output.read_text())
    first, second, third, fourth = [float(batch[0].sum()) for batch in batches]
    plain: Any = callback.plain
    # Of three periods of two steps, the first is done twice: once to be counted.
    expected = [([first, second], False), ([first, second], True), ([third, fourth], False)]
    assert plain.seen == [*expected, ([first, second], False)]
    assert result["counts"] == {"flops": 7.0}
    assert result["plain_memory"] == 5
    assert result["memory"] > 1e8
    assert len(result["rows"]) == 2
    for row in result["rows"]:
        assert row["ours"] >= row["module"] > 0
        assert (row["plain"], row["plain_cpu"]) == (1.0, 2.0)


def test_ours_steps_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(systems.SYSTEMS, "toy", SimpleNamespace(period=1))
    output = tmp_path / "measured.json"
    callback = Alternation("toy", periods=1, output=str(output), warm_up=1, plain=False)
    trainer(tmp_path, max_epochs=9, callbacks=[callback]).fit(TinyGAN(), rows(8))
    result = json.loads(output.read_text())
    assert (result["counts"], result["plain_memory"]) == ({}, None)
    assert set(result["rows"][0]) == {"ours", "ours_cpu", "module"}


def test_the_plain_program_trains_on_what_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[float, int]] = []

    def plain_step(program: Any, batch: Any, index: int) -> None:
        seen.append((float(batch.sum()), index))
        torch.ones(4, 4) @ torch.ones(4, 4)

    monkeypatch.setitem(systems.SYSTEMS, "toy", SimpleNamespace(plain=SimpleNamespace, step=plain_step))
    ours, theirs = multiprocessing.Pipe()
    serving = Thread(target=serve, args=(theirs, "toy", "cpu"))
    serving.start()
    ours.send(([torch.ones(2), torch.zeros(2)], False))
    seconds = ours.recv()
    ours.send(([torch.ones(2)], True))
    counts = ours.recv()
    ours.send(None)
    assert ours.recv() > 1e8
    serving.join()
    assert seen == [(2.0, 0), (0.0, 1), (2.0, 0)]
    assert seconds.keys() == {"plain", "plain_cpu"}
    assert counts["flops"] == 2 * 4**3
    assert counts["plain_operators"] >= 2


def test_the_plain_program_has_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOMP_SPINCOUNT", "1000")
    plain = PlainProcess("pix2pix", torch.device("cpu"))
    images = torch.zeros(1, 3, 256, 256)
    seconds = plain.step([PairedBatch(images, images)])
    assert 0 < seconds["plain"] < 60
    assert plain.close() > 1e8
    assert os.environ["GOMP_SPINCOUNT"] == "1000"


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


def test_esrgan_steps_on_pictures_of_its_own_folder(small: str, tmp_path: Path) -> None:
    """Both programs on one batch of 16 pixels to 64: the plain one, and ours under the system's arguments."""
    system = systems.SYSTEMS["esrgan_b2"]
    root = systems.write_images(system, tmp_path)
    (loaded, *_) = system.data_module(root).train_dataloader()
    batch = loaded.finish()
    assert batch.target.shape == (2, 3, 64, 64)
    program = steps.ESRGAN(size=64, width=4, blocks=1, growth=2, discriminator_width=2)
    losses = system.step(program, batch, 0)
    assert all(torch.isfinite(loss) for loss in losses.values())
    tiny = ("--model.generator_width=4", "--model.blocks=1", "--model.discriminator_width=2")
    one = (
        "--trainer.max_steps=1",
        "--trainer.limit_val_batches=0",
        "--trainer.accelerator=cpu",
        "--logger=csv",
    )
    assert run("fit", *system.fit_arguments(root), *tiny, *one, f"--run={tmp_path / 'run'}") == 0
    assert list((tmp_path / "run" / "checkpoints").glob("*.ckpt"))


def test_an_epoch_is_dealt_out_to_ranks(table: Table) -> None:
    arguments = ["--items", "1000", "--per_chunk", "16", "--ranks", "8", "--nodes", "2", "--images", "0"]
    for row in table(streaming, *arguments):
        assert (row["shown once"], row["more than once"], row["not shown"]) == ("992", "0", "8")
        assert int(row["of a rank"]) <= 16 < int(row["of a node"]) < int(row["chunks"]) == 63
        assert int(row["open at once"]) <= 8  # lanes of a rank


def test_images_are_read_out_of_a_folder_and_out_of_chunks() -> None:
    assert all(rate > 0 for rate in streaming.read_rates(36))
