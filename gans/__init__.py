"""Generative adversarial networks on images.

`from gans import CycleGAN` imports a variant when it is asked for, so that naming the variants costs nothing.
`gans.load(path)` returns the trained variant in a checkpoint, whichever it is; `gans.to_pil(images)` turns
tensors that it makes into pictures.
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

_FUNCTIONS = {"load": "gans.checkpoints", "to_pil": "gans.inference"}

__all__ = ["VARIANTS", *_FUNCTIONS, *VARIANTS]


def __getattr__(name: str) -> Any:
    module = (VARIANTS | _FUNCTIONS).get(name)
    if module is None:
        raise AttributeError(f"module 'gans' has no attribute {name!r}")
    return getattr(import_module(module), name)


def __dir__() -> list[str]:
    return sorted(__all__)
