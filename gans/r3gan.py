"""R3GAN: a plain residual GAN held by a relativistic loss and two penalties (arXiv:2501.05441)."""

from __future__ import annotations

import math
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from datamodules.images.batches import ImageBatch
from gans.families.from_latents import cut
from gans.families.noise_to_image import NoiseToImage
from gans.losses.adversarial import ObjectiveName
from gans.losses.penalties import gradient_penalty, interpolate, scores_and_slopes
from gans.networks.joined import forward_joined
from gans.networks.r3gan import R3GANDiscriminator, R3GANGenerator
from gans.networks.sizes import doublings
from gans.training.arguments import AT_LEAST_ONE, NOT_NEGATIVE, Range, check_ranges
from gans.training.schedules import half_cosine, training_length
from gans.training.turns import Player

FULL_WIDTH = 3  # number of the last stage of full width, from 0: that of 32 pixels

RANGES: dict[str, Range] = {
    "width": AT_LEAST_ONE,
    "schedule_images": (lambda count: count is None or count >= 1, "counts images, so it is 1 or more"),
    "final_rate_share": NOT_NEGATIVE,
    "final_beta2": (lambda beta: 0 <= beta < 1, "lies in [0, 1), for example 0.99"),
    "final_penalty_share": NOT_NEGATIVE,
    "ema_share": NOT_NEGATIVE,
}


class Seen(NamedTuple):
    """What one player looks at: real images, and noise and labels (or None) of the fakes beside them."""

    images: Tensor
    noise: Tensor
    labels: Tensor | None


class R3GAN(NoiseToImage):
    """Learns to make images by a game that converges without tricks: no norm, no style, no noise inputs.

    Each real image is compared with a fake (the relativistic loss), and the discriminator's gradients are
    held at reals (R1) and fakes (R2) in every step, taken on images before any augmentation. Discriminator
    and generator see different reals and different noise; a fake has the label of the real beside it. Both
    have Adam(2e-4, 0, 0.9).

    Five things move with the images that the discriminator has seen, each along half a cosine that is over
    after `schedule_images`: rates, Adam's second beta, the weights of the penalties, how long the averages
    of the generator last, and, with `augment` scheduled, the probability of augmentation (`augment_share` has
    no meaning then).

    Paper: Huang et al. 2024, arXiv:2501.05441, configuration E; configs/paper/r3gan_*.yaml are its five
    published settings.

    Args:
        image_size: edge of the images in pixels, a power of two from 16; taken from the data.
        latent_size: numbers in a latent.
        width: channels of the stages up to 32 pixels; each finer stage has half of the one before.
        widths: instead, channels of every stage from 4x4 pixels up, log2(image_size) - 1 of them.
        group_width: inner channels of a block (twice its width) that a group of its 3x3 convolution sees.
        blocks: residual blocks of each stage; or a list, of every stage from 4x4 pixels up.
        separate_batches: learn from two batches in a step, as the official program: the first half of what
            the data deliver is the discriminator's, the second the generator's, and of an odd number both
            see the middle one. Several processes learn the same as one if each has an even number. False
            lets both players see all of one batch, with noise of their own: half of the images to read, and
            the generator meets the reals that the discriminator has just learnt from.
        objective: see `LatentGAN`.
        r1_weight: gamma at the start, at real images; the published ones grow with the resolution, from 0.05
            (CIFAR-10) over 2 (64 pixels) to 150 (256 pixels).
        r2_weight: the same at fakes.
        schedule_images: images after which everything has come to its end; by default all of the training's.
        final_rate_share: what is left of the learning rates at the end.
        final_beta2: Adam's second beta at the end; it begins at that of `betas`.
        final_penalty_share: what is left of the penalties' weights at the end.
        ema_share: images over which an average of the generator loses half of its past, at the end, as a
            share of `schedule_images`; at the start it is the generator itself. 0 keeps no average, and a
            constant `ema_decay` above 0 is taken instead.
        learning_rate: see `AdversarialModule`.
        betas: see `AdversarialModule`.
        **shared: the other arguments of `NoiseToImage`, `Regularised` and `AdversarialModule`.

    Raises:
        ValueError: if an argument is out of range, or the widths do not fit the images.
    """

    def __init__(
        self,
        image_size: int = 64,
        latent_size: int = 64,
        width: int = 768,
        widths: list[int] | None = None,
        group_width: int = 16,
        blocks: int | list[int] = 2,
        separate_batches: bool = True,
        objective: ObjectiveName = "relativistic",
        r1_weight: float = 2.0,
        r2_weight: float = 2.0,
        schedule_images: int | None = None,
        final_rate_share: float = 0.25,
        final_beta2: float = 0.99,
        final_penalty_share: float = 0.1,
        ema_share: float = 0.025,
        learning_rate: float = 2e-4,
        betas: tuple[float, float] = (0.0, 0.9),
        **shared: Any,
    ) -> None:
        super().__init__(
            image_size=image_size,
            latent_size=latent_size,
            objective=objective,
            r1_weight=r1_weight,
            r2_weight=r2_weight,
            learning_rate=learning_rate,
            betas=betas,
            **shared,
        )
        check_ranges(self.hparams, RANGES)
        stages = 1 + doublings(image_size)
        channels, classes = self.hparams["channels"], self.hparams["classes"]
        shape = widths or _widths(width, stages), blocks if isinstance(blocks, list) else [blocks] * stages
        _refuse_other_stages(image_size, stages, widths=shape[0], blocks=shape[1])
        self.play(
            R3GANGenerator(*shape, latent_size, channels, group_width, classes),
            R3GANDiscriminator(
                *shape, channels, group_width, classes, identity=not self.hparams["spectral_norm"]
            ),
        )
        self._schedule_steps = math.inf

    def on_train_start(self) -> None:
        """Find out how long the training is, over which all moves where no number of images is given."""
        super().on_train_start()
        length = training_length(self.trainer, "step", self.hparams["accumulate"])
        if length is None and self.hparams["schedule_images"] is None:
            raise ValueError(
                "Rates, penalties and averages move until the end of the training, but this one has no end: "
                "set --model.schedule_images, --trainer.max_epochs or --trainer.max_steps."
            )
        self._schedule_steps = length or math.inf

    def on_train_batch_start(self, batch: ImageBatch, batch_idx: int) -> None:
        """Prepare a step; the size of its batch says how many steps a number of images is."""
        if self.hparams["schedule_images"] is not None:
            seen = self.images_judged(batch) * self.trainer.world_size
            self._schedule_steps = self.hparams["schedule_images"] / (seen * self.hparams["accumulate"])
        super().on_train_batch_start(batch, batch_idx)

    def scheduled(self, begin: float, end: float) -> float:
        """Return what is on its way from `begin` to `end`, as it is in the step that is to come."""
        return half_cosine(begin, end, self.global_step / self._schedule_steps)

    def settings_of(self, player: Player) -> dict[str, Any]:
        """Return the player's rate, betas and weight decay as they are in the step that is to come."""
        settings = super().settings_of(player)
        beta1, beta2 = settings["betas"]
        share = self.scheduled(1, self.hparams["final_rate_share"])
        return settings | {
            "learning_rate": share * settings["learning_rate"],
            "betas": (beta1, self.scheduled(beta2, self.hparams["final_beta2"])),
        }

    def augment_probability(self) -> float:
        """Return how probable each transform is, scheduled as all the rest where that is asked for."""
        if self.hparams["augment"] != "scheduled":
            return super().augment_probability()
        begin, end = (self.hparams[f"augment_{name}"] for name in ("probability", "final_probability"))
        return self.scheduled(begin, end)

    def keeps_averages(self) -> bool:
        """Tell whether averages of the generator are kept."""
        return super().keeps_averages() or self.hparams["ema_share"] > 0

    def averaging_weight(self) -> float:
        """Return how far averages move, by the half-life that held in the step just counted."""
        if super().keeps_averages():
            return super().averaging_weight()
        progress = (self.global_step - 1) / self._schedule_steps
        half_life = half_cosine(0, self.hparams["ema_share"] * self._schedule_steps, progress)  # in steps
        return 1 - 0.5 ** (1 / half_life) if half_life else 1.0

    def images_judged(self, batch: ImageBatch) -> int:
        """Return how many images of a batch the discriminator learns from."""
        return len(self._halves(batch.images)[0])

    def produce(self, batch: ImageBatch) -> tuple[Seen, Seen]:
        """Deal reals, labels and noise out to discriminator and generator."""
        images, labels = self._halves(batch.images), self.labels_of(batch)
        noise = self.noise(2 * len(images[0])).chunk(2)
        dealt = (None, None) if labels is None else self._halves(labels)
        return Seen(images[0], noise[0], dealt[0]), Seen(images[1], noise[1], dealt[1])

    def discriminator_terms(self, batch: ImageBatch, seen: tuple[Seen, Seen]) -> dict[str, Tensor]:
        """Return the adversarial loss and the weighted penalties; R1 and R2 cost no forward of their own."""
        real, noise, labels = seen[0]
        with torch.no_grad():
            fake = self.generator(noise, labels)
        due = self.regularisers.due(self.global_step)
        if not due:
            scores = self._scores(labels, real, fake)
            return {"adversarial": self.discriminator_loss(*scores)}
        scores, slopes = scores_and_slopes(partial(self._scores, labels), real, fake)
        terms = {"adversarial": self.discriminator_loss(*scores)}
        share = self.scheduled(1, self.hparams["final_penalty_share"])
        for name, slope in zip(("r1", "r2"), slopes, strict=True):
            if weight := due.get(f"{name}_weight"):
                terms[name] = share * weight * slope.mean() / 2
        if weight := due.get("gradient_penalty"):
            between = interpolate(real, fake)
            penalty = gradient_penalty(lambda images: self._scores(labels, images)[0], between)
            terms["gradient_penalty"] = share * weight * penalty
        return terms

    def generator_terms(self, batch: ImageBatch, seen: tuple[Seen, Seen]) -> dict[str, Tensor]:
        """Return the adversarial loss of fakes made for it."""
        real, noise, labels = seen[1]
        fake = self.generator(noise, labels)
        shown = (fake, real) if self.objective.needs_real else (fake,)
        return {"adversarial": self.objective.generator(*self._scores(labels, *shown))}

    def decode(self, latents: Tensor, condition: Tensor | None = None, **options: Any) -> Tensor:
        """Return the images of latents as `FromLatents.decode` does, cut to [-1, 1]: no tanh bounds them."""
        return cut(super().decode(latents, condition, **options))

    def _scores(self, labels: Tensor | None, *images: Tensor) -> tuple[Tensor, ...]:
        """Return the scores of sets of images as the discriminator sees them, by one forward."""
        return forward_joined(self.discriminator, *map(self.shown, images), labels=labels)

    def _halves(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return what of a batch's rows (N, ...) the discriminator learns from, and what the generator."""
        if not self.hparams["separate_batches"]:
            return rows, rows
        count = (len(rows) + 1) // 2
        return rows[:count], rows[-count:]


def _widths(width: int, stages: int) -> list[int]:
    """Return the channels of each stage, from 4x4 pixels up."""
    return [width >> max(0, stage - FULL_WIDTH) for stage in range(stages)]


def _refuse_other_stages(image_size: int, stages: int, **given: list[int]) -> None:
    for name, numbers in given.items():
        if len(numbers) != stages:
            raise ValueError(
                f"model.{name} holds {len(numbers)} numbers, but images of {image_size} pixels take "
                f"{stages}, one for each resolution from 4x4 pixels up: give as many, or another --data.size."
            )
