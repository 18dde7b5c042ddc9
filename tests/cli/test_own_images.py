"""A config's section `drawn_faces` holds for drawn faces alone; the user's own images get the rest."""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.commands import run
from support.folders import write_layout

import datamodules
from datamodules.transforms import Preprocess
from gans.cli.config_files import find_config, known_configs, with_found_configs
from gans.cli.own_images import SECTION, names_own_images, read_settings, settings_of

RECORDED = Path(__file__).parents[1] / "quick_starts"
"""The quick starts as they were when the numbers in RESULTS.md were measured."""
QUICK_STARTS = sorted(
    path.relative_to(RECORDED).with_suffix("").as_posix() for path in RECORDED.rglob("*.yaml")
)


def printed(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    """Return what `fit --print_config` prints."""
    assert run("fit", *arguments, "--print_config") == 0
    config: dict[str, Any] = yaml.safe_load(capsys.readouterr().out)
    return config


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to a folder with own images of two domains in `own`."""
    monkeypatch.chdir(tmp_path)
    write_layout(Path("own"), "UnpairedImages")
    return tmp_path


def test_every_config_with_a_section_is_recorded() -> None:
    with_section = {
        name for name in known_configs() if SECTION in yaml.safe_load(find_config(name).read_text())
    }
    assert with_section == set(QUICK_STARTS)


@pytest.mark.parametrize("name", QUICK_STARTS)
def test_quick_starts_are_what_they_were(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    recorded = printed(capsys, "--config", RECORDED / f"{name}.yaml", "--name", "same")
    now = printed(capsys, "--config", name, "--name", "same")
    data = now["data"]["init_args"]
    if data.get("load_size") == "size":  # today's word for the number that was written
        data["load_size"] = data["size"]
    assert now == recorded


@pytest.mark.parametrize(
    ("arguments", "own"),
    [
        ([], False),
        (["--data.root", "x"], True),
        (["--data.root=x"], True),
        (["--data.init_args.root", "x"], True),
        (["--data.init_args.root=x"], True),
        (["--data.root", "null"], False),
        (["--data.root", "x", "--data.root", "null"], False),
        (["--data.folder_A", "x", "--data.folder_B", "y"], True),
        (["--data.name", "horse2zebra"], True),
        (["--data.init_args", "{root: x}"], True),
        (["--data", "{class_path: PairedImages, init_args: {folder: x}}"], True),
        (["--data", "PairedImages"], False),
        (["--data=datamodules.paired.PairedImages"], False),
        (["--data.class_path", "Points"], True),
        (["--data", "Points"], True),
        (["--data", "mine.Images"], True),
        (["--data.size", "256", "--data.faces", "dylan"], False),
        (["--config", "mine.yaml"], True),
        (["-c", "mine.yaml"], True),
        (["--config=mine.yaml"], True),
        (["--config", "mine.yaml", "--data.root", "null"], False),
        (["--config", "data: {init_args: {root: x}}"], True),
        (["--config", "fast"], False),
        (["--config", "paper/cyclegan_horse2zebra"], True),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_own_images_are_named(folder: Path, arguments: list[str], own: bool) -> None:
    Path("mine.yaml").write_text("data: {init_args: {root: own}}")
    given = with_found_configs(["fit", "--config", "cyclegan", *arguments])
    assert names_own_images(given) is own
    section = yaml.safe_load(find_config("cyclegan").read_text())[SECTION]["model"]["init_args"]
    config = yaml.safe_load(settings_of(given).arguments[2])
    assert config["model"].get("init_args") == (None if own else section)


@pytest.mark.parametrize("name", datamodules.DATA_MODULES)
def test_sources_are_arguments_of_their_data_module(name: str) -> None:
    arguments = inspect.signature(getattr(import_module(datamodules.DATA_MODULES[name]), name)).parameters
    assert ("faces" in arguments) == (name in datamodules.SOURCES)
    sources = datamodules.SOURCES.get(name, ())
    assert set(sources) <= set(arguments)
    assert all(arguments[source].default is None for source in sources)
    assert {"root", "folder", "folder_A", "folder_B", "name", "table", "others"} & set(arguments) == set(
        sources
    )


def test_own_images_get_the_defaults_at_the_size_asked_for(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = printed(capsys, "--config", "cyclegan", "--data.root", "own", "--data.size", 128)
    model, data = config["model"]["init_args"], config["data"]["init_args"]
    assert (model["image_size"], model["generator_width"], model["blocks"]) == (128, 64, None)
    assert (model["learning_rate"], config["trainer"]["max_epochs"]) == (2e-4, 200)
    assert (data["size"], data["load_size"]) == (128, None)


def test_what_the_user_sets_wins_over_the_section(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine.yaml").write_text("model: {init_args: {blocks: 3}}\ntrainer: {max_epochs: 7}\n")
    config = printed(capsys, "--config", "cyclegan", "--config", "mine.yaml", "--model.generator_width", 5)
    model = config["model"]["init_args"]
    assert (model["blocks"], model["generator_width"], model["discriminator_width"]) == (3, 5, 32)
    assert config["trainer"]["max_epochs"] == 7


@pytest.mark.parametrize("arguments", [[], ["--data.root", "own"]], ids=["drawn faces", "own images"])
def test_what_is_printed_runs_again(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    first = printed(capsys, "--config", "cyclegan", *arguments, "--data.size", 96, "--seed_everything", 5)
    assert SECTION not in first
    assert first["model"]["init_args"]["image_size"] == 96
    assert first["data"]["init_args"]["seed"] == 5
    assert first["best_checkpoint"]["monitor"] == "val/kid_lite0"
    Path("printed.yaml").write_text(yaml.safe_dump(first))
    assert printed(capsys, "--config", "printed.yaml") == first


def test_a_printed_config_follows_another_size(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("printed.yaml").write_text(yaml.safe_dump(printed(capsys, "--config", "cyclegan")))
    again = ("--config", "printed.yaml", "--data.size", 96)
    assert printed(capsys, *again)["model"]["init_args"]["image_size"] == 96
    assert printed(capsys, *again, "--model.image_size", 64)["model"]["init_args"]["image_size"] == 64


def test_printing_fetches_nothing_and_needs_no_data(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("fit", "--config", "paper/cyclegan_horse2zebra", "--print_config")
    assert run(*arguments) == 0
    said = capsys.readouterr().out
    assert said.startswith("# The data cannot be opened")
    assert yaml.safe_load(said)["data"]["init_args"]["root"] == "data/horse2zebra"
    assert (
        run("fit", "--config", "cyclegan", "--data.name", "maps", "--data.download", "true", arguments[-1])
        == 0
    )
    assert yaml.safe_load(capsys.readouterr().out)["data"]["init_args"]["download"] is True
    assert not Path("data").exists()
    assert run("fit", "--config", "cyclegan", "--print_config=everything") == 2
    assert "everything is unknown" in capsys.readouterr().err
    assert run("fit", "--config", "cyclegan", "--print_config=skip_default") == 0
    assert "lambda_cycle" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("drawn_faces: {trainer: {max_epoch: 3}}", "There is no key trainer.max_epoch in mine.yaml."),
        (
            "drawn_faces: {model: {init_args: {block: 3}}}",
            "no argument block in mine.yaml. Did you mean blocks?",
        ),
        (
            "drawn_faces: {modle: {init_args: {blocks: 3}}}",
            "There is no key modle.init_args.blocks in mine.yaml.",
        ),
        ("drawn_faces: 3", "drawn_faces in mine.yaml is 3: expected are keys"),
        ("drawn_faces: {trainer: {max_epochs: many}}", "trainer.max_epochs is many in mine.yaml"),
    ],
)
def test_mistakes_in_the_section_are_named(
    folder: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    Path("mine.yaml").write_text(text)
    assert run("fit", "--config", "cyclegan", "--config", "mine.yaml") == 2
    assert said in capsys.readouterr().err


def test_numbers_keep_their_kind(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine.yaml").write_text("drawn_faces: {model: {init_args: {learning_rate: 1e-3}}}")
    config = printed(capsys, "--config", "cyclegan", "--config", "mine.yaml")
    assert config["model"]["init_args"]["learning_rate"] == 0.001


def test_tools_read_a_config_likewise() -> None:
    assert read_settings(find_config("stargan"))["data"]["init_args"]["faces_count"] == 3000
    assert "load_size" not in read_settings(find_config("paper/cyclegan_horse2zebra"))["data"]["init_args"]


@pytest.mark.parametrize(
    "name", ["gan_cls", "text_encoder", "paper/gan_cls_cub", "paper/text_encoder_flowers"]
)
@pytest.mark.parametrize(("size", "before"), [(64, 76), (128, 152)])
def test_the_windows_of_captioned_images_follow_their_size(name: str, size: int, before: int) -> None:
    arguments = ["--config", str(find_config(name)), "--data.root", "own"]
    data = yaml.safe_load(settings_of(["fit", *arguments]).arguments[2]) if "/" not in name else None
    data = (data or read_settings(find_config(name)))["data"]["init_args"]
    assert Preprocess(size=size, load_size=data["load_size"]).before_crop == before


@pytest.mark.parametrize(
    "name", ["dcgan", "wgan_gp", "autoencoder", "vae", "energy", "text_encoder", "gan_cls"]
)
def test_a_size_that_no_network_can_do_is_refused_with_the_nearest_that_work(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert run("fit", "--config", name, "--data.size", 100) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "data.size, or image_size in Python, is 100" in said
    assert "--data.size 64 or --data.size 128" in said
    assert not Path("runs").exists()
