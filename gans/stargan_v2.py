"""StarGAN v2: translation between many domains, in many looks each (Choi et al. 2020, arXiv:1912.01865)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from datamodules.multi_domain.batches import MultiDomainBatch
from gans.families.domain_looks import DomainLooks
from gans.losses import adversarial
from gans.losses.reconstruction import l1
from gans.networks.init import Network, initialise
from gans.networks.stargan_v2.generator import StyledGenerator
from gans.networks.stargan_v2.heads import DomainDiscriminator, MappingNetwork, StyleEncoder
from gans.sampling.joined_noise import joined_noise
from gans.training.arguments import AT_LEAST_ONE, NOT_NEGATIVE, Range, check_ranges
from gans.training.turns import Player, Turn

RANGES: dict[str, Range] = {
    "mapping_learning_rate": NOT_NEGATIVE,
    "style_weight": NOT_NEGATIVE,
    "diversity_weight": NOT_NEGATIVE,
    "diversity_steps": AT_LEAST_ONE,
    "cycle_weight": NOT_NEGATIVE,
    "high_pass": NOT_NEGATIVE,
    "looks": AT_LEAST_ONE,
}


class Step(NamedTuple):
    """What the four turns of a step share.

    Attributes:
        labels: domains of the images, (N,).
        targets: domains of the references, (N,).
        masks: of the images, (N, 2, h, w); None without high-pass.
        style: of the latents, (N, style_size), with its graph.
        fake: the images in this style, with its graph: no network moves before the discriminator has seen it.
        other: further latents, (N, latent_size), for the diversity.
    """

    labels: Tensor
    targets: Tensor
    masks: Tensor | None
    style: Tensor
    fake: Tensor
    other: Tensor


class StarGANv2(DomainLooks):
    """Learns to translate images to any of several domains, in many looks: random ones, or that of a picture.

    One generator serves all domains. What it makes of an image is decided by a style, which the mapping
    network makes of noise, and the style encoder reads off a reference picture of the domain. A step has four
    turns on the same images: the discriminator learns from translations in random styles, then from those in
    the references' styles; generator, mapping network and style encoder from random styles; and the generator
    alone from the references'. Beside convincing the discriminator a translation is to have its style, to
    differ from that in another style, and to become the image again in the image's own style. The weight of
    the difference, which is taken from the loss, falls to 0 over `diversity_steps`.

    The defaults are the official ones: batch 8, Adam(1e-4, 0, 0.99), 1e-6 for the mapping network, L2 penalty
    1e-4, R1 of weight 1, averages of generator, mapping network and style encoder by 0.999; in the first
    steps these follow more closely than there. `diversity_weight` is 1 for CelebA-HQ and 2 for AFHQ.

    Images are (N, channels, image_size, image_size) in [-1, 1]; translated are such of any size.

    Args:
        channels: channels of the images; taken from the data on the command line.
        image_size: edge in pixels of the training images, a power of two from 16; likewise.
        domains: their names; likewise. By default CelebA-HQ's of the paper.
        latent_size: numbers of noise that a random style is made of.
        style_size: numbers in a style.
        generator_width: channels at the image in the generator, doubled with each halving, at most 512; by
            default the published 2^14 / image_size.
        discriminator_width: the same in discriminator and style encoder.
        mapping_width: numbers in the mapping network's layers.
        objective: the adversarial loss.
        r1_weight: see `Regularised`.
        style_weight: weight of a style's distance from that of the image made with it.
        diversity_weight: weight, at the start, of the difference between an image in two styles.
        diversity_steps: over which it falls to 0.
        cycle_weight: weight of an image's distance from its return in its own style.
        high_pass: the official w_hpf, for faces alone: decoder blocks without shortcut, and what is filtered
            of the encoder passes by them where masks of the face allow it, divided by this number. Above 0 it
            needs masks, see `make_masks_by`.
        landmarks: the official wing.ckpt, by whose network these masks are made.
        target: domains that `predict` translates to; by default all.
        looks: how many `predict` makes of an image in each domain, and evaluation compares.
        references: folder with a sub-folder of pictures for each domain, whose looks `predict` borrows
            instead of random ones.
        truncation: share of a random style's way from the mean style of its domain, in `predict` and
            evaluation; 1 is the whole way, 0 leaves one look, the mean one.
        learning_rate: see `AdversarialModule`.
        mapping_learning_rate: that of the mapping network.
        betas: see `AdversarialModule`.
        weight_decay: likewise.
        ema_decay: likewise.
        **shared: the other arguments of `Regularised` and `AdversarialModule`.

    Raises:
        ValueError: if an argument is out of range.
    """

    objective: adversarial.Objective
    players: ClassVar[tuple[Player, ...]] = (
        Player("discriminator", ("discriminator",)),
        Player("generator", ("generator",)),
        Player("mapping", ("mapping_network",)),
        Player("style_encoder", ("style_encoder",)),
    )
    turns: ClassVar[tuple[Turn, ...]] = (
        Turn("discriminator"),
        Turn("discriminator_reference", players=("discriminator",)),
        Turn("generator", players=("generator", "mapping", "style_encoder")),
        Turn("generator_reference", players=("generator",)),
    )

    def __init__(
        self,
        channels: int = 3,
        image_size: int = 256,
        domains: list[str] | None = None,
        latent_size: int = 16,
        style_size: int = 64,
        generator_width: int | None = None,
        discriminator_width: int | None = None,
        mapping_width: int = 512,
        objective: adversarial.ObjectiveName = "non_saturating",
        r1_weight: float = 1.0,
        style_weight: float = 1.0,
        diversity_weight: float = 1.0,
        diversity_steps: int = 100_000,
        cycle_weight: float = 1.0,
        high_pass: float = 0.0,
        landmarks: str | None = None,
        target: list[str] | None = None,
        looks: int = 10,
        references: str | None = None,
        truncation: float = 1.0,
        learning_rate: float = 1e-4,
        mapping_learning_rate: float = 1e-6,
        betas: tuple[float, float] = (0.0, 0.99),
        weight_decay: float = 1e-4,
        ema_decay: float = 0.999,
        **shared: Any,
    ) -> None:
        super().__init__(
            r1_weight=r1_weight,
            learning_rate=learning_rate,
            betas=betas,
            weight_decay=weight_decay,
            ema_decay=ema_decay,
            **shared,
        )
        check_ranges(self.hparams, RANGES)
        self.take_domains(domains, target)
        count = len(self.domains)

        def drawn(network: Network) -> Network:
            return initialise(network, "kaiming", scales=0.0)

        images = channels, image_size
        self.generator = drawn(StyledGenerator(*images, style_size, generator_width, high_pass))
        self.mapping_network = drawn(MappingNetwork(latent_size, style_size, count, mapping_width))
        self.style_encoder = drawn(StyleEncoder(*images, style_size, count, discriminator_width))
        self.discriminator = self.bounded(drawn(DomainDiscriminator(*images, count, discriminator_width)))
        self.objective = adversarial.objective(objective)

    def generator_networks(self) -> tuple[str, ...]:
        """Return the names of the networks that make pictures, which are averaged."""
        return "generator", "mapping_network", "style_encoder"

    def random_latents(self, count: int) -> tuple[Tensor, Tensor]:
        """Draw two latents (count, latent_size) for each image, alike on any number of processes."""
        first, other = joined_noise(self, count, 2 * self.hparams["latent_size"]).chunk(2, dim=1)
        return first, other

    def produce(self, batch: MultiDomainBatch) -> Step:
        """Draw latents, and translate in random styles, once for two turns."""
        assert batch.targets is not None
        labels, targets = batch.labels.argmax(1), batch.targets.argmax(1)
        masks = self.masks_of(batch.images, batch.masks)
        latents, other = self.random_latents(len(batch.images))
        style = self.mapping_network(latents, targets)
        return Step(labels, targets, masks, style, self.generator(batch.images, style, masks), other)

    def discriminator_terms(self, batch: MultiDomainBatch, step: Step) -> dict[str, Tensor]:
        """Return the loss on real images and on translations in random styles, and the penalties."""
        return self._judged(batch, step, step.fake)

    def discriminator_reference_terms(self, batch: MultiDomainBatch, step: Step) -> dict[str, Tensor]:
        """Return the same with translations in the styles of references."""
        with torch.no_grad():
            style = self.style_encoder(_references(batch, 0), step.targets)
            fake = self.generator(batch.images, style, step.masks)
        return self._judged(batch, step, fake)

    def _judged(self, batch: MultiDomainBatch, step: Step, fake: Tensor) -> dict[str, Tensor]:
        real, fake = self.shown(batch.images), self.shown(fake.detach())
        labels = torch.cat([step.labels, step.targets])
        real_scores, fake_scores = self.discriminator(torch.cat([real, fake]), labels).chunk(2)
        return {"adversarial": self.discriminator_loss(real_scores, fake_scores)} | self.penalties(
            self._scores_as(step.labels), real, fake, self._scores_as(step.targets)
        )

    def _scores_as(self, labels: Tensor) -> Callable[[Tensor], Tensor]:
        return lambda images: self.discriminator(images, labels)

    def generator_terms(self, batch: MultiDomainBatch, step: Step) -> dict[str, Tensor]:
        """Return what is asked of translations in random styles, weighted."""
        other = self.mapping_network(step.other, step.targets)
        return self._asked(batch, step, step.fake, step.style, other)

    def generator_reference_terms(self, batch: MultiDomainBatch, step: Step) -> dict[str, Tensor]:
        """Return what is asked of translations in the styles of references, weighted."""
        style, other = (self.style_encoder(_references(batch, number), step.targets) for number in (0, 1))
        fake = self.generator(batch.images, style, step.masks)
        return self._asked(batch, step, fake, style, other)

    def _asked(
        self, batch: MultiDomainBatch, step: Step, fake: Tensor, style: Tensor, other: Tensor
    ) -> dict[str, Tensor]:
        """Return the losses of the fake in a style beside that in another one, which learns nothing."""
        scores, real_scores = self.discriminator(self.shown(fake), step.targets), None
        if self.objective.needs_real:
            real_scores = self.discriminator(self.shown(batch.images), step.labels)
        with torch.no_grad():
            differing = self.generator(batch.images, other, step.masks)
        own = self.style_encoder(batch.images, step.labels)
        back = self.generator(fake, own, self.masks_of(fake, batch.masks))
        return {
            "adversarial": self.objective.generator(scores, real_scores),
            "style": self.hparams["style_weight"] * l1(self.style_encoder(fake, step.targets), style),
            "diversity": -self.diversity_weight() * l1(fake, differing),
            "cycle": self.hparams["cycle_weight"] * l1(back, batch.images),
        }

    def diversity_weight(self) -> float:
        """Return the weight of the diversity in the step that is to come: a function of the steps so far."""
        left = 1 - self.global_step / self.hparams["diversity_steps"]
        weight: float = self.hparams["diversity_weight"] * max(0.0, left)
        return weight


def _references(batch: MultiDomainBatch, number: int) -> Tensor:
    """Return the first or second pictures of the target domains, (N, C, H, W)."""
    assert batch.references is not None
    return batch.references[:, number]
