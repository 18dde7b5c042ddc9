"""MUNIT: one image, many translations, from unpaired examples (Huang et al. 2018, arXiv:1804.04732)."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from datamodules.unpaired.batches import UnpairedBatch
from gans.families.styled_translation import Direction, Domain, StyledTranslation
from gans.losses import adversarial
from gans.losses.perceptual import content_distance
from gans.losses.reconstruction import l1
from gans.networks.init import initialise
from gans.networks.multiscale import MultiScaleDiscriminator
from gans.networks.munit import Codes, StyledAutoencoder
from gans.networks.vgg import VGGFeatures, load_vgg
from gans.training.schedules import Schedule
from gans.training.turns import Player

SMALLEST_FOR_VGG = 32  # leaves features of two pixels, so that instance norm has something to compare


class BothCodes(NamedTuple):
    """Content and style of the images of both domains, which both players start from."""

    A: Codes
    B: Codes


class MUNIT(StyledTranslation):
    """Learns to translate between two image domains from unpaired examples, to many outcomes per image.

    Each domain has an autoencoder that takes an image apart into content, in a space that the domains share,
    and style, 8 numbers of the domain's own. A translation is the content of an image, decoded by the other
    domain's autoencoder in any of its styles. In every step the discriminators learn first, from translations
    in random styles; then the autoencoders, from translations in other random styles: to convince the updated
    discriminators, to give back image, content and style.

    The defaults are the official ones: batch 1, Adam(1e-4, 0.5, 0.999) with weight decay 1e-4, rate halved
    every 100 000 steps, least squares, summed over real and fake and over the three scales.

    Images are (N, channels, H, W) in [-1, 1], of any size: sides that do not divide are padded and cropped.

    Args:
        channels_A: image channels of domain A; taken from the data on the command line.
        channels_B: image channels of domain B; likewise.
        image_size: edge in pixels of the training images; it bounds the discriminators' depth.
        generator_width: channels after the autoencoders' first convolutions.
        halvings: how often the content encoders halve the image.
        blocks: residual blocks in each content encoder, and in each decoder.
        style_size: length of a style.
        mlp_width: width of the networks that turn a style into scales and shifts.
        discriminator_width: channels after the discriminators' first convolutions.
        discriminator_layers: halvings of the discriminator of each scale.
        discriminator_scales: how many sizes of an image are judged, each half of the one before.
        objective: the adversarial loss; the paper's is `least_squares`.
        adversarial_weight: weight of the adversarial losses of both players.
        image_weight: weight of an image's distance from its own reconstruction.
        style_weight: weight of a random style's distance from that of the image decoded with it.
        content_weight: weight of a content's distance from that of its translation.
        cycle_weight: weight of an image's distance from its return from the other domain in its own style,
            the paper's style-augmented cycle consistency; 0 leaves it out.
        perceptual_weight: weight of the distance of translation and image in VGG's features; 0 leaves it out.
            The official value for images of 512 pixels and more is 1.
        vgg_weights: file with the state dict of torchvision's vgg16, which the perceptual loss needs.
        style_std: standard deviation of random styles. 0 leaves one style: every image has one outcome.
        direction: which way `predict` translates a folder.
        learning_rate: see `AdversarialModule`.
        weight_decay: likewise.
        schedule: likewise; `halve_every` counts steps.
        **shared: the other arguments of `Regularised` and `AdversarialModule`.

    Raises:
        ValueError: if an argument is out of range, or the images are too small for the discriminators.
        FileNotFoundError: at the start of a fit, if a perceptual loss is wanted and its weights are absent.
    """

    players: ClassVar[tuple[Player, ...]] = (
        Player("discriminator", ("discriminator_A", "discriminator_B")),
        Player("generator", ("autoencoder_A", "autoencoder_B")),
    )
    schedule_unit = "step"
    objective: adversarial.Objective

    def __init__(
        self,
        channels_A: int = 3,
        channels_B: int = 3,
        image_size: int = 256,
        generator_width: int = 64,
        halvings: int = 2,
        blocks: int = 4,
        style_size: int = 8,
        mlp_width: int = 256,
        discriminator_width: int = 64,
        discriminator_layers: int = 4,
        discriminator_scales: int = 3,
        objective: adversarial.ObjectiveName = "least_squares",
        adversarial_weight: float = 1.0,
        image_weight: float = 10.0,
        style_weight: float = 1.0,
        content_weight: float = 1.0,
        cycle_weight: float = 0.0,
        perceptual_weight: float = 0.0,
        vgg_weights: str | None = None,
        style_std: float = 1.0,
        direction: Direction = "A2B",
        learning_rate: float = 1e-4,
        weight_decay: float = 1e-4,
        schedule: Schedule = "step",
        **shared: Any,
    ) -> None:
        super().__init__(learning_rate=learning_rate, weight_decay=weight_decay, schedule=schedule, **shared)
        _refuse_out_of_range(self.hparams)

        def autoencoder(channels: int) -> StyledAutoencoder:
            network = StyledAutoencoder(channels, generator_width, halvings, blocks, style_size, mlp_width)
            return initialise(network, "kaiming")

        def discriminator(channels: int) -> MultiScaleDiscriminator:
            sizes = discriminator_width, discriminator_layers, discriminator_scales
            return self.bounded(initialise(MultiScaleDiscriminator(channels, *sizes)))

        self.autoencoder_A = autoencoder(channels_A)
        self.autoencoder_B = autoencoder(channels_B)
        self.discriminator_A = discriminator(channels_A)
        self.discriminator_B = discriminator(channels_B)
        if image_size < self.discriminator_A.smallest_size:
            raise ValueError(
                f"model.discriminator_layers is {discriminator_layers} and model.discriminator_scales "
                f"{discriminator_scales}: such discriminators take images of "
                f"{self.discriminator_A.smallest_size} pixels or more, and data.size, image_size in "
                f"Python, is {image_size}."
            )
        self.objective = adversarial.objective(objective)
        # In a list, so that it is neither trained nor stored.
        self._vgg: list[VGGFeatures] = []

    def on_fit_start(self) -> None:
        """Do what every variant does; load the features of the perceptual loss, if it counts."""
        super().on_fit_start()
        if self.hparams["perceptual_weight"] > 0:
            self._vgg = [load_vgg(self.hparams["vgg_weights"]).to(next(self.parameters()))]

    def random_styles(self, count: int) -> Tensor:
        """Draw the styles (count, style_size) of a training step."""
        size, std, like = self.hparams["style_size"], self.hparams["style_std"], next(self.parameters())
        return torch.randn(count, size, device=like.device, dtype=like.dtype) * float(std)

    def produce(self, batch: UnpairedBatch) -> BothCodes:
        """Take both images apart, once for both players: the autoencoders do not step in between."""
        return BothCodes(self.autoencoder_A.encode(batch.A), self.autoencoder_B.encode(batch.B))

    def discriminator_terms(self, batch: UnpairedBatch, codes: BothCodes) -> dict[str, Tensor]:
        """Return the losses of both discriminators on real images and on translations in random styles."""
        style_A, style_B = self.random_styles(len(batch.B)), self.random_styles(len(batch.A))
        with torch.no_grad():
            fake_A = self.autoencoder_A.decode(codes.B.content, style_A, like=batch.B)
            fake_B = self.autoencoder_B.decode(codes.A.content, style_B, like=batch.A)
        return self._judged("A", batch.A, fake_A) | self._judged("B", batch.B, fake_B)

    def _judged(self, domain: Domain, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """Return a discriminator's loss, over its scales, and the penalties that are due."""
        discriminator: MultiScaleDiscriminator = getattr(self, f"discriminator_{domain}")
        real, fake = self.shown(real), self.shown(fake)
        losses = [self.discriminator_loss(*scores) for scores in discriminator.scores(real, fake)]

        def every_score(images: Tensor) -> Tensor:
            return torch.cat([scores.flatten(1) for (scores,) in discriminator.scores(images)], dim=1)

        penalties = self.penalties(every_score, real, fake)
        return {domain: self.hparams["adversarial_weight"] * sum(losses)} | {
            f"{name}_{domain}": penalty for name, penalty in penalties.items()
        }

    def generator_terms(self, batch: UnpairedBatch, codes: BothCodes) -> dict[str, Tensor]:
        """Return the losses of both autoencoders, weighted, as far as they count."""
        A, B = batch.A, batch.B
        style_A, style_B = self.random_styles(len(B)), self.random_styles(len(A))
        to_A, to_B = Codes(codes.B.content, style_A), Codes(codes.A.content, style_B)
        same_A, fake_A = self.autoencoder_A.decode_joined([codes.A, to_A], [A, B])
        same_B, fake_B = self.autoencoder_B.decode_joined([codes.B, to_B], [B, A])
        losses = {
            "image_A": l1(same_A, A),
            "image_B": l1(same_B, B),
            **self._translation_losses("A", "B", A, B, codes.A, style_B, fake_B),
            **self._translation_losses("B", "A", B, A, codes.B, style_A, fake_A),
        }
        # A loss is named after its weight, then after what it is asked of.
        weights = {name: self.hparams[f"{name.partition('_')[0]}_weight"] for name in losses}
        return {name: weights[name] * loss for name, loss in losses.items()}

    def _translation_losses(
        self,
        source: Domain,
        target: Domain,
        images: Tensor,
        real: Tensor,
        codes: Codes,
        style: Tensor,
        fake: Tensor,
    ) -> dict[str, Tensor]:
        """Return what is asked of the translation `fake` of images with these codes in a random style."""
        own, other = getattr(self, f"autoencoder_{source}"), getattr(self, f"autoencoder_{target}")
        again = other.encode(fake)
        shown = (fake, real) if self.objective.needs_real else (fake,)
        scales = getattr(self, f"discriminator_{target}").scores(*map(self.shown, shown))
        losses = {
            f"adversarial_{source}2{target}": torch.stack(
                [self.objective.generator(*scores) for scores in scales]
            ).sum(),
            f"style_{target}": l1(again.style, style),
            f"content_{source}": l1(again.content, codes.content),
        }
        if self.hparams["cycle_weight"] > 0:
            losses[f"cycle_{source}"] = l1(own.decode(again.content, codes.style, like=images), images)
        if self.hparams["perceptual_weight"] > 0:
            (vgg,) = self._vgg
            losses[f"perceptual_{source}2{target}"] = content_distance(vgg(fake), vgg(images))
        return losses


def _refuse_out_of_range(arguments: Any) -> None:
    """Refuse negative weights, and a perceptual loss without features."""
    for name, value in arguments.items():
        if (name.endswith("_weight") or name == "style_std") and value < 0:
            raise ValueError(f"model.{name} is {value}: it is 0 or more.")
    if arguments["perceptual_weight"] == 0:
        return
    if arguments["image_size"] < SMALLEST_FOR_VGG:
        raise ValueError(
            f"model.perceptual_weight is {arguments['perceptual_weight']}: the perceptual loss takes images "
            f"of {SMALLEST_FOR_VGG} pixels or more, and data.size, image_size in Python, is "
            f"{arguments['image_size']}."
        )
    if arguments["vgg_weights"] is None:
        raise ValueError(
            f"model.perceptual_weight is {arguments['perceptual_weight']}: the perceptual loss needs VGG-16. "
            "Give the file of torchvision's vgg16 as --model.vgg_weights, or set the weight to 0."
        )
