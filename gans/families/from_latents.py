"""What the variants that decode latents into images share: samples by seed, their grid and their files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from datamodules.images.batches import SampleBatch
from gans.base import AdversarialModule
from gans.inference import consecutive, evaluating, seeded_noise
from gans.protocol import Grid, Predictions

DECODED_AT_ONCE = 256  # images: bounds the memory of large samples
CLASSES_SHOWN = 16  # columns of a sample grid


def cut(images: Tensor) -> Tensor:
    """Return images of a network that bounds none, cut to [-1, 1]; as they are where a gradient is wanted.

    None goes through the pixels that a cut changes.
    """
    return images if images.requires_grad else images.clamp(-1, 1)


class FromLatents(AdversarialModule):
    """Base of the variants with a network that decodes latents N(0, I) into images.

    It is the network that `decoder` names; its forward takes latents (N, latent_size) and, in a model with
    the argument `classes` above 0, labels (N,). A seed gives the same latent on any machine.

    Attributes:
        latent_size: numbers in a latent; to be set by the variant.
    """

    decoder: ClassVar[str] = "generator"
    latent_size: int

    def latents(self, seeds: Sequence[int]) -> Tensor:
        """Return the latents of seeds, (N, latent_size) on the CPU; row i depends on seed i alone."""
        return self.from_noise(seeded_noise(seeds, self.latent_size))

    def from_noise(self, noise: Tensor) -> Tensor:
        """Return the latents at standard normal noise (N, latent_size): the noise itself."""
        return noise

    def decode(self, latents: Tensor, condition: Tensor | None = None, **options: Any) -> Tensor:
        """Return the images of latents, by the averaged network if there is one.

        Args:
            latents: (N, latent_size), of any device and precision. Where they ask for a gradient, as to find
                those of a given image, one goes through the network, and the images are not cut to [-1, 1].
            condition: labels (N,) of classes, which a model with classes needs and another one does not take;
                or what else a variant is given beside the latents.
            **options: what else its network takes.

        Returns:
            (N, channels, image_size, image_size) in [-1, 1], where the module is.

        Raises:
            ValueError: if the latents have another shape, or the condition is not what the model needs.
        """
        network = self.averaged(self.decoder)
        given = self.given_to_decoder(latents, condition)
        parts = zip(*(part.split(DECODED_AT_ONCE) for part in given), strict=True)
        with evaluating(network), torch.set_grad_enabled(latents.requires_grad):
            return torch.cat([network(*part, **options) for part in parts])

    def given_to_decoder(self, latents: Tensor, condition: Tensor | None = None) -> list[Tensor]:
        """Return latents, and the condition of a model that takes one, where its network is.

        Raises:
            ValueError: as `decode` does.
        """
        if latents.ndim != 2 or latents.shape[1] != self.latent_size:
            raise ValueError(f"Latents are (N, {self.latent_size}), not of shape {tuple(latents.shape)}.")
        given = [latents.to(next(self.averaged(self.decoder).parameters()))]
        if self.takes_condition(condition, len(latents)):
            assert condition is not None
            given.append(condition.to(self.device))
        return given

    def sample(self, count: int, seed: int = 0, labels: Tensor | None = None) -> Tensor:
        """Make images without a trainer or data module.

        Args:
            count: how many.
            seed: image i is that of seed + i, whatever the count.
            labels: (count,) classes; by default (seed + i) modulo the number of classes.

        Returns:
            (count, channels, image_size, image_size) in [-1, 1], where the module is.

        Raises:
            ValueError: if the count is negative, or the labels are not those that the model needs.
        """
        return self.made_of(consecutive(count, seed), labels)

    def sample_grid(self, rows: int) -> Grid:
        """Return samples of fixed seeds, from 0, as a picture.

        Without classes it has as many columns as rows, and shows in order what `sample(rows * rows)` makes;
        with classes there is one column for each of the first 16, and each row shows one latent in all of
        them.
        """
        classes = min(self._classes, CLASSES_SHOWN)
        if classes:
            columns = {
                f"class {label}": self.sample(rows, labels=torch.full((rows,), label))
                for label in range(classes)
            }
            return Grid(columns, [f"seed {row}" for row in range(rows)])
        samples = self.sample(rows * rows)
        columns = {f"+ {column}": samples[column::rows] for column in range(rows)}
        return Grid(columns, [f"seed {row * rows}" for row in range(rows)])

    def predict_step(self, batch: SampleBatch, batch_idx: int) -> Predictions:
        """Make the images of a batch of seeds.

        Raises:
            ValueError: if the data module delivers images to translate instead.
        """
        if not isinstance(batch, SampleBatch):
            raise ValueError(
                f"{type(self).__name__} makes images of seeds and translates none: leave data.predict_dir "
                "out, and say by data.predict_count how many to make."
            )
        return Predictions(self.predicted(batch.seeds.tolist()), list(batch.names))

    def predicted(self, seeds: Sequence[int]) -> Tensor:
        """Return the samples that `predict` writes: those of seeds."""
        return self.made_of(seeds)

    @property
    def _classes(self) -> int:
        classes: int = self.hparams.get("classes", 0)
        return classes

    def made_of(self, seeds: Sequence[int], labels: Tensor | None = None, **options: Any) -> Tensor:
        """Return the images of seeds; of a model with classes of those labels, or else of all in turn."""
        if labels is None and self._classes:
            labels = torch.tensor([seed % self._classes for seed in seeds], dtype=torch.int64)
        return self.decode(self.latents(seeds), labels, **options)

    def takes_condition(self, condition: Tensor | None, count: int) -> bool:
        """Tell whether the network takes a condition of `count` images; refuse one that it cannot take."""
        if not self._classes and condition is not None:
            raise ValueError(f"This {type(self).__name__} was trained without classes: it takes no labels.")
        if not self._classes:
            return False
        if condition is None or condition.shape != (count,):
            given = "none" if condition is None else f"labels of shape {tuple(condition.shape)}"
            raise ValueError(f"{count} images need one class each, labels of shape ({count},), not {given}.")
        if count and not 0 <= int(condition.min()) <= int(condition.max()) < self._classes:
            raise ValueError(
                f"Labels are classes from 0 to {self._classes - 1}; these reach from {int(condition.min())} "
                f"to {int(condition.max())}."
            )
        return True
