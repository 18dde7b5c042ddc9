"""A trained variant reduced to what exploring its latent space takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gans import load
from gans.base import AdversarialModule
from gans.cli.errors import UsageError
from gans.inference import seeded_noise
from gans.protocol import HasLatent

BATCH = 64  # latents decoded at once


class Decoder:
    """Makes latents of seeds and images of latents, all of one class where the variant knows classes.

    Walks go through standard normal noise, where every direction is alike; it is the latent itself of a GAN,
    and is spread like the codes of the training images for an auto-encoder.

    Args:
        model: a variant with a latent.
        label: class of all images, for variants that were trained with classes.
        **options: what else the variant's `decode` takes, such as a truncation.

    Attributes:
        latent_size: number of values L in a latent.
    """

    def __init__(self, model: HasLatent, label: int | None = None, **options: Any) -> None:
        self._model = model
        self._label = label
        self._decode_rows: Callable[..., Tensor] = partial(model.decode, **options)
        self.latent_size = model.latent_size

    def latents(self, seeds: Sequence[int]) -> Tensor:
        """Return the latents (N, L) of seeds."""
        return self._model.latents(seeds)

    def noise(self, seeds: Sequence[int]) -> Tensor:
        """Return the standard normal noise (N, L) that the latents of seeds are made of."""
        return seeded_noise(seeds, self.latent_size)

    @torch.no_grad()
    def from_noise(self, noise: Tensor) -> Tensor:
        """Return the latents (..., L) at standard normal noise (..., L)."""
        rows = self._model.from_noise(noise.reshape(-1, self.latent_size))
        return rows.view(noise.shape)

    @torch.no_grad()
    def __call__(self, latents: Tensor) -> Tensor:
        """Return the images (..., C, H, W) in [-1, 1] of latents (..., L), on the CPU."""
        rows = latents.reshape(-1, self.latent_size)
        images = torch.cat([self._decode(part) for part in rows.split(BATCH)]).float().cpu()
        return images.view(*latents.shape[:-1], *images.shape[1:])

    def _decode(self, rows: Tensor) -> Tensor:
        labels = None if self._label is None else torch.full((len(rows),), self._label)
        return self._decode_rows(rows, labels)

    def check_axes(self, axes: Sequence[int]) -> None:
        """Refuse axes that the latent does not have.

        Raises:
            UsageError: names the axis and those there are.
        """
        for axis in axes:
            if not 0 <= axis < self.latent_size:
                raise UsageError(
                    f"--axes {axis}: a latent of this model has {self.latent_size} axes, 0 to "
                    f"{self.latent_size - 1}."
                )


def open_decoder(path: str | Path, label: int | None = None) -> Decoder:
    """Return the decoder in a checkpoint; of a model with classes that of class 0, if no other is given.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is no checkpoint of this project, or of a variant without a latent.
        UsageError: if it has no class of this label.
    """
    model: AdversarialModule = load(path)
    name = type(model).__name__
    if not isinstance(model, HasLatent):
        raise ValueError(
            f"{path} holds a {name}, which has no latent to explore. Variants such as DCGAN and VAE have one."
        )
    if model.hparams.get("image_size") == 1:
        raise ValueError(f"{path} holds a {name} of points in the plane: there are no pictures to show.")
    classes = model.hparams.get("classes", 0)
    if label is not None and not 0 <= label < classes:
        known = f"its classes are 0 to {classes - 1}" if classes else "it was trained without classes"
        raise UsageError(f"--label {label}: {path} holds a {name}; {known}.")
    return Decoder(model, 0 if classes and label is None else label)
