"""A run on own images goes on with its own images, whatever config is typed: one run, looked at in turn."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
import yaml
from support.commands import run, write_toy_config
from support.folders import write_layout

from gans.cli.metrics_file import read_metrics

LAST = Path("own/checkpoints/last.ckpt")
QUICK = ["--without", "[metrics,sample_grid,best_checkpoint]"]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with `images`, a quick-start config of drawn faces, and a run on the images."""
    folder = tmp_path_factory.mktemp("work")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_layout(Path("images"), "UnpairedImages", count=4)
        write_toy_config(Path("toy.yaml"), runs="runs")
        own = ["--data.root", "images", "--model.generator_width", 4, "--seed_everything", 5]
        assert run("fit", "--config", "toy.yaml", "--run", "own", *own, *QUICK) == 0
    return folder


@pytest.fixture(autouse=True)
def here(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(work)


def steps() -> int:
    done: int = torch.load(LAST, weights_only=True)["global_step"]
    return done


def newest_settings() -> dict[str, dict[str, dict[str, object]]]:
    newest = max(Path("own").glob("config*.yaml"), key=lambda path: path.stat().st_mtime_ns)
    settings: dict[str, dict[str, dict[str, object]]] = yaml.safe_load(newest.read_text())
    return settings


def test_a_typed_config_does_not_bring_other_images(capsys: pytest.CaptureFixture[str]) -> None:
    before = steps()
    typed = ["--config", "toy.yaml", "--run", "own", "--ckpt_path", "last", "--trainer.max_epochs", 2]
    assert run("fit", *typed, "--model.lambda_cycle", 5) == 0
    assert steps() == 2 * before
    assert newest_settings()["data"]["init_args"]["root"] == "images"
    assert newest_settings()["model"]["init_args"]["generator_width"] == 4
    said = capsys.readouterr().out
    assert f"Going on with own: {before} steps, last.ckpt of" in said
    assert "It keeps its own settings, not those of toy.yaml: " in said
    block = said[said.index("Otherwise than at the last start of this run:") :].splitlines()
    changed = ["  model.lambda_cycle is 5.0 instead of 10.0", "  trainer.max_epochs is 2 instead of 1"]
    assert sorted(block[1:3]) == changed
    assert said.count("instead of") == 2


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["--data.root", "other"], "data.root is other instead of images"),
        (["--data.faces", "avataaars"], "data.faces is avataaars instead of adventurer"),
        (["--data", "Images"], "data.class_path is Images instead of UnpairedImages"),
        (["--model.blocks", 2], "model.blocks is 2 instead of 1"),
        (["--data.root=other", "--change", "model"], "add --change data"),
    ],
)
def test_other_images_and_networks_are_refused(
    typed: list[object], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in Path("own").rglob("*") if path.is_file()}
    assert run("fit", "--ckpt_path", LAST, *typed) == 2
    assert said in capsys.readouterr().err
    assert {path: path.read_bytes() for path in Path("own").rglob("*") if path.is_file()} == before


def test_moved_images_are_asked_for_by_name_and_remembered() -> None:
    shutil.move("images", "moved")
    before = steps()
    typed = ["--ckpt_path", LAST, "--data.root", "moved", "--change", "data", "--trainer.max_epochs", 3]
    assert run("fit", *typed) == 0
    assert steps() == before * 3 // 2
    assert run("fit", "--run", "own", "--ckpt_path", "last", "--trainer.max_epochs", 4) == 0
    assert newest_settings()["data"]["init_args"]["root"] == "moved"
    assert "change" not in newest_settings()


def test_a_test_measures_on_the_runs_own_images() -> None:
    assert run("test", "--config", "toy.yaml", "--ckpt_path", LAST, "--without", "[]") == 0
    [tested] = Path("own/test").iterdir()
    assert yaml.safe_load((tested / "config.yaml").read_text())["data"]["init_args"]["root"] == "moved"
    [row] = read_metrics(tested / "metrics.csv")
    assert float(row["test/images/A2B"]) == 4  # 5 faces are held out


@pytest.mark.parametrize("failing", [["--trainer.fast_dev_run", 1], ["--trainer.max_epochs", 1]])
def test_a_start_that_fails_is_not_remembered(failing: list[object]) -> None:
    before = newest_settings()
    assert run("fit", "--ckpt_path", LAST, *failing) == 1  # Lightning goes back to no earlier epoch
    assert newest_settings() == before


def test_without_a_checkpoint_yet_the_run_begins_anew_with_its_own_settings(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In a run that was started from weights: they are taken again."""
    Path("begun").mkdir()
    weights = shutil.copy(LAST, "weights.ckpt")
    settings = newest_settings() | {"init_from": weights}
    Path("begun/config.yaml").write_text(yaml.safe_dump(settings))
    typed = ["--config", "toy.yaml", "--run", "begun", "--ckpt_path", "last", "--trainer.max_epochs", 1]
    assert run("fit", *typed) == 0
    assert "begun was interrupted before its first checkpoint: it begins anew" in capsys.readouterr().out
    made = torch.load("begun/checkpoints/last.ckpt", weights_only=True)
    assert made["global_step"] == 2
    assert made["hyper_parameters"]["generator_width"] == 4
    Path(weights).unlink()  # no longer needed
    assert run("validate", "--ckpt_path", "begun/checkpoints/last.ckpt") == 0
