"""Every config that comes with the project, found by itself, through the real command at toy size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from support.commands import run
from support.toys import TOYS

from gans.cli.config_files import find_config, known_configs

# Drawn faces in place of folders that are not here.
WITHOUT_FOLDERS = {"root": None, "folder_A": None, "folder_B": None, "workers": 0}


def read(name: str) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load(find_config(name).read_text(encoding="utf-8"))
    return config


def with_base(name: str) -> list[str]:
    """Return the configs that make a whole: one without a model changes what `base` beside it says."""
    whole = "class_path" in read(name).get("model", {})
    return [name] if whole else [f"{name.rpartition('/')[0]}/base", name]


@pytest.mark.parametrize("name", known_configs())
def test_it_trains(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    configs = with_base(name)
    first = read(configs[0])
    toy = TOYS[first["model"]["class_path"]]
    folders = {key: value for key, value in WITHOUT_FOLDERS.items() if key in first["data"]["init_args"]}
    small = {
        "model": {"init_args": toy.model_arguments},
        "data": {"init_args": toy.data_arguments | folders},
        "trainer": {"max_steps": 2, "accelerator": "cpu", "enable_model_summary": False},
    }
    Path("small.yaml").write_text(yaml.safe_dump(small))
    options = [part for config in [*configs, "small.yaml"] for part in ("--config", config)]
    assert run("fit", *options, "--logger", "csv") == 0
    [checkpoint] = Path("runs").rglob("last.ckpt")
    assert list(checkpoint.parents[1].glob("samples/*.png"))


@pytest.mark.parametrize("name", known_configs())
def test_it_says_in_its_first_line_what_it_is(name: str) -> None:
    assert find_config(name).read_text(encoding="utf-8").startswith("# ")
