"""What the variants share whose generator turns latents into images, GAN-CLS and those from noise alone."""

from __future__ import annotations

from typing import Any, ClassVar
from zlib import crc32

import torch
from torch import Tensor, nn

from datamodules.images.batches import ImageBatch
from gans.families.from_latents import FromLatents
from gans.families.regularised import Regularised
from gans.inference import evaluating
from gans.losses import adversarial
from gans.networks.joined import forward_joined
from gans.networks.sizes import Side
from gans.pictures.scatter import scatter
from gans.protocol import Comparison, Grid
from gans.sampling.joined_noise import joined_noise
from gans.training.arguments import LATENT_RANGES, NOT_NEGATIVE, check_ranges
from gans.training.combinations import refuse_wrong_objective
from gans.training.turns import Player, Turn


class LatentGAN(Regularised, FromLatents):
    """Base of the variants whose generator turns latents N(0, I), and maybe a condition, into images.

    In every step the discriminator learns; in every `discriminator_steps`-th the generator then learns, by
    the updated discriminator.

    A variant builds two networks, (latents, condition) to images and (images, condition) to scores, and hands
    them to `play`. Noise is drawn for the joined batch of all processes, of which each takes its rows, so
    that several processes learn the same as one.

    Images are (N, channels, image_size, image_size) in [-1, 1], latents (N, latent_size).

    Args:
        channels: channels of the images; taken from the data on the command line.
        image_size: their edge in pixels, or height and width; likewise.
        latent_size: numbers in a latent.
        objective: the adversarial losses, see `gans.losses.adversarial`.
        discriminator_steps: steps of the discriminator for each step of the generator.
        label_smoothing: how far the discriminator's target for real images lies under 1, such as 0.1
            (one-sided: Salimans et al. 2016, arXiv:1606.03498).
        **shared: the arguments of `Regularised` and `AdversarialModule`.

    Raises:
        ValueError: if an argument is out of range, or regularisers do not fit objective or discriminator.
    """

    players: ClassVar[tuple[Player, ...]] = (
        Player("discriminator", ("discriminator",)),
        Player("generator", ("generator",)),
    )
    turns: ClassVar[tuple[Turn, ...]] = (
        Turn("discriminator"),
        Turn("generator", every="discriminator_steps"),
    )
    objective: adversarial.Objective
    generator: nn.Module
    discriminator: nn.Module

    def __init__(
        self,
        channels: int = 3,
        image_size: Side = 64,
        latent_size: int = 100,
        objective: adversarial.ObjectiveName = "non_saturating",
        discriminator_steps: int = 1,
        label_smoothing: float = 0.0,
        **shared: Any,
    ) -> None:
        super().__init__(**shared)
        check_ranges(self.hparams, LATENT_RANGES)
        self.latent_size = latent_size

    def play(self, generator: nn.Module, discriminator: nn.Module) -> None:
        """Take the two networks of a variant, initialised; to be called once, at the constructor's end.

        Raises:
            ValueError: if objective or discriminator cannot be regularised as asked.
        """
        refuse_wrong_objective(self.hparams)
        smoothed = 1 - self.hparams["label_smoothing"]
        self.objective = adversarial.objective(self.hparams["objective"], real_target=smoothed)
        self.generator, self.discriminator = generator, self.bounded(discriminator)

    def noise(self, count: int) -> Tensor:
        """Draw the latents (count, latent_size) of a training batch, where the module is."""
        return joined_noise(self, count, self.latent_size)


class NoiseToImage(LatentGAN):
    """Base of the variants that learn to make images like the training images from noise.

    In every step the discriminator learns from a batch and as many fakes, made of fresh noise from N(0, I);
    in every `discriminator_steps`-th the generator then learns from the same fakes, scored by the updated
    discriminator. With `classes` both networks are given labels (N,) int64 too: the fakes of a step those of
    its batch. An image_size of 1 stands for points in the plane, which are not bounded.

    Args:
        classes: number of classes; taken from the data on the command line. 0 learns without labels.
        **shared: the other arguments of `LatentGAN`, `Regularised` and `AdversarialModule`.

    Raises:
        ValueError: if an argument is out of range, or regularisers do not fit objective or discriminator.
    """

    batch_type = ImageBatch
    facts_of_its_own = ("image_size", "classes")

    def __init__(self, classes: int = 0, **shared: Any) -> None:
        super().__init__(**shared)
        check_ranges(self.hparams, {"classes": NOT_NEGATIVE})

    def produce(self, batch: ImageBatch) -> Any:
        """Make fakes, once for both players; without a graph in steps in which the generator rests."""
        with torch.set_grad_enabled(self.is_due("generator")):
            noise = self.noise(len(batch.images))
            fake: Tensor = self.generator(noise, self.labels_of(batch))
        return fake

    def discriminator_terms(self, batch: ImageBatch, fake: Any) -> dict[str, Tensor]:
        """Return the adversarial loss, the sum of its parts on real and fake, and the weighted penalties."""
        labels = self.labels_of(batch)
        real, fake = self.shown(batch.images), self.shown(fake.detach())
        scores = forward_joined(self.discriminator, real, fake, labels=labels)
        return {"adversarial": self.discriminator_loss(*scores)} | self.penalties(
            lambda images: self.discriminator(images, labels), real, fake
        )

    def generator_terms(self, batch: ImageBatch, fake: Any) -> dict[str, Tensor]:
        """Return the adversarial loss."""
        shown = (fake, batch.images) if self.objective.needs_real else (fake,)
        scores = forward_joined(self.discriminator, *map(self.shown, shown), labels=self.labels_of(batch))
        return {"adversarial": self.objective.generator(*scores)}

    def comparisons(self, batch: ImageBatch) -> dict[str, Comparison]:
        """Return as many samples as there are images; the latent of each by the name of its image.

        So they are the same in batches of any size and on any number of processes.
        """
        seeds = [crc32(name.encode()) for name in batch.names]
        fake = self.decode(self.latents(seeds), self.labels_of(batch))
        return {"samples": Comparison(fake, batch.images)}

    def grids(self, batch: ImageBatch) -> dict[str, Grid]:
        """Return samples of fixed seeds, or, of points, as many as the batch has, drawn over it."""
        if self.hparams["image_size"] != 1:
            return {"samples": self.sample_grid(len(batch.images))}
        with evaluating(self.discriminator):
            picture = scatter(self.sample(len(batch.images)), batch.images, self.discriminator)
        return {"points": Grid({"generated over real": picture})}

    def labels_of(self, batch: ImageBatch) -> Tensor | None:
        """Return the labels that the networks are given: none without classes."""
        return batch.labels if self.hparams["classes"] else None
