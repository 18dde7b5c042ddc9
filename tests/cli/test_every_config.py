"""Every config that comes with the project, found by itself, through the real command at toy size."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from support.commands import run
from support.toys import TOYS

from gans.cli.config_files import find_config, known_configs

# What makes any config a toy: drawn faces in place of folders that are not here, and two steps.
WITHOUT_FOLDERS = {"root": None, "folder_A": None, "folder_B": None, "workers": 0}


@pytest.mark.parametrize("name", known_configs())
def test_it_trains(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = yaml.safe_load(find_config(name).read_text(encoding="utf-8"))
    toy = TOYS[config["model"]["class_path"]]
    given = config["data"].get("init_args", {})
    folders = {key: value for key, value in WITHOUT_FOLDERS.items() if key in given}
    small = {
        "model": {"init_args": toy.model_arguments},
        "data": {"init_args": toy.data_arguments | folders},
        "trainer": {"max_steps": 2, "accelerator": "cpu", "enable_model_summary": False},
    }
    Path("small.yaml").write_text(yaml.safe_dump(small))
    assert run("fit", "--config", name, "--config", "small.yaml", "--logger", "csv") == 0
    [folder] = Path("runs", name.rpartition("/")[2]).iterdir()
    assert (folder / "checkpoints" / "last.ckpt").is_file()
    assert list((folder / "samples").glob("*.png"))


@pytest.mark.parametrize("name", known_configs())
def test_it_says_in_its_first_line_what_it_is(name: str) -> None:
    assert find_config(name).read_text(encoding="utf-8").startswith("# ")
