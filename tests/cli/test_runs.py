"""What commands leave behind, from one toy run through its resume, test and prediction."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from PIL import Image
from support.commands import run, write_toy_config
from support.wandb_file import WandbFile

from gans import CycleGAN
from gans.cli.metrics_file import read_metrics
from gans.cli.report.run import read_run


@dataclass
class Told:
    """A run folder, and what the command that made it printed."""

    folder: Path
    config: Path
    printed: str


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """Fit a grey-to-colour toy for one epoch with W&B offline."""
    folder = tmp_path_factory.mktemp("work")
    config = write_toy_config(folder / "toy.yaml", logger="wandb")
    with pytest.MonkeyPatch.context() as patch, (folder / "printed").open("w+") as printed:
        patch.chdir(folder)
        patch.setattr("sys.stdout", printed)
        status = run("fit", "--config", "toy.yaml", "--data.channels_A", 1, "--model.identity_weight", 0)
        printed.seek(0)
        text = printed.read()
    assert status == 0
    [made] = (folder / "runs" / "toy").iterdir()
    return Told(made, config, text)


def test_everything_lies_in_the_run_folder(fitted: Told) -> None:
    names = {path.name for path in fitted.folder.iterdir()}
    assert names == {
        *("checkpoints", "config.yaml", "metrics.csv", "report.html", "samples", "starts.json"),
        *("wandb", "wandb_id"),
    }
    assert {path.name for path in (fitted.folder / "checkpoints").iterdir()} == {"last.ckpt", "best.ckpt"}
    assert {path.name for path in fitted.config.parent.iterdir()} == {"toy.yaml", "printed", "runs"}


def test_what_the_data_knows_reaches_model_checkpoint_and_config(fitted: Told) -> None:
    model = CycleGAN.load_from_checkpoint(fitted.folder / "checkpoints" / "last.ckpt")
    assert model.hparams["channels_A"] == 1
    assert model.translate(torch.zeros(2, 1, 16, 16)).shape == (2, 3, 16, 16)
    recorded = yaml.safe_load((fitted.folder / "config.yaml").read_text())
    assert recorded["model"]["init_args"]["channels_A"] == 1
    assert recorded["name"] == "toy"
    assert not {"run", "output", "ckpt_path"} & recorded.keys()


def test_the_table_holds_losses_and_metrics(fitted: Told) -> None:
    rows = read_metrics(fitted.folder / "metrics.csv")
    assert [row["step"] for row in rows if row["train/generator/total"]] == ["2", "4"]
    assert [float(row["val/kid_lite0"]) for row in rows if row["val/kid_lite0"]]


def test_wandb_gets_config_metrics_and_pictures(fitted: Told) -> None:
    written = WandbFile(fitted.folder)
    assert (written.project, written.run_id) == ("gans", (fitted.folder / "wandb_id").read_text().strip())
    assert written.config["model"]["init_args"]["channels_A"] == 1
    assert written.config["trainer"]["max_epochs"] == 1
    logged = {name: value for row in written.history for name, value in row.items()}
    assert {"train/generator/total", "train/discriminator/total", "val/kid_lite0/A2B"} <= logged.keys()
    assert logged["samples/A2B"]["_type"] == "images/separated"


def test_wandb_shows_losses_metrics_and_pictures_of_one_moment_on_one_step(fitted: Told) -> None:
    steps: dict[str, list[int]] = {}
    for row in WandbFile(fitted.folder).history:
        for name in row:
            steps.setdefault(name, []).append(row["trainer/global_step"])
    [moment] = read_run(fitted.folder, "python train.py").moments  # what report.html shows
    shown = {name: at for name, at in steps.items() if name.startswith("samples/")}
    assert shown == {f"samples/{name}": [moment.step] for name in moment.files}
    assert steps["val/kid_lite0/A2B"] == [moment.step] == [4]
    assert steps["train/generator/total"] == [2, 4]


def test_the_summary_names_files_that_exist_and_commands_that_run(fitted: Told) -> None:
    places = {line.split()[0]: line.split()[1:] for line in fitted.printed.splitlines() if line.strip()}
    work = fitted.config.parent
    for place in ("Pictures", "Checkpoints", "Metrics"):
        assert all((work / path).exists() for path in places[place])
    assert places["Dashboard"][:2] == ["wandb", "sync"]
    assert (work / places["Dashboard"][2]).is_dir()
    assert places["Test"][:3] == ["python", "train.py", "test"]
    assert {places[what][2] for what in ("Test", "Predict", "Go")} >= {"test", "predict"}
    assert "kid_lite0" in fitted.printed
    assert "images/s" in fitted.printed


def test_resume_test_and_predict(fitted: Told, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In this order, since each looks at what the one before has left."""
    monkeypatch.chdir(fitted.config.parent)
    before = (fitted.folder / "config.yaml").read_text()
    resume = ["--config", "toy.yaml", "--ckpt_path", "last", "--trainer.max_epochs", 2]
    assert run("fit", *resume) == 0  # with the run's own grey images, though the config has colours
    assert list((fitted.config.parent / "runs" / "toy").iterdir()) == [fitted.folder]
    assert (fitted.folder / "config.yaml").read_text() == before
    resumed = yaml.safe_load((fitted.folder / "config_resumed_1.yaml").read_text())
    assert resumed["trainer"]["max_epochs"] == 2
    assert (
        resumed["model"]["init_args"]["identity_weight"] == 0.0
    )  # stored, though only the first start gave it
    steps = [int(row["step"]) for row in read_metrics(fitted.folder / "metrics.csv")]
    assert steps == sorted(steps)
    assert {2, 4, 6, 8} <= set(steps)
    assert WandbFile(fitted.folder).run_id == (fitted.folder / "wandb_id").read_text().strip()

    last = os.path.relpath(fitted.folder / "checkpoints" / "last.ckpt")
    assert run("test", "--ckpt_path", last, "--logger", "csv") == 0
    [tested] = (fitted.folder / "test").iterdir()
    [row] = read_metrics(tested / "metrics.csv")
    assert float(row["test/kid_lite0"])

    photos = tmp_path / "photos"
    (photos / "more").mkdir(parents=True)
    Image.new("L", (20, 24), 128).save(photos / "grey.png")
    Image.new("L", (20, 24), 64).save(photos / "more" / "dark.jpg")
    out = tmp_path / "translated"
    assert run("predict", "--ckpt_path", last, "--data.predict_dir", photos, "--output", out) == 0
    pictures = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert pictures == {"grey.png", "more/dark.jpg"}


def test_validate_prints_the_metrics_and_logs_no_dashboard(
    fitted: Told, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(fitted.config.parent)
    assert run("validate", "--ckpt_path", fitted.folder / "checkpoints" / "best.ckpt") == 0
    [folder] = (fitted.folder / "validate").iterdir()
    assert {path.name for path in folder.iterdir()} == {"config.yaml", "metrics.csv"}
    assert "kid_lite0" in capsys.readouterr().out


@pytest.mark.parametrize(("signal_name", "status"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_an_interrupted_fit_says_how_to_go_on(
    signal_name: str,
    status: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.INFO)
    write_toy_config(Path("toy.yaml"), runs="runs")
    stop = f"{{class_path: support.commands.SignalAt, init_args: {{step: 2, signal_name: {signal_name}}}}}"
    quick = ["--without", "[metrics,sample_grid]", "--run", "own"]
    assert run("fit", "--config", "toy.yaml", f"--trainer.callbacks+={stop}", *quick) == status
    assert "weights_only" not in caplog.text  # Lightning's remark on how it saves
    command = capsys.readouterr().out.strip().splitlines()[-1]
    assert command == "python train.py fit --ckpt_path own/checkpoints/last.ckpt"
    assert torch.load("own/checkpoints/last.ckpt", weights_only=True)["global_step"] in (2, 3)  # of 4
    assert run(*command.split()[2:], *quick[:2], "--trainer.callbacks", "null") == 0
    assert torch.load("own/checkpoints/last.ckpt", weights_only=True)["global_step"] == 4


def test_a_full_disk_ends_the_run_and_leaves_its_last_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_toy_config(Path("toy.yaml"))
    save = torch.save
    sizes: list[int] = []

    def save_once(checkpoint: Any, file: Any) -> None:
        if sizes:
            file.write(bytes(sizes[0] // 2))
            raise OSError(28, "No space left on device")
        save(checkpoint, file)
        sizes.append(file.tell())

    monkeypatch.setattr(torch, "save", save_once)
    quick = ["--without", "[metrics,sample_grid,best_checkpoint]", "--trainer.max_epochs", 2]
    assert run("fit", "--config", "toy.yaml", "--run", "own", *quick) == 1
    assert "own/checkpoints/last.ckpt still holds the previous checkpoint" in capsys.readouterr().err
    assert torch.load("own/checkpoints/last.ckpt", weights_only=True)["global_step"] == 4


def test_losses_that_are_no_numbers_end_the_run_with_their_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_toy_config(Path("toy.yaml"), runs="runs")
    quick = ["--without", "[metrics,sample_grid]", "--trainer.max_epochs", 20]
    assert run("fit", "--config", "toy.yaml", "--model.learning_rate", 1e30, *quick) == 1
    [*_, message] = capsys.readouterr().err.splitlines()
    assert message.startswith("error: The loss train/")
    assert "at step" in message


def test_the_seed_reaches_the_data_unless_it_has_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_toy_config(Path("toy.yaml"))
    quick = [
        "fit",
        "--config",
        "toy.yaml",
        "--trainer.max_steps",
        1,
        "--without",
        "[metrics,sample_grid,report]",
    ]
    assert run(*quick, "--run", "a", "--seed_everything", 5) == 0
    assert run(*quick, "--run", "b", "--seed_everything", 5, "--data.seed", 7) == 0
    seeds = [
        yaml.safe_load(Path(name, "config.yaml").read_text())["data"]["init_args"]["seed"] for name in "ab"
    ]
    assert seeds == [5, 7]


def test_printing_the_config_gives_one_that_can_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("fit", "--config", "cyclegan", "--model.blocks", 2, "--print_config") == 0
    printed = capsys.readouterr().out
    Path("printed.yaml").write_text(printed)
    assert yaml.safe_load(printed)["model"]["init_args"]["blocks"] == 2
    assert printed.count("channels_A") == 2  # of the model and of the data
    assert run("fit", "--config", "printed.yaml", "--print_config") == 0
    assert yaml.safe_load(capsys.readouterr().out) == yaml.safe_load(printed)


def test_a_run_without_loggers_can_be_gone_on_with_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_toy_config(Path("toy.yaml"))
    quick = ["--trainer.logger", "false", "--without", "[metrics,sample_grid,report]"]
    assert run("fit", "--config", "toy.yaml", *quick, "--run", "own") == 0
    assert {path.name for path in Path("own").iterdir()} == {"checkpoints", "config.yaml"}
    assert run("fit", "--ckpt_path", "own/checkpoints/last.ckpt", *quick, "--trainer.max_epochs", 2) == 0
    assert torch.load("own/checkpoints/last.ckpt", weights_only=True)["global_step"] == 8
