from __future__ import annotations

import csv
import json
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from support.commands import run as run_here
from support.commands import write_toy_config

from gans.cli.metrics_file import MetricsFile
from gans.tools import seeds, table
from gans.tools.row_set import RECORD, RowSetError, find_rows, last_validation, run_command, run_row_set


class FakeFit:
    """Stands for `fit`: writes a table whose last l1 is 10 * row + seed, and fails where it is told to."""

    def __init__(self, statuses: dict[tuple[str, int], int] | None = None) -> None:
        self.statuses = statuses or {}
        self.calls: list[list[str]] = []

    def __call__(self, arguments: Sequence[str]) -> int:
        self.calls.append(list(arguments))
        run = Path(self.value("--run"))
        seed = int(self.value("--seed_everything"))
        status = self.statuses.get((run.parent.name, seed), 0)
        file = MetricsFile(run)
        file.log_metrics({"val/l1/A2B": 99.0, "train/generator/total": 1.0}, step=1)
        (run / "config.yaml").write_text("a run")
        if status == 0:
            level = 10.0 * int(run.parent.name.removeprefix("row"))
            file.log_metrics({"val/l1/A2B": level + seed, "val/kid/A2B": 0.5}, step=2)
        return status

    def value(self, option: str) -> str:
        return self.calls[-1][self.calls[-1].index(option) + 1]

    def runs(self) -> list[str]:
        return ["/".join(Path(call[call.index("--run") + 1]).parts[-2:]) for call in self.calls]


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go into a folder with the configs row1, row2 and base."""
    monkeypatch.chdir(tmp_path)
    for name in ("row1", "row2", "base"):
        Path(f"{name}.yaml").write_text(f"# {name}\n")
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, tool: object, command: FakeFit, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["tool", *arguments])
    assert tool in (seeds, table)
    return seeds.main(command) if tool is seeds else table.main(command)


def test_the_table_of_seeds_has_mean_and_spread_of_every_metric(
    work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fit = FakeFit()
    arguments = ("--config", "row1.yaml", "--seeds", "0", "1", "5", "--trainer.max_epochs", "2")
    assert run(monkeypatch, seeds, fit, *arguments) == 0
    expected = (
        "| metric      | mean | standard deviation | seed 0 | seed 1 | seed 5 |\n"
        "| ----------- | ---- | ------------------ | ------ | ------ | ------ |\n"
        "| val/kid/A2B | 0.5  | 0                  | 0.5    | 0.5    | 0.5    |\n"
        "| val/l1/A2B  | 12   | 2.646              | 10     | 11     | 15     |\n"
    )
    assert expected in capsys.readouterr().out
    assert (work / "runs/row1-seeds/table.md").read_text() == expected
    with (work / "runs/row1-seeds/table.csv").open(newline="") as file:
        rows = {row["metric"]: row for row in csv.DictReader(file)}
    assert float(rows["val/l1/A2B"]["standard_deviation"]) == statistics.stdev([10, 11, 15])
    assert (rows["val/l1/A2B"]["config"], rows["val/l1/A2B"]["seed_5"]) == ("row1", "15.0")
    assert fit.calls[1] == [
        "fit", "--config", "row1.yaml", "--trainer.max_epochs", "2",
        "--seed_everything", "1", "--run", "runs/row1-seeds/row1/seed-1", "--ckpt_path", "last",
    ]  # fmt: skip


def test_the_table_of_rows_has_a_line_per_config(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fit = FakeFit()
    arguments = ["--config", "base.yaml", "--configs", "row1.yaml", "row2.yaml", "--folder", "out"]
    status = run(
        monkeypatch, table, fit, *arguments, "--seeds", "0", "2", "--metrics", "val/l1/A2B", "--data.size=8"
    )
    assert status == 0
    assert (work / "out/table.md").read_text() == (
        "| config | seeds | val/l1/A2B |\n"
        "| ------ | ----- | ---------- |\n"
        "| row1   | 2     | 11 ± 1.4   |\n"
        "| row2   | 2     | 21 ± 1.4   |\n"
    )
    assert fit.runs() == ["row1/seed-0", "row2/seed-0", "row1/seed-2", "row2/seed-2"]
    assert fit.calls[0][:6] == ["fit", "--config", "base.yaml", "--config", "row1.yaml", "--data.size=8"]


def test_finished_runs_are_not_repeated_and_an_interrupted_one_goes_on(
    work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--config", "row1.yaml", "--seeds", "0", "1", "2")
    assert run(monkeypatch, seeds, FakeFit({("row1", 1): 130}), *arguments) == 130
    assert "repeat the command that started them" in capsys.readouterr().out
    assert (
        "| val/l1/A2B  | 10   |                    | 10     |"
        in (work / "runs/row1-seeds/table.md").read_text()
    ), "what was finished is tabulated"
    folder = work / "runs/row1-seeds/row1/seed-1"
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / "last.ckpt").touch()
    again = FakeFit()
    assert run(monkeypatch, seeds, again, *arguments) == 0
    assert again.runs() == ["row1/seed-1", "row1/seed-2"]
    assert "| seed 0 | seed 1 | seed 2 |" in capsys.readouterr().out


@pytest.mark.parametrize("checkpoint", [True, False])
def test_a_run_without_checkpoint_begins_again(work: Path, checkpoint: bool) -> None:
    """`fit` refuses a folder with a config and nothing to go on from."""
    rows = find_rows([], ["row1.yaml"])
    with pytest.raises(SystemExit):
        list(run_row_set(rows, [0], [], work, FakeFit({("row1", 0): 143})))
    run = work / "row1" / "seed-0"
    if checkpoint:
        (run / "checkpoints").mkdir()
        (run / "checkpoints" / "last.ckpt").touch()
    found: list[bool] = []

    def fit(arguments: Sequence[str]) -> int:
        found.append((run / "config.yaml").exists())
        return FakeFit()(arguments)

    list(run_row_set(rows, [0], [], work, fit))
    assert found == [checkpoint]


def test_a_run_that_fails_ends_the_set_and_says_which(work: Path) -> None:
    rows = find_rows([], ["row1.yaml", "row2.yaml"])
    fit = FakeFit({("row2", 0): 1})
    with pytest.raises(RowSetError, match=r"row2 with seed 0 ended with status 1.*same command goes on"):
        list(run_row_set(rows, [0, 1], [], work, fit))
    assert fit.runs() == ["row1/seed-0", "row2/seed-0"]
    assert "metrics" not in json.loads((work / "row2/seed-0" / RECORD).read_text())


@pytest.mark.parametrize("change", ["argument", "config", "shared config"])
def test_numbers_of_other_arguments_are_not_mixed_in(work: Path, change: str) -> None:
    rows = find_rows(["base.yaml"], ["row1.yaml"])
    list(run_row_set(rows, [0], ["--model.blocks", "3"], work, FakeFit()))
    if change != "argument":
        Path("row1.yaml" if change == "config" else "base.yaml").write_text("# changed\n")
    blocks = "4" if change == "argument" else "3"
    with pytest.raises(ValueError, match=r"row1/seed-0 was made with other arguments"):
        list(run_row_set(rows, [0], ["--model.blocks", blocks], work, FakeFit()))


@pytest.mark.parametrize("argument", ["--run", "--run=there", "--seed_everything", "--ckpt_path"])
def test_what_the_set_gives_itself_is_refused(work: Path, argument: str) -> None:
    with pytest.raises(ValueError, match=f"{argument}: each run gets its own"):
        next(run_row_set(find_rows([], ["row1.yaml"]), [0], [argument], work, FakeFit()))


def test_mistakes_are_told_in_a_line(
    work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, seeds, FakeFit(), "--config", "cyclegam", "--seeds", "0") == 1
    assert "error: --config cyclegam: no such file" in capsys.readouterr().err
    metric = ("--metrics", "val/l1/A2")
    fit = FakeFit()
    assert run(monkeypatch, table, fit, "--configs", "row1.yaml", "--seeds", "0", "1", *metric) == 1
    assert "error: --metrics val/l1/A2: no run has it. Did you mean val/l1/A2B?" in capsys.readouterr().err
    assert len(fit.calls) == 1, "it is told after the first run"
    Path("more").mkdir()
    Path("more/row1.yaml").touch()
    assert run(monkeypatch, table, fit, "--configs", "row1.yaml", "more/row1.yaml") == 1
    assert "error: Several configs are called row1" in capsys.readouterr().err
    assert run(monkeypatch, table, fit, "--seeds", "one") == 2


def test_the_newest_value_of_every_metric_counts(tmp_path: Path) -> None:
    file = MetricsFile(tmp_path)
    for step, metrics in enumerate([{"val/a": 1.0, "val/b": 2.0}, {"val/a": 3.0}, {"train/a": 4.0}]):
        file.log_metrics(metrics, step=step)
    assert last_validation(tmp_path) == {"val/a": 3.0, "val/b": 2.0}


def test_a_run_without_validation_has_no_metrics(tmp_path: Path) -> None:
    assert last_validation(tmp_path) == {}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_signals_let_the_process_end_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    """Ctrl-C reaches the whole group; SIGTERM and SIGUSR1 only the first process, which passes them on."""
    script = tmp_path / "saving.py"
    script.write_text(
        "import pathlib, signal, sys, time\n"
        "folder = pathlib.Path(sys.argv[0]).parent\n"
        "def save(*_):\n    time.sleep(0.5)\n    (folder / 'saved').touch()\n    sys.exit(7)\n"
        f"signal.signal({int(number)}, save)\n"
        "(folder / 'ready').touch()\n"
        "time.sleep(20)\n"
    )
    popen = subprocess.Popen
    started: list[subprocess.Popen[bytes]] = []

    def start(_: list[str]) -> subprocess.Popen[bytes]:
        started.append(popen([sys.executable, str(script)]))
        return started[-1]

    def interrupt() -> None:
        while not (tmp_path / "ready").exists():
            time.sleep(0.02)
        if number == signal.SIGINT:
            started[0].send_signal(number)
        os.kill(os.getpid(), number)

    monkeypatch.setattr(subprocess, "Popen", start)
    before = signal.getsignal(number)
    thread = threading.Thread(target=interrupt)
    thread.start()
    assert run_command([]) == 7
    thread.join()
    assert (tmp_path / "saved").exists()
    assert signal.getsignal(number) is before


def test_a_real_run_per_seed(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command itself on two seeds, in this process; then again, when nothing is left to do."""
    write_toy_config(work / "toy.yaml")
    started = []

    def command(arguments: Sequence[str]) -> int:
        started.append(arguments)
        return run_here(*arguments)

    monkeypatch.setattr(
        sys, "argv", ["seeds", "--config", "toy.yaml", "--seeds", "0", "1", "--model.blocks", "2"]
    )
    for _ in range(2):
        assert seeds.main(command) == 0
    assert len(started) == 2
    with (work / "runs/toy-seeds/table.csv").open(newline="") as file:
        rows = {row["metric"]: row for row in csv.DictReader(file)}
    assert {"val/kid_lite0", "val/l1/A2B", "val/images/A2B"} <= rows.keys()
    assert float(rows["val/l1/A2B"]["standard_deviation"]) > 0, "another seed is another run"
    assert rows["val/images/A2B"]["seed_0"] == rows["val/images/A2B"]["seed_1"]
    assert (work / "runs/toy-seeds/toy/seed-1/checkpoints/last.ckpt").exists()


def test_a_run_is_a_process_of_the_project(capfd: pytest.CaptureFixture[str]) -> None:
    assert run_command(["--version"]) == 0
    assert run_command(["fitt"]) == 2
    told = capfd.readouterr()
    assert told.out.startswith("gans ")
    assert "fitt is not a command. Did you mean fit?" in told.err
    assert "python -m gans {fit," in told.err
