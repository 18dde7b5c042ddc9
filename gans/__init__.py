"""Generative adversarial networks on images.

`from gans import CycleGAN` imports a variant when it is asked for, so that naming the variants costs nothing.
`gans.load(path)` returns the trained variant in a checkpoint, whichever it is; `gans.to_pil(images)` turns
tensors that it makes into pictures.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

VARIANTS = {
    "CycleGAN": "gans.cyclegan",
    "CUT": "gans.cut",
    "MUNIT": "gans.munit",
    "Pix2Pix": "gans.pix2pix",
    "StarGAN": "gans.stargan",
    "StarGANv2": "gans.stargan_v2",
    "SRResNet": "gans.srresnet",
    "SRGAN": "gans.srgan",
    "ESRGAN": "gans.esrgan",
    "RealESRGAN": "gans.real_esrgan",
    "GAN": "gans.gan",
    "DCGAN": "gans.dcgan",
    "WGANGP": "gans.wgan_gp",
    "StyleGAN2": "gans.stylegan2",
    "R3GAN": "gans.r3gan",
    "AutoEncoder": "gans.autoencoder",
    "VAE": "gans.vae",
    "Energy": "gans.energy",
    "TextEncoder": "gans.text_encoder",
    "GANCLS": "gans.gan_cls",
}
"""Class name of every variant -> module that defines it: the names that `--model` takes."""

_FUNCTIONS = {"to_pil": "gans.inference"}

__all__ = ["VARIANTS", "load", *_FUNCTIONS, *VARIANTS]


def load(path: str | Path) -> Any:
    """Return the trained variant in a checkpoint, an `AdversarialModule` on the CPU and in evaluation mode.

    Which variant it is, and its arguments, are read from the file, of which nothing is executed.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is no checkpoint of this project, only a part of one, or of a newer version.
    """
    from gans.checkpoints.reading import read_checkpoint  # brings torch, which naming the variants needs not

    path = Path(path).expanduser()
    name = read_checkpoint(path)["gans"]["variant"]
    if name not in VARIANTS:
        raise ValueError(
            f"{path} holds a {name}, and this version of gans has only {', '.join(VARIANTS)}: another "
            "version wrote it."
        )
    variant = getattr(import_module(VARIANTS[name]), name)
    return variant.load_from_checkpoint(path, map_location="cpu", weights_only=True).eval()


def __getattr__(name: str) -> Any:
    module = (VARIANTS | _FUNCTIONS).get(name)
    if module is None:
        raise AttributeError(f"module 'gans' has no attribute {name!r}")
    return getattr(import_module(module), name)


def __dir__() -> list[str]:
    return sorted(__all__)
