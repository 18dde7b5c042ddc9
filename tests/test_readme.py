"""What README.md and docs/ tell people to type is run here, at toy size where it would take long."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from PIL import Image
from support.commands import run, write_toy_config
from support.folders import LAYOUTS, write_images, write_layout
from support.toys import TOYS

import gans
from gans.cli.config_files import find_config
from gans.cli.facts import FACTS
from gans.cli.own_images import read_settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = "\n".join(
    page.read_text(encoding="utf-8") for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
)


def blocks(language: str = "") -> list[str]:
    """Return the fenced blocks of README.md in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands(command: str) -> list[list[str]]:
    """Return the arguments of every `python train.py COMMAND ...` in the pages, without line breaks."""
    text = PAGES.replace("\\\n", " ")
    found = re.findall(rf"python train\.py {command}( [^\n`]*)?", text)
    return [shlex.split(arguments) for arguments in dict.fromkeys(found)]


@pytest.fixture(scope="module")
def toy_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which a toy run called cyclegan has ended."""
    folder = tmp_path_factory.mktemp("user")
    config = write_toy_config(folder / "cyclegan.yaml", runs=str(folder / "runs"))
    assert run("fit", "--config", config) == 0
    config.unlink()  # from here on `cyclegan` is the config that is shipped
    for data in LAYOUTS:
        write_layout(folder / "FOLDER", data)
    write_images(folder / "my_pictures", 2, (20, 18))
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
    settings |= {"trainer.devices": 1, "acceleration.compile": "false", "logger": "csv", "without": "metrics"}
    return [f"--{key}={value}" for key, value in settings.items()]


def merged_model(arguments: list[str]) -> str:
    """Return the variant that a command's first config names."""
    config = arguments[arguments.index("--config") + 1]
    name: str = read_settings(find_config(config))["model"]["class_path"]
    return name


NEEDS_A_FILE = (
    "--init_from",
    "--ckpt_path",
    "--model.help",
    "--trainer.callbacks",
    "--data.table",
    "RUN/",
    "toys/",
)
"""Commands that go on from something; tests of their own run these."""
TRAINED = [
    arguments
    for arguments in commands("fit")
    if "--config" in arguments and not any(need in " ".join(arguments) for need in NEEDS_A_FILE)
]


OF_FILES = ("--init_from", "toys/")
"""Commands run by tests/tools/test_official.py and tests/test_configs.py on files and rows of their own."""
UNDERSTOOD = [
    arguments
    for arguments in commands("fit")
    if arguments not in TRAINED and not any(part in " ".join(arguments) for part in OF_FILES)
]


@pytest.mark.parametrize("arguments", UNDERSTOOD, ids=" ".join)
def test_fit_commands_are_understood(
    arguments: list[str], finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("fit", *arguments, *(() if "--model.help" in arguments else ("--print_config",))) == 0
    named = [argument.replace("_", "") for argument in arguments]
    chosen = next((name for name in gans.VARIANTS if name.lower() in named), "CycleGAN")
    assert chosen in capsys.readouterr().out


@pytest.mark.parametrize("arguments", TRAINED, ids=" ".join)
def test_fit_commands_train(arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is typed is followed by what `appended` returns, and by nothing else."""
    monkeypatch.chdir(tmp_path)
    data = TOYS[merged_model(arguments)].data
    own_images = "FOLDER" in arguments
    if own_images:
        classes = "folder" in arguments
        write_layout(Path("FOLDER"), "MultiDomainImages" if classes else data, count=12)
    assert run("fit", *arguments, *appended(arguments, own_images)) == 0
    assert list(Path("runs").rglob("last.ckpt"))
    assert list(Path("runs").rglob("samples/*.png"))


@pytest.mark.parametrize("arguments", commands("predict"), ids=" ".join)
def test_predict_commands_write_pictures(arguments: list[str], finished: Path) -> None:
    assert run("predict", *arguments) == 0
    assert sorted(path.name for path in (finished / "translated").iterdir()) == ["0.jpg", "1.jpg"]


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
