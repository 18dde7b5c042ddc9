from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import wandb
from lightning.fabric.utilities.rank_zero import rank_zero_only
from lightning.pytorch.loggers import TensorBoardLogger, WandbLogger
from support.wandb_file import WandbFile

from gans.cli.loggers import finish_dashboards, has_credentials, make_loggers, run_id
from gans.cli.metrics_file import MetricsFile


@pytest.fixture(autouse=True)
def nobody_logged_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE", "WANDB_MODE", "WANDB_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    yield
    finish_dashboards()


def make_run(tmp_path: Path) -> Path:
    folder = tmp_path / "runs" / "cyclegan" / "2026-01-01_00-00-00"
    folder.mkdir(parents=True)
    return folder


def test_without_credentials_wandb_is_offline_with_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(tmp_path)
    table, dashboard = make_loggers(run, "wandb", run)
    assert isinstance(table, MetricsFile)
    assert isinstance(dashboard, WandbLogger)
    dashboard.log_metrics({"val/l1/A2B": 30.0}, step=7)
    finish_dashboards()
    said = capsys.readouterr()
    assert said.out.count("\n") == 1
    assert "no API key found" in said.out
    assert said.err == ""
    written = WandbFile(run)
    assert (written.project, written.run_id) == ("gans", (run / "wandb_id").read_text().strip())
    assert [(row["val/l1/A2B"], row["trainer/global_step"]) for row in written.history] == [(30.0, 7)]
    assert "WANDB_MODE" not in os.environ


def test_a_resumed_run_and_its_test_keep_the_id(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    identity = run_id(run)
    assert run_id(run) == identity
    [_, dashboard] = make_loggers(run / "test", "wandb", run)
    assert dashboard.version == identity
    assert run_id(make_run(tmp_path / "other")) != identity


def test_a_server_out_of_reach_does_not_stop_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    start = wandb.init

    def unreachable(mode: str | None = None, **options: object) -> object:
        if mode is None:
            raise wandb.errors.CommError("no such host")
        return start(mode=mode, **options)  # type: ignore[arg-type]

    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.setattr(wandb, "init", unreachable)
    [_, dashboard] = make_loggers(make_run(tmp_path), "wandb", tmp_path)
    assert isinstance(dashboard, WandbLogger)
    assert dashboard.experiment.offline
    assert capsys.readouterr().out == "W&B could not start: no such host\n"


def test_without_any_wandb_the_table_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(**_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(wandb, "init", broken)
    [table] = make_loggers(make_run(tmp_path), "wandb", tmp_path)
    assert isinstance(table, MetricsFile)
    assert "W&B could not start offline: no space left on device" in capsys.readouterr().out


def test_other_processes_do_not_talk_to_wandb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rank_zero_only, "rank", 1)
    run = make_run(tmp_path)
    make_loggers(run, "wandb", run)
    assert list(run.iterdir()) == []


def test_other_dashboards(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    assert [type(logger) for logger in make_loggers(run, "csv", run)] == [MetricsFile]
    [_, tensorboard] = make_loggers(run, "tensorboard", run)
    assert isinstance(tensorboard, TensorBoardLogger)
    tensorboard.log_metrics({"val/l1/A2B": 30.0}, step=7)
    tensorboard.finalize("success")
    assert len(list((run / "tensorboard").glob("events.*"))) == 1


@pytest.mark.parametrize("variable", ["WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE"])
def test_credentials_in_the_environment(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not has_credentials()
    monkeypatch.setenv(variable, "x")
    assert has_credentials()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("machine api.wandb.example login user password secret", True),
        ("machine other.example login user password secret", False),
        ("this is no netrc", False),
    ],
)
def test_credentials_in_a_netrc_file(text: str, found: bool, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(text)
    netrc.chmod(0o600)
    assert has_credentials() is found
