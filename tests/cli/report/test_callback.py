"""The page that trainings write."""

from __future__ import annotations

import json
import re
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from lightning.fabric.utilities.rank_zero import rank_zero_only
from support.commands import run, write_toy_config
from support.told_runs import write_run

from gans.cli.metrics_file import read_metrics
from gans.cli.report import callback
from gans.cli.report.callback import Pace, RunReport, write_page
from gans.cli.report.starts import read_starts


def data_of(page: Path) -> Any:
    text = page.read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text)
    assert found is not None
    return json.loads(found[1])


def fit(folder: Path, *arguments: object) -> int:
    config = folder / "toy.yaml"
    if not config.exists():
        write_toy_config(config, without=["metrics", "failure_monitor"])
    return run("fit", "--config", config, "--run", folder / "run", *arguments)


def test_a_training_leaves_a_page_and_a_resumed_one_goes_on_with_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fit(tmp_path) == 0
    page = tmp_path / "run" / "report.html"
    assert f"Report      {page}" in capsys.readouterr().out
    text = page.read_text()
    told = ["CycleGAN", "on the CPU", "to train on", "last.ckpt", "4 steps", "fit --ckpt_path"]
    assert [part for part in told if part not in text[: text.index('id="data"')]] == []
    assert [moment["label"] for moment in data_of(page)["albums"][0]] == ["epoch 1"]

    last = tmp_path / "run" / "checkpoints" / "last.ckpt"
    assert run("fit", "--ckpt_path", last, "--trainer.max_epochs", 2) == 0
    data = data_of(page)
    charts = {chart["title"]: chart for chart in data["charts"]}
    lines = {line["name"]: line["points"]["x"] for line in charts["train/generator"]["lines"]}
    assert lines["total"] == [2, 4, 6, 8]
    assert [moment["step"] for moment in data["albums"][0]] == [4, 8]
    assert [start.step for start in read_starts(tmp_path / "run")] == [0, 4]
    assert "begun 2 times" in page.read_text()


def test_tensorboard_shows_the_names_of_the_page_on_its_steps(tmp_path: Path) -> None:
    assert fit(tmp_path, "--logger", "tensorboard", "--trainer.max_epochs", 2) == 0
    data = data_of(tmp_path / "run" / "report.html")
    (written,) = (tmp_path / "run" / "tensorboard").glob("events.*")
    reader = import_module("tensorboard.backend.event_processing.event_accumulator")  # it has no types
    events = reader.EventAccumulator(str(written))
    events.Reload()

    moments = [(name, moment["step"]) for moment in data["albums"][0] for name in moment["pictures"]]
    shown = {tag: [event.step for event in events.Images(tag)] for tag in events.Tags()["images"]}
    assert sorted(moments) == [("A2B", 4), ("A2B", 8), ("B2A", 4), ("B2A", 8)]
    assert shown == {"samples/A2B": [4, 8], "samples/B2A": [4, 8]}
    curves = {
        f"{chart['title']}/{line['name']}": line["points"]["x"]
        for chart in data["charts"]
        for line in chart["lines"]
    }
    for name in ("train/generator/total", "train/discriminator/total", "val/l1/A2B"):
        assert [event.step for event in events.Scalars(name)] == curves[name], name


def test_the_pace_of_the_steps_stands_with_the_metrics(tmp_path: Path) -> None:
    assert fit(tmp_path, "--trainer.max_epochs", 2, "--model.accumulate", 2) == 0
    rows = [row for row in read_metrics(tmp_path / "run" / "metrics.csv") if row["time/step_seconds"]]
    assert [row["step"] for row in rows] == ["2", "4"]
    for row in rows:  # a step is two batches of two images
        assert float(row["time/images_per_second"]) == pytest.approx(4 / float(row["time/step_seconds"]))


def test_without_report_there_is_none(tmp_path: Path) -> None:
    write_toy_config(tmp_path / "toy.yaml", without=["metrics", "report"])
    assert fit(tmp_path) == 0
    assert not {"report.html", "starts.json"} & {path.name for path in (tmp_path / "run").iterdir()}
    assert "time/step_seconds" not in (tmp_path / "run" / "metrics.csv").read_text()


def test_a_trial_has_no_page(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    assert fit(tmp_path, "--trainer.fast_dev_run", 1) == 0
    assert not list((tmp_path / "run").glob("*.html"))
    assert [str(each.message) for each in recwarn if "could not be written" in str(each.message)] == []


def test_a_page_that_fails_ends_no_training_and_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("a bug in the page")

    monkeypatch.setattr(callback, "write_page", broken)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert fit(tmp_path, "--trainer.max_epochs", 2) == 0
    told = [str(warning.message) for warning in caught if "could not be written" in str(warning.message)]
    assert len(told) == 1
    assert "KeyError: 'a bug in the page'" in told[0]
    assert "--without report" in told[0]


def test_a_page_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_run(tmp_path / "run")
    page = folder / "report.html"
    page.write_text("an earlier page")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space left"):
            write_page([folder], page, "gans")
    assert page.read_text() == "an earlier page"
    assert [path for path in folder.iterdir() if path.suffix == ".part"] == []
    write_page([folder], page, "gans")
    assert page.read_text().endswith("</html>\n")


def test_only_the_first_process_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Second:
        is_global_zero, default_root_dir, global_step = False, str(tmp_path), 0
        loggers = ()

    monkeypatch.setattr(rank_zero_only, "rank", 1)
    report, trainer = RunReport(), Second()
    report.on_train_start(trainer, None)  # type: ignore[arg-type]
    report.teardown(trainer, None, "fit")  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_the_clock_leaves_out_the_first_batch_and_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    pace = Pace()

    def batch(wait: float, work: float) -> None:
        now[0] += wait
        pace.begins()
        now[0] += work
        pace.ends()

    batch(0, 100)  # builds what the others use
    batch(1, 2)
    batch(1, 4)
    pace.pause()
    batch(50, 4)  # the wait is for a validation
    assert pace.take() == pytest.approx((3 + 5 + 4) / 3)
    assert pace.take() is None
