from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
import yaml
from PIL import Image
from support.commands import run as run_here
from support.commands import write_toy_config
from support.toys import make_model
from torch import nn

from gans.cli.config_files import find_config
from gans.cli.own_images import read_settings
from gans.tools import compare

ROWS = {"autoencoder": "AutoEncoder", "gan": "DCGAN", "energy": "Energy"}


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go into a folder with a toy config of each row."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(compare, "LEAST_SECONDS", 0.01)
    for row, variant in ROWS.items():
        write_toy_config(tmp_path / f"{row}.yaml", variant)
    return tmp_path


def started(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> list[Sequence[str]]:
    """Run the tool on the toy rows; return the arguments of every `fit` that it ran."""
    configs = [f"{row}.yaml" for row in ROWS]
    monkeypatch.setattr(sys, "argv", ["compare", "--configs", *configs, "--folder", "out", *arguments])
    fits: list[Sequence[str]] = []

    def fit(arguments: Sequence[str]) -> int:
        fits.append(arguments)
        return run_here(*arguments)

    assert compare.main(fit) == 0
    return fits


def test_one_command_makes_table_and_picture(
    work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(started(monkeypatch, "--data.test_count", "6")) == 3
    with (work / "out/table.csv").open(newline="") as file:
        table = {(row["config"], row["metric"]): float(row["mean"]) for row in csv.DictReader(file)}
    assert table.keys() == {(row, metric) for row in ROWS for metric in compare.METRICS}
    for row, variant in ROWS.items():
        model = make_model(variant)
        maker: nn.Module = model.discriminator if row == "energy" else model.generator  # type: ignore[assignment]
        assert table[row, compare.PARAMETERS] == sum(w.numel() for w in maker.parameters()) / 1000
        assert table[row, compare.SECONDS] > 0
    assert table["energy", compare.SHARPNESS] > table["autoencoder", compare.SHARPNESS], "noise is no blur"
    text = (work / "out/table.md").read_text()
    assert text in capsys.readouterr().out
    with Image.open(work / "out/pictures.png") as picture:
        columns = picture.width // (128 + 4)
        assert columns >= 5, "real, the auto-encoder's reconstructions, and samples of three rows"
        assert picture.height > 6 * 128
    assert not started(monkeypatch, "--data.test_count", "6"), "what has ended is not trained again"


def test_sharpness_is_the_difference_of_neighbouring_pixels() -> None:
    step = torch.tensor([[0.0, 1.0], [0.0, 1.0]]).expand(1, 1, 2, 2)
    assert float(compare.contrast(step)) == 0.5, "1 across, 0 down"
    noise = torch.rand(4, 3, 16, 16)
    blurred = nn.functional.avg_pool2d(noise, 3, stride=1, padding=1)
    assert compare.contrast(blurred) < 0.6 * compare.contrast(noise)


def test_a_model_without_samples_is_refused(
    work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_toy_config(work / "pix2pix.yaml", "Pix2Pix")
    monkeypatch.setattr(sys, "argv", ["compare", "--configs", "pix2pix.yaml", "--folder", "out"])
    assert compare.main(lambda arguments: run_here(*arguments)) == 1
    assert "holds a Pix2Pix, which makes no samples to compare" in capsys.readouterr().err


@pytest.mark.parametrize("own_images", [False, True])
def test_the_shipped_rows_see_the_same_images_with_the_same_decoder(own_images: bool) -> None:
    read = (lambda path: yaml.safe_load(path.read_text())) if own_images else read_settings
    configs = {name: read(find_config(name)) for name in compare.CONFIGS}
    data = [config["data"] for config in configs.values()]
    assert all(each == data[0] for each in data)
    decoders = [
        {name: config["model"].get("init_args", {}).get(name) for name in ("latent_size", "width", "kernel")}
        for name, config in configs.items()
        if name != "compare/energy"
    ]
    assert len(decoders) == 3
    assert all(each == decoders[0] for each in decoders)
