"""What the variants that make images from noise share: GAN, DCGAN and WGAN-GP."""

from __future__ import annotations

from typing import Any
from zlib import crc32

import torch
from torch import Tensor

from datamodules.images.batches import ImageBatch
from gans.families.regularised import RegularisedGAN
from gans.inference import evaluating
from gans.networks.joined import forward_joined
from gans.pictures.scatter import scatter
from gans.protocol import Comparison, Grid
from gans.training.arguments import NOT_NEGATIVE, check_ranges


class NoiseToImage(RegularisedGAN):
    """Base of the variants that learn to make images like the training images from noise.

    In every step the discriminator learns from a batch and as many fakes, made of fresh noise from N(0, I);
    in every `discriminator_steps`-th the generator then learns from the same fakes, scored by the updated
    discriminator. With `classes` both networks are given labels (N,) int64 too: the fakes of a step those of
    its batch. An image_size of 1 stands for points in the plane, which are not bounded.

    Args:
        classes: number of classes; taken from the data on the command line. 0 learns without labels.
        **shared: the other arguments of `RegularisedGAN` and `AdversarialModule`.

    Raises:
        ValueError: if an argument is out of range, or regularisers do not fit objective or discriminator.
    """

    batch_type = ImageBatch

    def __init__(self, classes: int = 0, **shared: Any) -> None:
        super().__init__(**shared)
        check_ranges(self.hparams, {"classes": NOT_NEGATIVE})

    def produce(self, batch: ImageBatch) -> Tensor:
        """Make fakes, once for both players; without a graph in steps in which the generator rests."""
        with torch.set_grad_enabled(self._is_due(self.players[1])):
            noise = self.noise(len(batch.images))
            fake: Tensor = self.generator(noise, self._labels(batch))
        return fake

    def discriminator_terms(self, batch: ImageBatch, fake: Tensor) -> dict[str, Tensor]:
        """Return the adversarial loss, the sum of its parts on real and fake, and the weighted penalties."""
        labels = self._labels(batch)
        real, fake = self.shown(batch.images), self.shown(fake.detach())
        scores = forward_joined(self.discriminator, real, fake, labels=labels)
        return {"adversarial": self.objective.discriminator(*scores)} | self.penalties(real, fake, labels)

    def generator_terms(self, batch: ImageBatch, fake: Tensor) -> dict[str, Tensor]:
        """Return the adversarial loss."""
        shown = (fake, batch.images) if self.objective.needs_real else (fake,)
        scores = forward_joined(self.discriminator, *map(self.shown, shown), labels=self._labels(batch))
        return {"adversarial": self.objective.generator(*scores)}

    def comparisons(self, batch: ImageBatch) -> dict[str, Comparison]:
        """Return as many samples as there are images; the latent of each by the name of its image.

        So they are the same in batches of any size and on any number of processes.
        """
        seeds = [crc32(name.encode()) for name in batch.names]
        fake = self.decode(self.latents(seeds), self._labels(batch))
        return {"samples": Comparison(fake, batch.images)}

    def grids(self, batch: ImageBatch) -> dict[str, Grid]:
        """Return samples of fixed seeds, or, of points, as many as the batch has, drawn over it."""
        if self.hparams["image_size"] > 1:
            return {"samples": self.sample_grid(len(batch.images))}
        with evaluating(self.discriminator):
            picture = scatter(self.sample(len(batch.images)), batch.images, self.discriminator)
        return {"points": Grid({"generated over real": picture})}

    def _labels(self, batch: ImageBatch) -> Tensor | None:
        """Return the labels that the networks are given: none without classes."""
        return batch.labels if self.hparams["classes"] else None
