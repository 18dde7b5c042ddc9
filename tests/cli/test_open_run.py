from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.commands import run, write_toy_config

from gans.cli.open_run import config_paths, differences


def test_every_start_has_a_config_of_its_own(tmp_path: Path) -> None:
    for number in range(3):
        *earlier, own = config_paths(tmp_path)
        assert len(earlier) == number
        own.touch()
    assert {path.name for path in tmp_path.iterdir()} == {
        "config.yaml",
        "config_resumed_1.yaml",
        "config_resumed_2.yaml",
    }


def test_differences_are_those_of_single_values_that_matter() -> None:
    def config(seed: int, size: int, name: str) -> dict[str, Any]:
        data = {"class_path": "UnpairedImages", "init_args": {"size": size, "faces": None}}
        return {"seed_everything": seed, "data": data, "name": name, "trainer": {"callbacks": [{"a": seed}]}}

    said = list(differences(config(5, 64, "a"), config(0, 128, "b")))
    assert said == ["data.size is 128 instead of 64", "seed_everything is 0 instead of 5"]
    assert list(differences({}, config(0, 128, "b"))) == []


def test_a_run_that_goes_on_otherwise_than_it_began_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_toy_config(Path("toy.yaml"), runs="runs")
    quick = ["fit", "--config", "toy.yaml", "--run", "own", "--without", "[metrics,sample_grid]"]
    assert run(*quick, "--seed_everything", 5) == 0
    assert "instead of" not in capsys.readouterr().out
    assert run(*quick, "--ckpt_path", "last", "--trainer.max_epochs", 2) == 0
    said = [line for line in capsys.readouterr().out.splitlines() if "instead of" in line]
    where = "at the last start of this run (config.yaml)."
    assert said == [
        f"data.seed is 0 instead of 5 {where}",
        f"seed_everything is 0 instead of 5 {where}",
        f"trainer.max_epochs is 2 instead of 1 {where}",
    ]
