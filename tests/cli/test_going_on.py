"""Which run `--ckpt_path` means, and what becomes of the configs beside it: without torch, so in no time."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from gans.cli.errors import UsageError
from gans.cli.going_on import with_own_config

OWN = {
    "model": {"class_path": "gans.cyclegan.CycleGAN", "init_args": {"blocks": 9, "learning_rate": 0.0002}},
    "data": {"class_path": "datamodules.unpaired.UnpairedImages", "init_args": {"root": "own", "size": 256}},
    "trainer": {"max_epochs": 200},
    "name": "cyclegan",
    "runs": "runs",
}


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make_run(folder: str, steps: int | None, age: float = 0.0, config: dict[str, Any] | None = None) -> Path:
    """Make a run folder, as old as is said, with a checkpoint of so many steps unless they are None."""
    run = Path(folder)
    (run / "checkpoints").mkdir(parents=True)
    (run / "config.yaml").write_text(yaml.safe_dump(OWN if config is None else config))
    if steps is not None:
        torch.save({"global_step": steps}, run / "checkpoints" / "last.ckpt")
        os.utime(run / "checkpoints" / "last.ckpt", (time.time() - age,) * 2)
    return run


def going_on(run: str, *others: str) -> list[str]:
    return ["fit", "--config", f"{run}/config.yaml", *others, "--ckpt_path", f"{run}/checkpoints/last.ckpt"]


@pytest.mark.parametrize("typed", [["--config", "cyclegan"], ["--config=cyclegan.yaml"], []])
def test_last_is_the_run_with_the_most_steps_and_never_one_just_begun(
    typed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    make_run("runs/cyclegan/2026-01-01", 50_000, age=3600)
    make_run("runs/cyclegan/2026-02-01", 3)
    make_run("runs/cyclegan/2026-03-01", None)
    (Path("runs/cyclegan/2026-04-01/checkpoints")).mkdir(parents=True)
    expected = going_on("runs/cyclegan/2026-01-01", "--trainer.max_epochs", "300")
    assert with_own_config(["fit", *typed, "--ckpt_path", "last", "--trainer.max_epochs", "300"]) == expected
    said = capsys.readouterr().out
    assert "Going on with runs/cyclegan/2026-01-01: 50000 steps, last.ckpt of 20" in said
    assert "most steps of 2 runs. The newest has 3: --run runs/cyclegan/2026-02-01 takes that." in said
    assert with_own_config(expected) == expected  # as the processes for other devices run it
    taken = going_on("runs/cyclegan/2026-02-01", "--run", "runs/cyclegan/2026-02-01")
    assert with_own_config(["fit", "--run", "runs/cyclegan/2026-02-01", "--ckpt_path", "last"]) == taken


def test_of_equally_long_runs_the_newest_is_the_last() -> None:
    make_run("runs/cyclegan/a", 10)
    make_run("runs/cyclegan/b", 10, age=60)
    assert with_own_config(["fit", "--ckpt_path=last"]) == going_on("runs/cyclegan/a")


def test_a_damaged_checkpoint_is_never_preferred() -> None:
    make_run("runs/cyclegan/a", 10, age=60)
    damaged = make_run("runs/cyclegan/b", 20) / "checkpoints" / "last.ckpt"
    damaged.write_bytes(damaged.read_bytes()[:50])
    assert with_own_config(["fit", "--ckpt_path", "last"]) == going_on("runs/cyclegan/a")


def test_runs_of_several_names_are_asked_for() -> None:
    make_run("runs/cyclegan/a", 10)
    make_run("runs/dcgan/a", 20, age=60)
    with pytest.raises(UsageError, match=r"runs has runs of cyclegan, dcgan\. Say which by --name cyclegan"):
        with_own_config(["fit", "--ckpt_path", "last"])
    for naming in (["--name", "dcgan"], ["--config", "dcgan"], ["--model", "gans.DCGAN"]):
        assert (
            with_own_config(["fit", *naming, "--ckpt_path", "last"])[-1]
            == "runs/dcgan/a/checkpoints/last.ckpt"
        )


def test_the_folder_of_runs_and_the_name_may_come_from_a_config() -> None:
    make_run("elsewhere/faces/a", 10)
    Path("my.yaml").write_text("runs: elsewhere\nname: faces")
    assert with_own_config(["fit", "--config", "my.yaml", "--ckpt_path", "last"]) == going_on(
        "elsewhere/faces/a"
    )
    written_out = ["fit", "--config", "{name: faces}", "--runs", "elsewhere", "--ckpt_path", "last"]
    assert with_own_config(written_out) == going_on("elsewhere/faces/a", "--runs", "elsewhere")


def test_the_configs_on_the_command_line_are_set_aside_and_what_they_change_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    make_run("run", 10)
    Path("my.yaml").write_text(
        "model: {class_path: CycleGAN, init_args: {blocks: 2, learning_rate: 2e-4}}\n"
        "data: {class_path: UnpairedImages, init_args: {faces: adventurer, size: 64}}\n"
        "trainer: {max_epochs: 3}\nname: other"
    )
    typed = ["fit", "--config", "my.yaml", "--run", "run", "--ckpt_path", "last", "--trainer.max_epochs=5"]
    assert with_own_config(typed) == going_on("run", "--run", "run", "--trainer.max_epochs=5")
    said = capsys.readouterr().out.splitlines()[-1]
    assert (
        "not those of my.yaml: model.blocks 9 (2 in the config), data.size 256 (64 in the config). " in said
    )
    with_own_config(["fit", "--config", "run/config.yaml", "--run", "run", "--ckpt_path", "last"])
    assert "It keeps its own settings" not in capsys.readouterr().out


def test_only_a_few_of_many_settings_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    make_run("run", 10, config={"model": {}, "trainer": dict.fromkeys("abcdefgh", 1)})
    Path("my.yaml").write_text(yaml.safe_dump({"trainer": dict.fromkeys("abcdefgh", 2)}))
    with_own_config(["test", "--config", "my.yaml", "--run", "run", "--ckpt_path", "last"])
    said = capsys.readouterr().out
    assert said.startswith("Taking run: 10 steps")
    assert "trainer.f 1 (2 in the config) and 2 more." in said


def test_the_config_of_the_last_start_counts() -> None:
    run = make_run("run", 10)
    (run / "config_resumed_1.yaml").write_text(yaml.safe_dump(OWN))
    arguments = ["test", "--ckpt_path", "run/checkpoints/last.ckpt"]
    assert with_own_config(arguments)[1:3] == ["--config", "run/config_resumed_1.yaml"]


def test_a_checkpoint_outside_of_runs_keeps_the_configs() -> None:
    checkpoint = make_run("run", 10) / "checkpoints" / "last.ckpt"
    Path("copied.ckpt").write_bytes(checkpoint.read_bytes())
    for arguments in (
        ["predict", "--config", "cyclegan", "--ckpt_path", "copied.ckpt"],
        ["fit", "--config", "cyclegan"],
        ["fit", "--config", "cyclegan", "--ckpt_path", "null"],
    ):
        assert with_own_config(list(arguments)) == arguments


def test_a_run_interrupted_before_its_first_checkpoint_begins_anew_with_its_config(
    capsys: pytest.CaptureFixture[str],
) -> None:
    make_run("runs/cyclegan/a", None)
    said = (
        "runs/cyclegan/a was interrupted before its first checkpoint: it begins anew, with its own settings."
    )
    config = ["--config", "runs/cyclegan/a/config.yaml"]
    expected = ["fit", *config, "--run", "runs/cyclegan/a", "--ckpt_path", "last"]
    assert with_own_config(["fit", "--config", "cyclegan", "--ckpt_path", "last"]) == expected
    assert said in capsys.readouterr().out
    assert with_own_config(expected) == expected
    assert said in capsys.readouterr().out
    for others in ([], ["--run", "runs/cyclegan/a"]):
        with pytest.raises(FileNotFoundError, match="there is n"):
            with_own_config(["predict", "--ckpt_path", "last", *others])


def test_a_run_folder_that_is_not_there_yet_is_begun_as_typed() -> None:
    arguments = ["fit", "--config", "cyclegan", "--run", "new", "--ckpt_path", "last"]
    assert with_own_config(arguments) == arguments


def test_no_checkpoint_says_where_none_is() -> None:
    with pytest.raises(FileNotFoundError, match="there is none under runs/cyclegan"):
        with_own_config(["fit", "--config", "cyclegan", "--ckpt_path", "last"])
    make_run("runs/cyclegan/a", 10)
    newest = "The newest under runs is runs/cyclegan/a/checkpoints/last.ckpt"
    with pytest.raises(FileNotFoundError, match=f"lost.ckpt: no such file. {newest}"):
        with_own_config(["test", "--ckpt_path", "lost.ckpt"])
    with pytest.raises(FileNotFoundError, match="Did you mean cyclegan"):
        with_own_config(["test", "--config", "cyclgan", "--ckpt_path", "last"])


@pytest.mark.parametrize(("rank", "others"), [("1", []), ("0", ["--print_config"])])
def test_other_processes_and_printed_configs_stay_clean(
    rank: str, others: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run("runs/cyclegan/a", 10)
    monkeypatch.setenv("LOCAL_RANK", rank)
    with_own_config(["fit", "--config", "cyclegan", "--ckpt_path", "last", *others])
    assert capsys.readouterr().out == ""
