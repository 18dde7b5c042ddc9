"""The systems that are measured: the plain step, our variant, and the images that both see."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
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


def _esrgan(batch_size: int) -> System:
    """Return ESRGAN at scale 4, without the perceptual loss, the weights of which may be absent."""
    return System(
        "ESRGAN",
        "SharpImages",
        batch_size,
        "plain",
        32,
        steps.ESRGAN,
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
        lambda program, batch, _: program.step(
            *batch.images.chunk(2), *batch.images.new_empty(8, 64).normal_().chunk(2)
        ),
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


def write_images(system: System, folder: Path) -> Path:
    """Write the jpg files of a system, once, and return their root."""
    count = BATCHES * system.batch_size
    size = system.scale * system.size
    root = folder / f"{system.layout}_{size}_{count}"
    if root.exists():
        return root
    seeds = face_seeds("train", "benchmark", FACES)
    dark = draw_faces(seeds, size, change="black_hair").images
    fair = draw_faces(seeds, size, change="blond_hair").images
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
