"""Super-resolution by a GAN: what SRGAN, ESRGAN and Real-ESRGAN share beyond the enlarging."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Literal, get_args

from torch import Tensor, nn

from datamodules.paired.batches import PairedBatch
from gans.families.perception import (
    SMALLEST_FOR_VGG,
    FeatureSource,
    Perception,
    perception,
    refuse_unknown_source,
)
from gans.families.regularised import Regularised
from gans.families.super_resolution import SuperResolution, to_unit
from gans.losses import adversarial
from gans.losses.perceptual import feature_distance
from gans.losses.reconstruction import l1
from gans.networks.norms import Norm
from gans.networks.unet_discriminator import DIVISOR, UNetDiscriminator
from gans.networks.vgg_style import VGGStyleDiscriminator
from gans.training.arguments import NOT_NEGATIVE, Range, check_ranges
from gans.training.turns import Player

DiscriminatorName = Literal["vgg_style", "unet"]

OF_GENERATORS = ("channels_in", "channels_out", "scale", "generator", "generator_width", "blocks", "growth")
RANGES: dict[str, Range] = {
    "adversarial_weight": (lambda weight: weight > 0, "is above 0: without it, train an SRResNet"),
    "l1_weight": NOT_NEGATIVE,
    "perceptual_weight": NOT_NEGATIVE,
}


class AdversarialSuperResolution(SuperResolution, Regularised):
    """Base of the GANs of super-resolution: a discriminator and a classifier's features make them sharp.

    In every step the generator learns first, then the discriminator, from the same output and the targets, by
    two forwards: so batch norm and spectral norm move as in the authors' programs of SRGAN and Real-ESRGAN. A
    training may start from the averaged generator of an SRResNet, as in the papers: `--init_from` its
    checkpoint.

    Args:
        discriminator: `vgg_style`, one score for an image of the training's size, or `unet`, one for each
            pixel, with spectral norm of its own.
        discriminator_width: channels after the discriminator's first convolution.
        discriminator_norm: normalisation of vgg_style; unet has none.
        objective: the adversarial loss.
        adversarial_weight: weight of the generator's adversarial loss, above 0.
        l1_weight: weight of the mean absolute difference to the targets.
        perceptual_weight: weight of the mean absolute difference of features; 0 leaves it out.
        perceptual_features: `vgg19`, as in the papers; `lite0`, those of EfficientNet-Lite0, which is
            installed; or `auto`: vgg19 where its file is there, else lite0, which a line says.
        vgg_weights: file of torchvision's vgg19; by default it is looked for in torch's hub cache.
        **shared: the other arguments of `SuperResolution`, `Regularised` and `AdversarialModule`. Penalties
            are taken on images in [0, 1].

    Raises:
        ValueError: if an argument is out of range, or the discriminator takes no images of this size.
    """

    objective: adversarial.Objective
    first_stages = MappingProxyType({"SRResNet": OF_GENERATORS})
    perceptual_layers: ClassVar[Mapping[str, float]] = MappingProxyType({"conv5_4": 1.0})
    players: ClassVar[tuple[Player, ...]] = (
        Player("generator", ("generator",)),
        Player("discriminator", ("discriminator",)),
    )

    def __init__(
        self,
        discriminator: DiscriminatorName = "vgg_style",
        discriminator_width: int = 64,
        discriminator_norm: Norm = "batch",
        objective: adversarial.ObjectiveName = "non_saturating",
        adversarial_weight: float = 5e-3,
        l1_weight: float = 1e-2,
        perceptual_weight: float = 1.0,
        perceptual_features: FeatureSource = "auto",
        vgg_weights: str | None = None,
        learning_rate: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        ema_decay: float = 0.999,
        **shared: Any,
    ) -> None:
        super().__init__(learning_rate=learning_rate, betas=betas, ema_decay=ema_decay, **shared)
        check_ranges(self.hparams, RANGES)
        refuse_unknown_source(perceptual_features)
        _refuse_features(self.hparams, self.scale)
        self.discriminator = self.bounded(_discriminator(self.hparams, self.scale))
        self.objective = adversarial.objective(objective)
        # In a list, so that it is neither trained nor stored.
        self._perception: list[Perception] = []

    def on_fit_start(self) -> None:
        """Do what every variant does; load the features of the perceptual loss, if it counts."""
        super().on_fit_start()
        if self.hparams["perceptual_weight"] > 0:
            seen = self.perception()
            self._perception = [seen._replace(network=seen.network.to(next(self.parameters())))]

    def perception(self) -> Perception:
        """Return what the perceptual loss compares by."""
        arguments = self.hparams
        return perception(arguments["perceptual_features"], self.perceptual_layers, arguments["vgg_weights"])

    def shown(self, images: Tensor) -> Tensor:
        """Return images in [0, 1] as the discriminator sees them in this step, in the same range."""
        return to_unit(super().shown(2 * images - 1)) if self.regularisers.asked else images

    def generator_terms(self, batch: PairedBatch, enlarged: Tensor) -> dict[str, Tensor]:
        """Return the adversarial loss, and the distances to the reference in pixels and in features."""
        arguments = self.hparams
        terms = {"adversarial": arguments["adversarial_weight"] * self._generator_score(batch, enlarged)}
        reference = self.reference(batch)
        if arguments["l1_weight"] > 0:
            terms["l1"] = arguments["l1_weight"] * l1(enlarged, reference)
        for name, network, weights in self._perception:
            features = network(enlarged), network(reference)
            terms[name] = arguments["perceptual_weight"] * feature_distance(*features, weights)
        return terms

    def _generator_score(self, batch: PairedBatch, enlarged: Tensor) -> Tensor:
        # The real images first: spectral norm and running statistics move in the authors' order.
        real = self._scores(to_unit(batch.target)) if self.objective.needs_real else None
        return self.objective.generator(self._scores(enlarged), real)

    def discriminator_terms(self, batch: PairedBatch, enlarged: Tensor) -> dict[str, Tensor]:
        """Return the loss on targets and on outputs, and the penalties that are due."""
        real, fake = self.shown(to_unit(batch.target)), self.shown(enlarged.detach())
        loss = self.discriminator_loss(self.discriminator(real), self.discriminator(fake))
        return {"adversarial": loss} | self.penalties(self.discriminator, real, fake)

    def _scores(self, images: Tensor) -> Tensor:
        scores: Tensor = self.discriminator(self.shown(images))
        return scores


def _discriminator(arguments: Any, scale: int) -> nn.Module:
    """Return the discriminator by the arguments of `AdversarialSuperResolution`."""
    name, size = arguments["discriminator"], scale * arguments["image_size"]
    channels, width = arguments["channels_out"], arguments["discriminator_width"]
    if name not in get_args(DiscriminatorName):
        raise ValueError(
            f"model.discriminator is {name!r}: it is one of {', '.join(get_args(DiscriminatorName))}."
        )
    if name == "vgg_style":
        return VGGStyleDiscriminator(channels, size, width, arguments["discriminator_norm"])
    if size % DIVISOR:
        raise ValueError(
            f"model.discriminator is unet, which takes images whose sides {DIVISOR} divides, and the targets "
            f"have {size} pixels: data.size, image_size in Python, is {arguments['image_size']}, and the "
            f"scale {scale}."
        )
    return UNetDiscriminator(channels, width)


def _refuse_features(arguments: Any, scale: int) -> None:
    """Refuse a perceptual loss on images that no classifier of photographs takes."""
    if arguments["perceptual_weight"] == 0:
        return
    size, channels = scale * arguments["image_size"], arguments["channels_out"]
    if size < SMALLEST_FOR_VGG or channels not in (1, 3):
        raise ValueError(
            f"model.perceptual_weight is {arguments['perceptual_weight']}: the perceptual loss takes grey or "
            f"RGB images of {SMALLEST_FOR_VGG} pixels or more, and the targets have {channels} channels and "
            f"{size} pixels. Set it to 0."
        )
