from __future__ import annotations

from pathlib import Path

import pytest

from gans.cli.config_files import configs_folder, find_config, known_configs, suggestion, with_found_configs


@pytest.mark.parametrize("name", ["cyclegan", "cyclegan.yaml", "paper/cyclegan_horse2zebra"])
def test_bare_names_are_found_from_any_folder(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_config(name) == configs_folder() / f"{name.removesuffix('.yaml')}.yaml"


def test_an_own_file_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("cyclegan.yaml").touch()
    assert find_config("cyclegan.yaml") == Path("cyclegan.yaml")
    assert find_config("cyclegan") == configs_folder() / "cyclegan.yaml"


@pytest.mark.parametrize("name", ["cyclgan", "cyclgan.yaml", "CycelGAN"])
def test_an_unknown_name_is_answered_with_the_nearest_and_the_list(name: str) -> None:
    with pytest.raises(FileNotFoundError) as failure:
        find_config(name)
    assert f"--config {name}: no such file" in str(failure.value)
    assert "Did you mean cyclegan?" in str(failure.value)
    assert "paper/cyclegan_horse2zebra" in str(failure.value)


def test_every_config_is_known() -> None:
    assert len(known_configs()) == len(list(configs_folder().rglob("*.yaml")))
    assert "cyclegan" in known_configs()


def test_all_spellings_of_the_option_are_replaced_and_nothing_else_is() -> None:
    cyclegan = str(configs_folder() / "cyclegan.yaml")
    arguments = ["fit", "--config", "cyclegan", "--config=cyclegan", "-c", "cyclegan", "--name", "cyclegan"]
    expected = ["fit", "--config", cyclegan, f"--config={cyclegan}", "-c", cyclegan, "--name", "cyclegan"]
    assert with_found_configs(arguments) == expected


@pytest.mark.parametrize(
    "written_out", ["{trainer: {max_epochs: 3}}", "trainer: {max_epochs: 3}", "a:\n  b: 1"]
)
def test_yaml_in_place_of_a_name_stays(written_out: str) -> None:
    assert with_found_configs(["fit", "--config", written_out]) == ["fit", "--config", written_out]


def test_nothing_is_suggested_for_something_else() -> None:
    assert suggestion("zebra", ["cyclegan", "pix2pix"]) == ""
