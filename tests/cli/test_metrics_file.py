from __future__ import annotations

from pathlib import Path

import pytest
from lightning.fabric.utilities.rank_zero import rank_zero_only

from gans.cli.metrics_file import MetricsFile, read_metrics


def test_every_row_is_on_disk_at_once(tmp_path: Path) -> None:
    table = MetricsFile(tmp_path)
    table.log_metrics({"epoch": 0, "train/generator/total": 2.5}, step=1)
    assert (tmp_path / "metrics.csv").read_text() == "epoch,step,train/generator/total\n0.0,1,2.5\n"


def test_a_new_metric_becomes_a_column(tmp_path: Path) -> None:
    table = MetricsFile(tmp_path)
    table.log_metrics({"loss": 2.0}, step=1)
    table.log_metrics({"val/l1/A2B": 30.0}, step=1)
    table.log_metrics({"loss": 1.0}, step=2)
    rows = [(row["step"], row["loss"], row["val/l1/A2B"]) for row in read_metrics(tmp_path / "metrics.csv")]
    assert rows == [("1", "2.0", ""), ("1", "", "30.0"), ("2", "1.0", "")]


def test_a_resumed_run_goes_on_and_replaces_the_steps_that_it_repeats(tmp_path: Path) -> None:
    first = MetricsFile(tmp_path)
    for step in (1, 2, 3):
        first.log_metrics({"loss": float(step)}, step=step)
    resumed = MetricsFile(tmp_path)
    resumed.log_metrics({"loss": 20.0}, step=2)
    resumed.log_metrics({"loss": 30.0}, step=3)
    rows = [(row["step"], row["loss"]) for row in read_metrics(tmp_path / "metrics.csv")]
    assert rows == [("1", "1.0"), ("2", "20.0"), ("3", "30.0")]


def test_half_a_row_of_a_killed_run_is_dropped(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text("epoch,step,loss\n0.0,1,5.0\n0.")
    MetricsFile(tmp_path).log_metrics({"loss": 4.0}, step=2)
    assert [row["loss"] for row in read_metrics(tmp_path / "metrics.csv")] == ["5.0", "4.0"]


def test_a_full_disk_is_reported_with_the_name_of_the_table(tmp_path: Path) -> None:
    table = MetricsFile(tmp_path)
    table.log_metrics({"loss": 1.0}, step=1)
    (tmp_path / "metrics.csv").unlink()
    (tmp_path / "metrics.csv").symlink_to("/dev/full")
    with pytest.raises(OSError, match=r"No space left on device: '.*metrics\.csv'"):
        table.log_metrics({"loss": 2.0}, step=2)


def test_only_the_first_process_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rank_zero_only, "rank", 1)
    MetricsFile(tmp_path).log_metrics({"loss": 1.0}, step=1)
    assert list(tmp_path.iterdir()) == []


def test_an_absent_table_has_no_rows(tmp_path: Path) -> None:
    assert read_metrics(tmp_path / "metrics.csv") == []
