"""Runs of the first layout of the project, made by 9ee7ca6, go on: checkpoints and configs are kept here.

Each is a variant of `support.toys` after four steps; text encoders are narrower still.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.commands import run

import gans
from gans.checkpoints.reading import read_checkpoint

RUNS = Path(__file__).parent / "fixtures" / "first_layout"


def test_there_is_a_run_of_every_variant_of_then() -> None:
    assert {folder.name for folder in RUNS.iterdir()} <= set(gans.VARIANTS)
    assert len(list(RUNS.iterdir())) == 12


@pytest.mark.parametrize("name", sorted(folder.name for folder in RUNS.iterdir()))
def test_an_early_run_is_loaded_and_goes_on(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(RUNS / name, "run")
    last = Path("run/checkpoints/last.ckpt")
    assert type(gans.load(last)).__name__ == name
    before = read_checkpoint(last)["global_step"]
    status = run("fit", "--run", "run", "--ckpt_path", "last", "--trainer.max_steps", before + 2)
    assert status == 0, capsys.readouterr().err
    assert read_checkpoint(last)["global_step"] == before + 2
