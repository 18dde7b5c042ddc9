"""A GAN of super-resolution starts from the generator of the stage before it, by `--init_from`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from support.checkpoints import write_checkpoint
from support.commands import run, write_toy_config
from support.pictures import random_pixels, write_image

import gans

GENERATORS: dict[str, dict[str, Any]] = {
    "SRGAN": {"generator": "msrresnet", "generator_width": 3},
    "ESRGAN": {"generator": "rrdbnet", "generator_width": 3, "growth": 1},
    "RealESRGAN": {"generator": "rrdbnet", "generator_width": 3, "growth": 1},
}


def first_stage(path: Path, **arguments: Any) -> Path:
    """Write an SRResNet with averages that differ from its weights."""
    write_checkpoint(path, "SRResNet", ema_decay=0.9, loss="l2", restart_every=7, **arguments)
    checkpoint = torch.load(path, weights_only=True)
    raw = {name: value for name, value in checkpoint["state_dict"].items() if name.startswith("generator.")}
    checkpoint["state_dict"] |= {f"ema.{name}": value + 1 for name, value in raw.items()}
    checkpoint["hyper_parameters"]["_class_path"] = "gans.SRResNet"  # as a command's run leaves it
    torch.save(checkpoint, path)
    return path


@pytest.mark.parametrize("name", GENERATORS)
def test_a_gan_begins_with_the_averaged_generator_of_the_first_stage(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = first_stage(tmp_path / "start.ckpt", **GENERATORS[name])
    config = write_toy_config(tmp_path / "mine.yaml", name)
    typed = ("--model.learning_rate", 0, "--model.halve_at", "[3]", "--without", "[metrics, sample_grid]")
    assert run("fit", "--config", config, "--run", tmp_path / "run", "--init_from", start, *typed) == 0
    trained = gans.load(tmp_path / "run" / "checkpoints" / "last.ckpt")
    given = torch.load(start, weights_only=True)["state_dict"]
    found = trained.state_dict()
    taken = [key for key in found if key.startswith(("generator.", "ema.generator."))]
    assert sum(key.startswith("ema.") for key in taken) == len(taken) / 2 > 0
    assert all(torch.equal(found[key], given[f"ema.{key.removeprefix('ema.')}"]) for key in taken)
    assert {key: trained.hparams[key] for key in GENERATORS[name]} == GENERATORS[name]
    assert (trained.hparams["halve_at"], trained.hparams["restart_every"]) == ([3], None)
    assert any(key.startswith("discriminator.") for key in found)
    capsys.readouterr()


@pytest.mark.parametrize(
    ("stored", "model", "said"),
    [
        ("SRGAN", "SRResNet", "holds a SRGAN, but the model is a SRResNet"),
        ("SRGAN", "ESRGAN", "holds a SRGAN, but the model is a ESRGAN"),
        ("SRResNet", "CycleGAN", "holds a SRResNet, but the model is a CycleGAN"),
    ],
)
def test_what_is_no_first_stage_is_refused(
    stored: str, model: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = write_checkpoint(tmp_path / "start.ckpt", stored)
    config = write_toy_config(tmp_path / "mine.yaml", model)
    assert run("fit", "--config", config, "--run", tmp_path / "run", "--init_from", start) != 0
    assert said in capsys.readouterr().err


def test_a_gan_does_not_go_on_with_the_first_stage_as_if_it_were_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = first_stage(tmp_path / "start.ckpt")
    config = write_toy_config(tmp_path / "mine.yaml", "SRGAN")
    assert run("fit", "--config", config, "--run", tmp_path / "run", "--ckpt_path", start) != 0
    assert "holds a SRResNet, but the model is a SRGAN" in capsys.readouterr().err


def test_a_trained_model_is_measured_on_a_public_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(5):
        write_image(tmp_path / "data" / "Set5" / f"{number}.png", random_pixels(33, 30 + number))
    trained = write_checkpoint(tmp_path / "trained.ckpt", "SRResNet")
    named = ("--config", "srresnet", "--data.name", "Set5", "--data.data_dir", tmp_path / "data")
    places = ("--data.scale", 2, "--run", tmp_path / "tested", "--without", "metrics")
    assert run("test", "--ckpt_path", trained, *named, *places) == 0
    assert "psnr_y" in capsys.readouterr().out
    assert run("test", "--ckpt_path", trained, *named, "--run", tmp_path / "again") != 0
    assert "set data.scale to 2" in capsys.readouterr().err
