"""What the pages tell people to begin a training with is run here, at toy size; README.md keeps its word."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from support.checkpoints import write_checkpoint
from support.commands import run, write_toy_config
from support.documented import run_by, started
from support.folders import write_layout, write_table
from support.toys import TOYS

from gans.cli.config_files import find_config
from gans.cli.facts import FACTS
from gans.cli.own_images import read_settings
from gans.tools import attribute_classifier

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str = "") -> list[str]:
    """Return the fenced blocks of README.md in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def toy_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which a toy run called cyclegan has ended."""
    folder = tmp_path_factory.mktemp("user")
    config = write_toy_config(folder / "cyclegan.yaml", runs=str(folder / "runs"))
    assert run("fit", "--config", config) == 0
    config.unlink()  # from here on `cyclegan` is the config that is shipped
    return folder


@pytest.fixture
def finished(toy_run: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to the folder of the toy run."""
    monkeypatch.chdir(toy_run)
    return toy_run


def test_the_two_commands_install_and_start() -> None:
    install, test = (block.strip() for block in blocks()[:2])
    assert install == "pip install -e . && python train.py fit --config cyclegan.yaml"
    assert test == 'pip install -e ".[dev]" && pytest'
    assert f"<!-- test-command -->\n```\n{test}\n```" in README, ".ci/run reads it from there"


def appended(arguments: list[str], own_images: bool) -> list[str]:
    """Return what makes a documented command quick: toy networks and images, one step, no metrics."""
    model = merged_model(arguments)
    toy = TOYS[model]
    data = {"batch_size": 2, "size": toy.data_arguments["size"]}
    if not own_images:
        data = toy.data_arguments | data
    network = {key: value for key, value in toy.model_arguments.items() if key not in FACTS}
    settings = {f"model.{key}": value for key, value in network.items()}
    settings |= {f"data.{key}": value for key, value in data.items()}
    settings |= {"trainer.max_steps": 1, "trainer.limit_val_batches": 1, "trainer.accelerator": "cpu"}
    if model == "MUNIT":
        settings["diversity.count"] = 2
    settings |= {"trainer.devices": 1, "acceleration.compile": "false", "logger": "csv", "without": "metrics"}
    return [f"--{key}={value}" for key, value in settings.items()]


def merged_model(arguments: list[str]) -> str:
    """Return the variant that a command's first config names."""
    config = arguments[arguments.index("--config") + 1]
    name: str = read_settings(find_config(config))["model"]["class_path"]
    return name


STARTED = [
    arguments
    for arguments in run_by("python train.py fit")
    if "--config" in arguments and "--ckpt_path" not in arguments
]


@pytest.mark.parametrize("arguments", STARTED, ids=" ".join)
def test_fit_commands_train(arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is typed is followed by what `appended` returns, and by nothing else."""
    monkeypatch.chdir(tmp_path)
    data = TOYS[merged_model(arguments)].data
    own_images = "FOLDER" in arguments
    if own_images:
        write_layout(Path("FOLDER"), "MultiDomainImages" if "folder" in arguments else data, count=12)
    if "table.csv" in arguments:
        write_table(Path("table.csv"), Path("FOLDER"), ["smiling", "blond", "black"])
    if "--init_from" in arguments:
        path, name = Path(arguments[arguments.index("--init_from") + 1]), merged_model(arguments)
        stages: dict[str, dict[str, Any]] = {"SRGAN": {}, "ESRGAN": {"generator": "rrdbnet", "growth": 2}}
        if name not in stages:
            write_checkpoint(path, name)
        else:  # the config's scale, or the toy's
            write_checkpoint(path, "SRResNet", scale=4 if own_images else 2, **stages[name])
    if any("attributes.ckpt" in argument for argument in arguments):
        write_toy_config(Path("faces.yaml"), "StarGAN")
        assert (
            started(attribute_classifier.main, "--config", "faces.yaml", "--out", "runs/attributes.ckpt") == 0
        )
    points = any("toys/" in argument for argument in arguments)
    small = (
        ["--data.count=16", "--trainer.max_steps=1", "--logger=csv"]
        if points
        else appended(arguments, own_images)
    )
    assert run("fit", *arguments, *small) == 0
    assert list(Path("runs").rglob("last.ckpt"))
    assert list(Path("runs").rglob("samples/*.png"))


def test_the_python_example_translates(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = blocks("python")
    (run_folder,) = (finished / "runs" / "cyclegan").iterdir()
    monkeypatch.chdir(finished)
    Image.effect_noise((30, 20), 90).save("picture.png")
    exec(example.replace("runs/cyclegan/DATE", str(run_folder)), {})
    with Image.open("translated.png") as translated:
        assert (translated.mode, translated.size) == ("RGB", (30, 20))


def test_linked_and_named_files_exist() -> None:
    linked = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    named = re.findall(r"`(tests/[^`]+)`", README)
    assert linked
    assert named
    for name in linked + named:
        assert (ROOT / name).exists(), name


def test_the_stated_python_is_the_required_one() -> None:
    required = re.search(r'requires-python = ">=([\d.]+)"', (ROOT / "pyproject.toml").read_text())
    assert required
    assert f"Python {required[1]} or newer" in README
