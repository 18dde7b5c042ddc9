"""The systems that are measured: the plain step, our variant, and the images that both see."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

import datamodules
from benchmarks.plain import stargan_v2, steps
from benchmarks.plain.r3gan import R3GAN
from benchmarks.plain.stylegan2 import StyleGAN2
from datamodules.base import ImageDataModule
from datamodules.faces.faces import draw_faces, face_seeds
from datamodules.multi_domain.module import MultiDomainImages

FACES = 64  # of each domain: few enough to draw in a moment
BATCHES = 100  # of an epoch, so that its end is as rare as with real data; the faces repeat


@dataclass(frozen=True)
class System:
    """One system at one size.

    Attributes:
        model: class of our variant.
        data: class of its data module.
        batch_size: items of a batch.
        layout: how the images lie in the folder: `unpaired`, `paired`, `domains` or `plain`.
        size: side of the images in pixels.
        plain: makes the plain program.
        step: trains the plain program once on a batch of our data module.
        images: of a batch, those of all domains together.
        period: steps after which the players' turns repeat.
        references: whether the step needs pictures of the domains that images are to become.
        scale: the pictures that are drawn are so many times as high and wide as `size`.
        more_data: further arguments of the data module.
        more_model: arguments of our variant.
    """

    model: str
    data: str
    batch_size: int
    layout: str
    size: int
    plain: Callable[[], Any]
    step: Callable[[Any, Any, int], Any]
    images: int
    period: int = 1
    references: bool = False
    scale: int = 1
    more_data: Mapping[str, Any] = field(default_factory=dict)
    more_model: Mapping[str, Any] = field(default_factory=dict)

    def data_arguments(self, root: Path) -> dict[str, Any]:
        """Return the arguments of the data module over the images that `write_images` wrote to root."""
        folder = "folder" if self.layout == "plain" else "root"
        return {folder: str(root), "size": self.size, "batch_size": self.batch_size, **self.more_data}

    def data_module(self, root: Path, **arguments: Any) -> ImageDataModule:
        """Return the data module over these images."""
        module = getattr(import_module(datamodules.DATA_MODULES[self.data]), self.data)
        made: ImageDataModule = module(**self.data_arguments(root), **arguments)
        if isinstance(made, MultiDomainImages):
            made.references = self.references
        return made

    def fit_arguments(self, root: Path) -> list[str]:
        """Return the command line that trains our variant on these images."""
        words = ["--model", self.model, "--data", self.data]
        for group, arguments in (("data", self.data_arguments(root)), ("model", self.more_model)):
            for key, value in arguments.items():
                words += [f"--{group}.{key}", str(value)]
        return words


def _stargan_step(program: Any, batch: Any, index: int) -> Any:
    targets = batch.labels.roll(1, 0)
    return program.step(batch.images, batch.labels, targets, generator=(index + 1) % 5 == 0)


def _stargan(batch_size: int) -> System:
    return System(
        "StarGAN",
        "MultiDomainImages",
        batch_size,
        "domains",
        128,
        lambda: steps.StarGAN(128, attributes=2),
        _stargan_step,
        batch_size,
        period=5,
    )


def _stargan_v2_step(program: stargan_v2.StarGANv2, batch: Any, _: int) -> Any:
    labels, targets = batch.labels.argmax(1), batch.targets.argmax(1)
    first, second = batch.references.unbind(1)
    z, other = batch.images.new_empty(2, len(labels), program.latent).normal_()
    return program.step(batch.images, labels, first, second, targets, z, other)


def _r3gan_step(program: R3GAN, batch: Any, _: int) -> Any:
    latents = batch.images.new_empty(len(batch.images), 64).normal_()
    return program.step(*batch.images.chunk(2), *latents.chunk(2))


def _esrgan(batch_size: int, size: int = 32) -> System:
    """Return ESRGAN at scale 4, without the perceptual loss, the weights of which may be absent."""
    return System(
        "ESRGAN",
        "SharpImages",
        batch_size,
        "plain",
        size,
        lambda: steps.ESRGAN(4 * size),
        lambda program, batch, _: program.step((batch.input + 1) / 2, (batch.target + 1) / 2),
        batch_size,
        scale=4,
        more_data={"task": "bicubic", "scale": 4},
        more_model={"perceptual_weight": 0.0},
    )


SYSTEMS = {
    "cyclegan": System(
        "CycleGAN",
        "UnpairedImages",
        1,
        "unpaired",
        256,
        steps.CycleGAN,
        lambda program, batch, _: program.step(batch.A, batch.B),
        2,
    ),
    "cut": System(
        "CUT",
        "UnpairedImages",
        1,
        "unpaired",
        256,
        steps.CUT,
        lambda program, batch, _: program.step(batch.A, batch.B),
        2,
    ),
    "pix2pix": System(
        "Pix2Pix",
        "PairedImages",
        1,
        "paired",
        256,
        steps.Pix2Pix,
        lambda program, batch, _: program.step(batch.input, batch.target),
        1,
    ),
    "stargan_b4": _stargan(4),
    "stargan_b16": _stargan(16),
    "r3gan": System(
        "R3GAN",
        "Images",
        8,
        "plain",
        32,
        R3GAN,
        _r3gan_step,
        8,
    ),
    "stylegan2": System(
        "StyleGAN2",
        "Images",
        8,
        "plain",
        32,
        StyleGAN2,
        lambda program, batch, _: program.step(batch.images),
        8,
        period=16,
    ),
    "stargan_v2": System(
        "StarGANv2",
        "MultiDomainImages",
        8,
        "domains",
        256,
        stargan_v2.StarGANv2,
        _stargan_v2_step,
        8,
        references=True,
    ),
    "dcgan": System(
        "DCGAN",
        "Images",
        128,
        "plain",
        64,
        steps.DCGAN,
        lambda program, batch, _: program.step(
            batch.images, batch.images.new_empty(len(batch.images), 100).normal_()
        ),
        128,
    ),
    "esrgan": _esrgan(16),
    "esrgan_b2": _esrgan(2),
}
"""Name -> system."""

ON_A_CPU = tuple(SYSTEMS)
"""Names of those that are measured where nothing else is said."""

SYSTEMS |= {
    "stylegan2_256": replace(SYSTEMS["stylegan2"], size=256, plain=lambda: StyleGAN2(256, gamma=1.6384)),
    "r3gan_64": replace(
        SYSTEMS["r3gan"],
        size=64,
        batch_size=64,
        images=64,
        plain=lambda: R3GAN(widths=(768, 768, 768, 768, 384), blocks=(2, 2, 2, 2, 2)),
    ),
}
SYSTEMS |= {
    "cyclegan_32": replace(SYSTEMS["cyclegan"], size=32),
    "cut_64": replace(SYSTEMS["cut"], size=64),
    "stargan_64": replace(_stargan(2), size=64, plain=lambda: steps.StarGAN(64, attributes=2)),
    "dcgan_b8": replace(SYSTEMS["dcgan"], batch_size=8, images=8),
    "esrgan_8": _esrgan(2, size=8),
    "stylegan2_8": replace(SYSTEMS["stylegan2"], size=8, plain=lambda: StyleGAN2(8, gamma=0.0016)),
    "r3gan_8": replace(SYSTEMS["r3gan"], size=8, plain=lambda: R3GAN(widths=(768, 768), blocks=(2, 2))),
}


def faces(change: str, size: int) -> npt.NDArray[np.uint8]:
    """Return images (FACES, size, size, 3): drawn faces, or noise where what draws them is not installed."""
    try:
        return draw_faces(face_seeds("train", "benchmark", FACES), size, change=change).images
    except ImportError:
        return np.random.default_rng(len(change)).integers(0, 256, (FACES, size, size, 3), np.uint8)


def write_images(system: System, folder: Path) -> Path:
    """Write the jpg files of a system, once, and return their root."""
    count = BATCHES * system.batch_size
    size = system.scale * system.size
    root = folder / f"{system.layout}_{size}_{count}"
    if root.exists():
        return root
    dark, fair = faces("black_hair", size), faces("blond_hair", size)
    pairs = np.concatenate([dark, fair], 2)
    pictures = {
        "unpaired": {"trainA": dark, "trainB": fair, "testA": dark, "testB": fair},
        "paired": {"train": pairs, "val": pairs},
        "domains": {
            f"{split}/{name}": images
            for split in ("train", "test")
            for name, images in (("black_hair", dark), ("blond_hair", fair))
        },
        "plain": {".": dark},
    }[system.layout]
    partial = root.with_name(f".{root.name}.part")
    for name, images in pictures.items():
        (partial / name).mkdir(parents=True, exist_ok=True)
        for index in range(8 if "test" in name or name == "val" else count):
            face = images[index % len(images)]
            Image.fromarray(face).save(partial / name / f"{index:05d}.jpg", quality=95)
    partial.rename(root)
    return root
