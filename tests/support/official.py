"""Small checkpoints, and the command that turns the authors' files into checkpoints and back."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch import nn

import gans
from gans.tools.official.__main__ import main

SMALL: dict[str, dict[str, Any]] = {
    "CycleGAN": {"generator_width": 4, "blocks": 2, "discriminator_width": 4, "discriminator_layers": 2},
    "Pix2Pix": {
        "image_size": 32,
        "generator_width": 4,
        "discriminator_width": 4,
        "channels_in": 1,
        "patch": 16,
    },
    "CUT": {
        "generator_width": 4,
        "blocks": 5,
        "discriminator_width": 4,
        "discriminator_layers": 2,
        "projection_width": 6,
    },
    "StarGAN": {"image_size": 16, "generator_width": 4, "blocks": 1, "discriminator_width": 4},
    "StarGANv2": {
        "image_size": 32,
        "generator_width": 4,
        "discriminator_width": 4,
        "mapping_width": 5,
        "style_size": 6,
        "latent_size": 3,
    },
    "DCGAN": {"image_size": 32, "width": 4, "latent_size": 6},
    "StyleGAN2": {
        "image_size": 16,
        "latent_size": 5,
        "style_size": 6,
        "generator_width": 64,
        "most_channels": 7,
        "minibatch_group": 2,
    },
    "R3GAN": {"image_size": 16, "widths": [6, 6, 4], "blocks": [1, 2, 1], "group_width": 4, "latent_size": 5},
    "MUNIT": {
        "generator_width": 4,
        "blocks": 2,
        "discriminator_width": 4,
        "style_size": 3,
        "mlp_width": 5,
        "discriminator_layers": 2,
    },
    "SRResNet": {"generator_width": 4, "blocks": 2, "scale": 3},
    "SRGAN": {"generator_width": 4, "blocks": 2, "discriminator_width": 2},
    "ESRGAN": {"generator_width": 4, "blocks": 1, "growth": 3, "discriminator_width": 2},
    "RealESRGAN": {"generator": "srvgg", "generator_width": 4, "blocks": 2, "discriminator_width": 2},
}


def convert(*arguments: object) -> int:
    with patch.object(sys, "argv", ["official", *map(str, arguments)]):
        return main()


def small(folder: Path, variant: str, **others: Any) -> Path:
    """Write a checkpoint of a variant that is small and has no arguments of the toys."""
    path = folder / f"{variant}.ckpt"
    model = getattr(gans, variant)(**(SMALL[variant] | others))
    checkpoint = {
        "pytorch-lightning_version": "2.6.1",
        "state_dict": model.state_dict(),
        "hyper_parameters": dict(model.hparams),
    }
    model.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, path)
    return path


def imported(source: Path, *options: object) -> Any:
    target = source.parent / "imported.ckpt"
    assert convert(source, target, *options) == 0
    model = gans.load(target)
    target.unlink()  # up to half a gigabyte
    return model


def save(state: Mapping[str, Any], path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(state, path)
    return path


def equal_states(first: nn.Module, second: nn.Module) -> bool:
    states = first.state_dict(), second.state_dict()
    return list(states[0]) == list(states[1]) and all(
        torch.equal(a, b) for a, b in zip(states[0].values(), states[1].values(), strict=True)
    )
