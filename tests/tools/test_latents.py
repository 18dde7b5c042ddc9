"""The commands as they are typed, on checkpoints of untrained variants at toy size."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from support.checkpoints import checkpoint_of, write_checkpoint
from support.playing import write_lively
from support.toys import TOYS, make_model

import gans
from gans.inference import seeded_noise
from gans.pictures.render import MARGIN, TILE, render
from gans.protocol import Grid, HasLatent
from gans.tools.latents.__main__ import main
from gans.tools.latents.decoder import open_decoder

DATA = {"class_path": "datamodules.images.Images", "init_args": TOYS["VAE"].data_arguments}
BY_HAND = ["--plus", "1", "2", "--minus", "3-4"]
COMMANDS = {
    "grid": ["--axes", "0", "2", "--count", "3", "--seed", "1"],
    "interpolate": ["--seeds", "1-2", "5", "--steps", "3", "--frames", "2"],
    "turn": ["--count", "3"],
    "truncate": ["--seeds", "1", "2"],
    "direction": [*BY_HAND, "--seeds", "7"],
    "arithmetic": [*BY_HAND, "--onto", "5", "6"],
    "neighbours": ["--seeds", "0-2", "--nearest", "2"],
}


def explore(*arguments: object) -> int:
    """Run `python -m gans.tools.latents ARGUMENTS` and return its exit status."""
    with patch.object(sys, "argv", ["latents", *map(str, arguments)]):
        return main()


def write_run(folder: Path, name: str) -> Path:
    """Write a run with a checkpoint and a config; return the checkpoint."""
    checkpoint = write_checkpoint(folder / "checkpoints" / "last.ckpt", name)
    (folder / "config.yaml").write_text(yaml.safe_dump({"data": DATA}))
    return checkpoint


def write_picture(path: Path) -> None:
    """Write a picture of no size in particular."""
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)).save(path)


def shows(picture: Image.Image, image: torch.Tensor) -> bool:
    """Tell whether an image stands anywhere in the last row of a picture."""
    last_row = slice(-TILE - MARGIN, -MARGIN)
    drawn = np.asarray(picture.convert("RGB"))[last_row].astype(int)
    alone = np.asarray(render(Grid({"": image[None]})))[last_row, MARGIN : MARGIN + TILE]
    places = range(drawn.shape[1] - TILE + 1)
    return any(np.abs(drawn[:, left : left + TILE] - alone).max() <= 1 for left in places)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return that of an auto-encoder whose decoder, though untrained, does not make every image grey."""
    torch.manual_seed(0)
    model = make_model("AutoEncoder")
    for layer in model.modules():
        if isinstance(layer, torch.nn.ConvTranspose2d):
            layer.weight.data.mul_(20)
    checkpoint = write_run(tmp_path_factory.mktemp("run"), "AutoEncoder")
    torch.save(checkpoint_of(model), checkpoint)
    return checkpoint


OF_STYLES = {
    "mix": ["--rows", "0", "1", "--columns", "2-4"],
    "sefa": ["--count", "2", "--layers", "1", "4"],
}
"""Commands that a model with styles alone takes."""


@pytest.fixture(scope="module")
def styled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the checkpoint of a model with styles."""
    run = tmp_path_factory.mktemp("styled")
    (run / "checkpoints").mkdir()
    (run / "config.yaml").write_text(yaml.safe_dump({"data": DATA}))
    return write_lively(run / "checkpoints", "StyleGAN2")


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_writes_a_picture_and_its_latents(
    command: str, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explore(command, checkpoint, *COMMANDS[command]) == 0
    folder = checkpoint.parents[1] / "latents"
    suffixes = ["png", *(["gif"] if command == "interpolate" else []), "npz"]
    assert capsys.readouterr().out.splitlines()[-len(suffixes) :] == [
        str(folder / f"{command}.{suffix}") for suffix in suffixes
    ]
    with np.load(folder / f"{command}.npz") as kept:
        latents = torch.from_numpy(kept["latents"])
    assert latents.ndim == 3
    model = gans.load(checkpoint)
    assert isinstance(model, HasLatent)
    images = model.decode(latents.flatten(0, 1)).unflatten(0, latents.shape[:2])
    assert shows(Image.open(folder / f"{command}.png"), images[-1, -1])
    assert not shows(Image.open(folder / f"{command}.png"), -images[-1, -1])


@pytest.mark.parametrize("command", OF_STYLES)
def test_each_command_of_styles_writes_them(command: str, styled: Path) -> None:
    assert explore(command, styled, *OF_STYLES[command]) == 0
    folder = styled.parents[1] / "latents"
    with np.load(folder / f"{command}.npz") as kept:
        assert str(kept["space"]) == "w"
        latents = torch.from_numpy(kept["latents"])
    model: Any = gans.load(styled)
    styles = latents.flatten(0, 1)
    if styles.shape[1] > model.style_size:
        styles = styles.unflatten(1, (model.style_layers, model.style_size))
    images = model.decode_styles(styles).unflatten(0, latents.shape[:2])
    assert shows(Image.open(folder / f"{command}.png"), images[-1, -1])


@pytest.mark.parametrize("command", ["interpolate", "turn"])
def test_the_same_command_gives_the_same_bytes(command: str, checkpoint: Path, tmp_path: Path) -> None:
    for name in ("first", "second"):
        assert explore(command, checkpoint, *COMMANDS[command], "--output", tmp_path / name) == 0
    written = sorted(path.name for path in tmp_path.iterdir())
    assert len(written) == (6 if command == "interpolate" else 4)
    for suffix in {name.partition(".")[2] for name in written}:
        first, second = ((tmp_path / f"{name}.{suffix}").read_bytes() for name in ("first", "second"))
        assert first == second, suffix


def test_the_gif_moves_and_never_ends(checkpoint: Path, tmp_path: Path) -> None:
    assert explore("interpolate", checkpoint, "--seeds", 1, 2, "--frames", 3, "--output", tmp_path / "g") == 0
    with Image.open(tmp_path / "g.gif") as gif:
        assert gif.info["loop"] == 0
        assert getattr(gif, "n_frames", 1) == 6
        gif.seek(0)
        first = np.asarray(gif.convert("RGB")).astype(int)
        gif.seek(3)
        assert np.abs(first - np.asarray(gif.convert("RGB"))).max() > 0


def test_a_concept_is_looked_for_in_the_data_of_the_run(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An untrained model shows no glasses, or nothing but: that is the answer, by a probe of the data."""
    assert explore("arithmetic", checkpoint, "--concept", "glasses", "--samples", "12") == 1
    assert "of 12 samples show glasses; 8 are needed" in capsys.readouterr().err


@pytest.mark.parametrize("name", [name for name in TOYS if TOYS[name].data == "Images"])
def test_every_variant_with_a_latent_is_explored(name: str, tmp_path: Path) -> None:
    path = write_checkpoint(tmp_path / "x.ckpt", name)
    model = gans.load(path)
    has_latent = isinstance(model, HasLatent)
    status = explore("truncate", path, "--seeds", "0", "--output", tmp_path / "t")
    assert status == (0 if has_latent else 1)
    assert (tmp_path / "t.png").exists() == has_latent
    if has_latent:
        torch.testing.assert_close(
            model.latents([4, 2]), model.from_noise(seeded_noise([4, 2], model.latent_size))
        )


def test_without_a_run_files_go_below_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert explore("truncate", write_checkpoint(tmp_path / "x.ckpt", "VAE")) == 0
    assert sorted(path.name for path in (tmp_path / "latents").iterdir()) == ["truncate.npz", "truncate.png"]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["grid", "lost.ckpt"], 1, "lost.ckpt: there is no such checkpoint"),
        (["grid", "broken.ckpt"], 1, "broken.ckpt is not a checkpoint, or not a whole one"),
        (["grid", "cyclegan.ckpt"], 1, "cyclegan.ckpt holds a CycleGAN, which has no latent to explore"),
        (["grid", "energy.ckpt"], 1, "energy.ckpt holds a Energy, which has no latent to explore"),
        (["grid", "vae.ckpt", "--axes", "0", "9"], 2, "--axes 9: a latent of this model has 3 axes"),
        (["grid", "vae.ckpt", "--label", "1"], 2, "--label 1: vae.ckpt holds a VAE; it was trained without"),
        (["interpolate", "vae.ckpt", "--seeds", "4"], 2, "--seeds 4: there is nothing to walk between"),
        (["truncate", "vae.ckpt", "--seeds", "x"], 2, "--seeds x: give numbers, and ranges such as 0-7"),
        (["truncate", "vae.ckpt", "--seeds", "7-5"], 2, "--seeds 7-5"),
        (["arithmetic", "vae.ckpt"], 2, "Give either --concept NAME, or seeds with --plus and --minus"),
        (["arithmetic", "vae.ckpt", *BY_HAND, "--concept", "glasses"], 2, "Give either --concept"),
        (["direction", "vae.ckpt", "--plus", "1", "2"], 2, "--minus: two seeds or more are needed"),
        (["neighbours", "vae.ckpt"], 1, "vae.ckpt lies in no run folder"),
        (["neighbours", "vae.ckpt", "--config", "dgcan"], 1, "--config dgcan: no such file"),
        (["neighbours", "vae.ckpt", "--config", "pairs.yaml"], 1, "pairs.yaml: data is PairedImages, and"),
        (["neighbours", "vae.ckpt", "--config", "gone.yaml"], 1, "gone"),
        (["neighbours", "vae.ckpt", "--config", "old.yaml"], 1, "data does not fit this version of Images"),
        (["direction", "vae.ckpt", "--config", "faces.yaml", "--concept", "hats"], 1, "no attribute 'hats'"),
    ],
)
def test_mistakes_are_told_in_a_line_or_two(
    arguments: list[str],
    status: int,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("CycleGAN", "Energy", "VAE"):
        write_checkpoint(Path(f"{name.lower()}.ckpt"), name)
    Path("broken.ckpt").write_bytes(Path("vae.ckpt").read_bytes()[:2000])
    for name, data in {
        "faces": DATA,
        "pairs": {"class_path": "PairedImages"},
        "gone": {"class_path": "Images", "init_args": {"root": "gone"}},
        "old": {"class_path": "Images", "init_args": {"side": 4}},
    }.items():
        Path(f"{name}.yaml").write_text(yaml.safe_dump({"data": data}))
    assert explore(*arguments) == status
    message = capsys.readouterr().err
    assert said in message
    assert "Traceback" not in message
    assert not Path("latents").exists(), "a mistake leaves nothing behind"


PAGE = (Path(__file__).parents[2] / "docs" / "latents.md").read_text(encoding="utf-8")
TYPED = [line.split() for line in re.findall(r"python -m gans\.tools\.latents (\w+ CKPT .*)", PAGE)]


@pytest.mark.parametrize("arguments", TYPED, ids=" ".join)
def test_the_commands_of_the_page_run(
    arguments: list[str], checkpoint: Path, styled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command, _, *options = arguments
    target = tmp_path / "page"
    model = styled if command in OF_STYLES or "w" in options else checkpoint
    given = {"PICTURE": tmp_path / "face.png", "PROJECTED": tmp_path / "project.npz", "500": 2}
    options = [str(given.get(option, option)) for option in options]
    write_picture(tmp_path / "face.png")
    if "--projected" in options:
        found = ["--image", tmp_path / "face.png", "--steps", "1", "--output", tmp_path / "project"]
        assert explore("project", model, *found) == 0
    status = explore(command, model, *options, "--output", target)
    if "--concept" in options:  # an untrained model shows nothing
        assert "samples show glasses" in capsys.readouterr().err
    else:
        assert status == 0
        assert target.with_suffix(".png").exists()


def test_the_page_shows_every_command() -> None:
    assert {command for command, *_ in TYPED} == COMMANDS.keys() | OF_STYLES.keys() | {"project"}


def test_the_python_example_of_the_page_runs(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert explore("direction", checkpoint, *BY_HAND, "--output", "direction") == 0
    (example,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(example.replace("CKPT", str(checkpoint)), names)
    assert names["images"].shape == (8, 3, 16, 16)


def test_a_model_with_classes_shows_the_one_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_checkpoint(tmp_path / "x.ckpt", "DCGAN", classes=3)
    samples = []
    for label in (None, 0, 2):
        decoder = open_decoder(path, label)
        samples.append(decoder(decoder.latents([1])))
        options = [] if label is None else ["--label", label]
        assert explore("truncate", path, *options, "--output", tmp_path / "t") == 0
    assert torch.equal(samples[0], samples[1])
    assert not torch.equal(samples[0], samples[2])
    assert explore("truncate", path, "--label", 3) == 2
    assert "--label 3: " in capsys.readouterr().err


def test_points_have_no_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_checkpoint(tmp_path / "x.ckpt", "GAN", channels=2, image_size=1)
    assert explore("grid", path) == 1
    assert "holds a GAN of points in the plane" in capsys.readouterr().err
