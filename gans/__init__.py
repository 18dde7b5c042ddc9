"""Generative adversarial networks on images.

`from gans import CycleGAN` imports a variant when it is asked for, so that naming the variants costs nothing.
`gans.load(path)` returns the trained variant in a checkpoint, whichever it is.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

VARIANTS = {
    "CycleGAN": "gans.cyclegan",
    "MUNIT": "gans.munit",
    "Pix2Pix": "gans.pix2pix",
    "StarGAN": "gans.stargan",
    "GAN": "gans.gan",
    "DCGAN": "gans.dcgan",
    "WGANGP": "gans.wgan_gp",
    "AutoEncoder": "gans.autoencoder",
    "VAE": "gans.vae",
    "Energy": "gans.energy",
    "TextEncoder": "gans.text_encoder",
    "GANCLS": "gans.gan_cls",
}
"""Class name of every variant -> module that defines it: the names that `--model` takes."""

__all__ = ["VARIANTS", "load", *VARIANTS]


def __getattr__(name: str) -> Any:
    if name == "load":
        return import_module("gans.checkpoints").load
    if name not in VARIANTS:
        raise AttributeError(f"module 'gans' has no attribute {name!r}")
    return getattr(import_module(VARIANTS[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
