"""Every shipped config, found by itself, trains through the real command at toy size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
import yaml
from support.commands import run
from support.folders import write_layout, write_table
from support.toys import TOYS
from torch import Tensor, nn

import datamodules
import gans
from gans.cli.config_files import find_config, known_configs
from gans.cli.facts import FACTS
from gans.cli.own_images import SECTION, read_settings
from gans.networks.landmarks import LANDMARKS


class Heatmaps(nn.Module):
    """Stands in for the network of landmarks, whose file is not here and which is too large for a test."""

    def forward(self, images: Tensor) -> Tensor:
        return F.avg_pool2d(images.mean(1, keepdim=True), 4).expand(-1, LANDMARKS + 1, -1, -1)


def merged(names: list[str]) -> dict[str, Any]:
    """Return model and data of configs that are given together; later ones win."""
    result: dict[str, Any] = {"model": {}, "data": {}}
    for name in names:
        config = read_settings(find_config(name))
        for part, values in result.items():
            values |= {"class_path": values.get("class_path")} | (config.get(part) or {})
    return result


def together_with(name: str) -> list[str]:
    """Return a config and a base that it is meant to be given after, if it names no data by itself."""
    config = yaml.safe_load(find_config(name).read_text(encoding="utf-8"))
    if "class_path" in (config.get("data") or {}):
        return [name]
    bases = f"{name.rpartition('/')[0]}/base"
    return [next(known for known in known_configs() if known.startswith(bases)), name]


def is_preset(name: str) -> bool:
    """Say whether a config names neither model nor data: it is laid over others."""
    return not {"model", "data"} & set(yaml.safe_load(find_config(name).read_text(encoding="utf-8")))


PRESETS = [name for name in known_configs() if is_preset(name)]
TRAINED = [name for name in known_configs() if name not in PRESETS]


def stand_ins(data: dict[str, Any], folder: Path) -> dict[str, str]:
    """Write what stands in for a table of attributes and for further data sets; return the arguments."""
    given = dict.fromkeys({"centre_crop", "labels"} & set(data), "null")  # these images have no classes
    if "table" in data:
        write_table(folder / "table.txt", folder / "data", data["attributes"])
        given["table"] = str(folder / "table.txt")
    if "others" in data:
        write_layout(folder / "other", data="MultiDomainImages")
        given["others"] = f"[{{root: {folder / 'other'}}}]"
    return given


def has_drawn_faces(name: str) -> bool:
    """Say whether a config, or the base it is given after, has settings for drawn faces alone."""
    return any(SECTION in yaml.safe_load(find_config(each).read_text()) for each in together_with(name))


WAYS = [(name, own) for name in TRAINED for own in ([False, True] if has_drawn_faces(name) else [False])]
"""Every config, as it is; and those that train on drawn faces on a folder, too."""


@pytest.mark.parametrize(
    ("name", "own_images"), WAYS, ids=[f"{name} on {'own' if own else 'its'} images" for name, own in WAYS]
)
def test_every_config_trains(
    name: str, own_images: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = together_with(name)
    config = merged(names)
    toy = TOYS[config["model"]["class_path"]]
    assert config["data"]["class_path"] in datamodules.DATA_MODULES
    data = dict(toy.data_arguments)
    public = {"root", "name", "folder_A", "folder_B"} & set(config["data"].get("init_args") or {})
    if public or own_images:  # a folder stands in for the data set, which is not here
        write_layout(tmp_path / "data", config["data"]["class_path"])
        data = dict.fromkeys(public, "null")
        data |= {"size": toy.data_arguments["size"], "root": str(tmp_path / "data")}
        data["batch_size"] = 2
        data |= stand_ins(config["data"]["init_args"], tmp_path) if public else {}
    size = {"data.load_size": "size"} if "load_size" in str(config["data"]) else {}
    if config["data"]["class_path"] == "Points":
        data = {"count": 16, "test_count": 8, "batch_size": 4}
    own = {key: value for key, value in toy.model_arguments.items() if key not in FACTS}
    if "landmarks" in (config["model"].get("init_args") or {}):
        monkeypatch.setattr("gans.families.domain_styles.load_landmarks", lambda path: Heatmaps())
        monkeypatch.setattr("gans.networks.landmarks.SIZE", 32)  # 256 would take most of this test's time
    overrides = {f"model.{key}": value for key, value in own.items()}
    overrides |= size | {f"data.{key}": value for key, value in data.items()}
    trainer = {"max_steps": 2, "limit_val_batches": 1, "accelerator": "cpu", "enable_model_summary": False}
    overrides |= {f"trainer.{key}": value for key, value in trainer.items()}
    given = [part for config_name in names for part in ("--config", config_name)]
    shared = ["--logger", "csv", "--run", tmp_path / "run", "--data.workers", "0"]
    shared += ["--without", "[metrics,report]"]  # what they make of a variant is tested elsewhere
    status = run("fit", *given, *(f"--{key}={value}" for key, value in overrides.items()), *shared)
    assert status == 0
    kept = torch.load(tmp_path / "run" / "checkpoints" / "last.ckpt", weights_only=True)
    assert kept["global_step"] == 2
    assert list((tmp_path / "run" / "samples").glob("*.png"))


@pytest.mark.parametrize("name", known_configs())
def test_every_config_says_in_its_first_line_what_it_is(name: str) -> None:
    assert find_config(name).read_text(encoding="utf-8").startswith("# ")


def test_every_variant_has_a_config() -> None:
    trained = {merged(together_with(name))["model"]["class_path"] for name in TRAINED}
    assert trained == set(gans.VARIANTS)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("name", sorted(set(TRAINED) & {"cyclegan", "dcgan", "stargan"}))
def test_a_preset_changes_what_it_says_and_leaves_the_model(
    name: str, preset: str, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = []
    for given in (["--config", name], ["--config", name, "--config", preset]):
        assert run("fit", *given, "--print_config") == 0
        printed.append(yaml.safe_load(capsys.readouterr().out))
    plain, changed = printed
    for group, values in yaml.safe_load(find_config(preset).read_text(encoding="utf-8")).items():
        for key, value in values.items():
            assert changed[group][key] == value != plain[group][key]
    assert changed["model"] == plain["model"]
    assert changed["data"] == plain["data"]
