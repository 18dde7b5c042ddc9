"""A trained variant reduced to what exploring its latent space takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gans import load
from gans.base import AdversarialModule
from gans.cli.errors import UsageError
from gans.inference import seeded_noise
from gans.protocol import HasLatent, HasStyles
from gans.tools.latents.first_layer import first_layer_weights
from gans.tools.latents.paths import PATHS, Way, linear

BATCH = 64  # latents decoded at once
MEASURED = 1000  # latents whose spread is taken for that of all


class Decoder:
    """Makes latents of seeds and images of latents, all of one class where the variant knows classes.

    Walks go through standard normal noise, where every direction is alike; it is the latent itself of a GAN,
    and is spread like the codes of the training images for an auto-encoder.

    Args:
        model: a variant with a latent.
        label: class of all images, for variants that were trained with classes.
        **options: what else the variant's `decode` takes, such as a truncation.

    Attributes:
        space: name of the space that latents lie in.
        latent_size: number of values L in a latent.
        paths: ways from one point of noise to another, by name.
    """

    space = "z"
    paths: Mapping[str, Way] = PATHS

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
        rows = latents.flatten(0, -2)
        images = torch.cat([self._decode(part) for part in rows.split(BATCH)]).float().cpu()
        return images.view(*latents.shape[:-1], *images.shape[1:])

    def differentiable(self, latents: Tensor) -> Tensor:
        """Return the images (N, C, H, W) of latents (N, L) that ask for a gradient, not cut to [-1, 1]."""
        return self._decode(latents)

    def free_noise(self, generator: torch.Generator) -> list[Tensor]:
        """Draw what an image depends on beside its latent; nothing but among styles."""
        return []

    def with_noise(self, noise: list[Tensor]) -> Decoder:
        """Return the decoder with this noise for the layers, as `free_noise` draws it."""
        return self

    def first_weights(self, layers: Sequence[int] | None = None) -> Tensor:
        """Return the weights (features, L) by which the network begins.

        Args:
            layers: of a model with styles, whose weights are wanted; by default all.

        Raises:
            UsageError: if layers are given, and there are none.
            ValueError: if it does not begin with a linear layer.
        """
        if layers is not None:
            raise UsageError("--layers is for models with styles, such as StyleGAN2, and not for --space z.")
        assert isinstance(self._model, nn.Module)
        return first_layer_weights(self._model, self._decode, self.latents([0]))

    def spread(self, directions: Tensor) -> Tensor:
        """Return the standard deviation of the latents of `MEASURED` seeds along directions (K, L): (K,)."""
        return (self.latents(range(MEASURED)) @ directions.t()).std(0)

    def _decode(self, rows: Tensor) -> Tensor:
        return self._decode_rows(rows, self._labels(len(rows)))

    def _labels(self, count: int) -> Tensor | None:
        return None if self._label is None else torch.full((count,), self._label)

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


class StyleDecoder(Decoder):
    """A variant with styles, explored among these: a latent is the w of all layers (L), or of each in turn.

    The noise that walks go through is where a w lies among those of seeds, axis by axis: how many standard
    deviations from the mean w of the training, which `truncate` so draws in to. In w, where what images show
    is less entangled than in z, the way from one to another is a straight line.

    Args:
        model: a variant with styles.
        label: see `Decoder`.
        truncation: see `HasStyles`.
        noise: of the layers: what `decode_styles` takes.

    Attributes:
        layers: that take a w.
    """

    space = "w"
    paths: Mapping[str, Way] = {"linear": linear}

    def __init__(
        self, model: HasStyles, label: int | None = None, truncation: float = 1.0, noise: Any = "constant"
    ) -> None:
        super().__init__(model, label)
        self._styled, self._truncation, self._noise_of_layers = model, truncation, noise
        self.latent_size, self.layers = model.style_size, model.style_layers
        self.mean = model.mean_style.float().cpu()

    def latents(self, seeds: Sequence[int]) -> Tensor:
        """Return the w of seeds, (N, L)."""
        return self.styles_of(self._styled.latents(seeds))

    def styles_of(self, latents: Tensor) -> Tensor:
        """Return the w (N, L) of latents z (N, latent_size)."""
        styles = self._styled.styles(latents, self._labels(len(latents)), self._truncation)
        return styles[:, 0].float().cpu()

    def noise(self, seeds: Sequence[int]) -> Tensor:
        """Return where the w of seeds lie, in standard deviations from the mean w, (N, L)."""
        return (self.latents(seeds) - self.mean) / self._deviation

    def from_noise(self, noise: Tensor) -> Tensor:
        """Return the w (..., L) so many standard deviations (..., L) from the mean one."""
        return self.mean + noise * self._deviation

    @cached_property
    def _deviation(self) -> Tensor:
        return self.latents(range(MEASURED)).std(0).clamp_min(torch.finfo(torch.float32).tiny)

    def free_noise(self, generator: torch.Generator) -> list[Tensor]:
        """Draw noise for each layer that takes some, (1, 1, H, W)."""
        return [torch.randn(1, 1, *size, generator=generator) for size in self._styled.noise_sizes]

    def with_noise(self, noise: list[Tensor]) -> Decoder:
        """Return the decoder with this noise for the layers."""
        other = copy(self)
        other._noise_of_layers = noise
        return other

    def first_weights(self, layers: Sequence[int] | None = None) -> Tensor:
        """Return the weights (features, L) by which layers take their styles; by default those of all."""
        weights = self._styled.style_weights()
        chosen = self.chosen(range(self.layers) if layers is None else layers)
        return torch.cat([weights[layer] for layer in chosen.nonzero()[:, 0]]).float().cpu()

    def chosen(self, layers: Sequence[int]) -> Tensor:
        """Return which layers are among some, (layers,) of bool.

        Raises:
            UsageError: if there is no such layer, or none is named.
        """
        if not layers or not 0 <= min(layers) <= max(layers) < self.layers:
            raise UsageError(
                f"--layers {' '.join(map(str, layers))}: this model has {self.layers} layers, 0 to "
                f"{self.layers - 1}; name some of them."
            )
        chosen = torch.zeros(self.layers, dtype=torch.bool)
        chosen[list(layers)] = True
        return chosen

    def _decode(self, rows: Tensor) -> Tensor:
        of_layers = rows if rows.shape[1] == self.latent_size else rows.unflatten(1, (-1, self.latent_size))
        return self._styled.decode_styles(of_layers, self._noise_of_layers)


def decoder_of(
    model: HasLatent, label: int | None = None, space: str | None = None, **options: Any
) -> Decoder:
    """Return the decoder of a model: among its styles w, if it has some, unless the space is to be z.

    Args:
        model: a variant with a latent.
        label: class of all images, for variants that were trained with classes.
        space: z or w.
        **options: see `Decoder` and `StyleDecoder`.

    Raises:
        UsageError: if the model has no w.
    """
    if space != "z" and isinstance(model, HasStyles):
        return StyleDecoder(model, label, **options)
    if space == "w":
        raise UsageError(f"--space w: a {type(model).__name__} has latents z alone; StyleGAN2 has styles w.")
    return Decoder(model, label, **options)


def open_decoder(path: str | Path, label: int | None = None, space: str | None = None) -> Decoder:
    """Return the decoder in a checkpoint; of a model with classes that of class 0, if no other is given.

    Args:
        path: of the checkpoint.
        label: class of all images.
        space: see `decoder_of`.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is no checkpoint of this project, or of a variant without a latent.
        UsageError: if it has no class of this label, or no such space.
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
    return decoder_of(model, 0 if classes and label is None else label, space)
