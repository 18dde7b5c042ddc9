from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gans.cli.errors import UsageError
from gans.cli.run_folder import RunPlan, config_paths, newest_checkpoint, newest_config, reserve, run_of


def make_run(folder: Path, *checkpoints: str) -> Path:
    """Make a run folder; each checkpoint is a second newer than the one before."""
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "config.yaml").touch()
    for age, name in enumerate(checkpoints):
        path = folder / "checkpoints" / name
        path.touch()
        os.utime(path, (age, age))
    return folder


def test_runs_of_the_same_second_do_not_collide(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(reserve, [tmp_path / "cyclegan"] * 8))
    assert len(set(folders)) == 8
    assert all(folder.is_dir() for folder in folders)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d(-\d)?", folder.name) for folder in folders)


def test_a_checkpoint_belongs_to_the_run_it_lies_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(tmp_path / "run", "last.ckpt")
    assert run_of(run / "checkpoints" / "last.ckpt") == run
    assert run_of(tmp_path / "last.ckpt") is None
    monkeypatch.chdir(run / "checkpoints")
    assert run_of(Path("last.ckpt")) == run


def test_the_newest_checkpoint_is_the_one_written_last(tmp_path: Path) -> None:
    assert newest_checkpoint(tmp_path) is None
    run = make_run(tmp_path / "run", "last.ckpt", "best.ckpt")
    (run / "checkpoints" / ".last.ckpt.1.part").touch()
    assert newest_checkpoint(run) == run / "checkpoints" / "best.ckpt"


def test_every_start_has_a_config_of_its_own_and_the_last_is_the_newest(tmp_path: Path) -> None:
    assert newest_config(tmp_path) is None
    for number in range(3):
        *earlier, own = config_paths(tmp_path)
        assert len(earlier) == number
        own.touch()
        assert newest_config(tmp_path) == own
    assert {path.name for path in tmp_path.iterdir()} == {
        "config.yaml",
        "config_resumed_1.yaml",
        "config_resumed_2.yaml",
    }


def test_where_commands_write(tmp_path: Path) -> None:
    runs = tmp_path / "runs" / "cyclegan"
    run = make_run(runs / "2026-01-01_00-00-00", "last.ckpt")
    checkpoint = run / "checkpoints" / "last.ckpt"
    copied = tmp_path / "copied.ckpt"
    assert RunPlan("fit", runs).make_folder().parent == runs
    assert RunPlan("fit", runs, checkpoint=checkpoint).make_folder() == run
    assert RunPlan("fit", runs, checkpoint=copied).make_folder().parent == runs
    assert RunPlan("fit", runs, given=tmp_path / "own").make_folder() == tmp_path / "own"
    assert RunPlan("test", runs, checkpoint=checkpoint).make_folder().parent == run / "test"
    assert RunPlan("test", runs, given=run, checkpoint=checkpoint).make_folder().parent == run / "test"
    assert RunPlan("test", runs, checkpoint=copied).make_folder().parent == runs / "test"
    assert RunPlan("predict", runs, output=tmp_path / "out").make_folder() == tmp_path / "out"


def test_an_earlier_run_is_not_overwritten(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", "last.ckpt")
    with pytest.raises(UsageError, match=r"holds a run already\. Add --ckpt_path last"):
        RunPlan("fit", tmp_path, given=run).check()
    RunPlan("fit", tmp_path, given=run, checkpoint=run / "checkpoints" / "last.ckpt").check()
    RunPlan("test", tmp_path, given=run).check()
    RunPlan("fit", tmp_path, given=run, goes_on=True).check()  # stopped before its first checkpoint
    other = make_run(tmp_path / "other", "last.ckpt") / "checkpoints" / "last.ckpt"
    with pytest.raises(UsageError, match=r"holds another run than that of .*last\.ckpt"):
        RunPlan("fit", tmp_path, given=run, checkpoint=other, goes_on=True).check()
    RunPlan("fit", tmp_path, given=tmp_path / "new", checkpoint=other, goes_on=True).check()
    RunPlan("test", tmp_path, given=run, checkpoint=other, goes_on=True).check()
    (run / "hpc_ckpt_1.ckpt").touch()  # a requeued job is the same command again
    RunPlan("fit", tmp_path, given=run).check()


def test_inputs_are_not_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="would be overwritten"):
        RunPlan("predict", tmp_path, output=Path("photos")).check(inputs=tmp_path / "photos")
    RunPlan("predict", tmp_path, output=Path("translated")).check(inputs=Path("photos"))


def test_output_is_for_predict_only(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="chosen with --run"):
        RunPlan("fit", tmp_path, output=tmp_path).check()
