"""CycleGAN: unpaired image-to-image translation (Zhu et al. 2017, arXiv:1703.10593)."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, NamedTuple

from torch import Tensor, nn

from datamodules.base import PredictBatch
from datamodules.unpaired.batches import UnpairedBatch
from gans.families.regularised import Regularised
from gans.inference import Given, mapped
from gans.losses import adversarial
from gans.losses.reconstruction import l1
from gans.networks.antialiasing import Downsampling
from gans.networks.init import initialise
from gans.networks.joined import forward_joined
from gans.networks.norms import Norm
from gans.networks.patch import PatchDiscriminator
from gans.networks.resnet import ResNetGenerator, Upsampling, blocks_for
from gans.protocol import Comparison, Grid, Predictions
from gans.sampling.image_history import ImageHistory
from gans.training.schedules import Schedule
from gans.training.turns import Player

Direction = Literal["A2B", "B2A"]


class Translations(NamedTuple):
    """What both players look at, made before the generators' update; the identities are None when unused."""

    fake_A: Tensor
    fake_B: Tensor
    same_A: Tensor | None
    same_B: Tensor | None


class CycleGAN(Regularised):
    """Learns to translate between two image domains from unpaired examples.

    Two ResNet generators and two PatchGAN discriminators. The generators step first, against least-squares
    scores, the cycle A -> B -> A and the identity B -> B; the discriminators step on the fakes made before
    that, mixed with earlier ones. The paper's defaults throughout: batch 1, Adam(2e-4, 0.5, 0.999), rate
    constant for the first half of the epochs and falling to 0 over the second.

    Images are (N, channels, H, W) in [-1, 1].

    Args:
        channels_A: image channels of domain A; taken from the data on the command line.
        channels_B: image channels of domain B; likewise. May differ from A when `identity_weight` is 0.
        image_size: edge in pixels of the training images; it chooses the number of blocks.
        generator_width: channels after the generator's first convolution.
        blocks: residual blocks; by default 9 for images of 256 pixels and more, else 6, as in the paper.
        discriminator_width: channels after the discriminator's first convolution.
        discriminator_layers: 0 to 5; 3 is the 70x70 PatchGAN, 0 judges single pixels.
        norm: normalisation of all networks; with `batch` images are not joined into one forward pass.
        downsampling: of all networks, `strided` convolutions as in the paper, or `antialiased` ones.
        upsampling: `transposed` convolutions as in the paper, or `nearest` or `antialiased` upsampling and a
            convolution, which avoid checkerboard patterns.
        dropout: whether the residual blocks drop half of their features.
        objective: the adversarial loss; the paper's is `least_squares`.
        lambda_cycle: weight of the cycle losses.
        lambda_A: weight of the cycle A -> B -> A where it is to be another than `lambda_cycle`.
        lambda_B: weight of the cycle B -> A -> B, likewise.
        identity_weight: weight of a domain's identity loss relative to that of its cycle, so 0.5 weighs it by
            5. 0 leaves both and their forward pass out, for tasks that change colour on purpose.
        history_size: images kept per domain to show the discriminators older fakes; 0 shows the newest only.
        direction: which way `predict` translates a folder.
        schedule: see `AdversarialModule`.
        **shared: the other arguments of `Regularised` and `AdversarialModule`.

    Raises:
        ValueError: if a weight is negative, or the domains have different channels and `identity_weight` is
            not 0.
    """

    players: ClassVar[tuple[Player, ...]] = (
        Player("generator", ("generator_A2B", "generator_B2A")),
        Player("discriminator", ("discriminator_A", "discriminator_B")),
    )
    batch_type = UnpairedBatch
    objective: adversarial.Objective

    def __init__(
        self,
        channels_A: int = 3,
        channels_B: int = 3,
        image_size: int = 256,
        generator_width: int = 64,
        blocks: int | None = None,
        discriminator_width: int = 64,
        discriminator_layers: int = 3,
        norm: Norm = "instance",
        downsampling: Downsampling = "strided",
        upsampling: Upsampling = "transposed",
        dropout: bool = False,
        objective: adversarial.ObjectiveName = "least_squares",
        lambda_cycle: float = 10.0,
        lambda_A: float | None = None,
        lambda_B: float | None = None,
        identity_weight: float = 0.5,
        history_size: int = 50,
        direction: Direction = "A2B",
        schedule: Schedule = "linear",
        **shared: Any,
    ) -> None:
        super().__init__(schedule=schedule, **shared)
        self.cycle_A = lambda_cycle if lambda_A is None else lambda_A
        self.cycle_B = lambda_cycle if lambda_B is None else lambda_B
        if min(lambda_cycle, self.cycle_A, self.cycle_B, identity_weight) < 0:
            raise ValueError(
                f"model.lambda_cycle is {lambda_cycle}, model.lambda_A {lambda_A}, model.lambda_B {lambda_B} "
                f"and model.identity_weight {identity_weight}: weights are not negative."
            )
        if channels_A != channels_B and identity_weight != 0:
            raise ValueError(
                f"The identity loss feeds images of B ({channels_B} channels) to the generator that takes A "
                f"({channels_A} channels): set --model.identity_weight 0 when the domains' channels differ."
            )
        blocks = blocks_for(image_size) if blocks is None else blocks

        def generator(channels_in: int, channels_out: int) -> nn.Module:
            size = generator_width, blocks
            return initialise(
                ResNetGenerator(channels_in, channels_out, *size, norm, upsampling, dropout, downsampling)
            )

        def discriminator(channels: int) -> nn.Module:
            size = discriminator_width, discriminator_layers
            return self.bounded(initialise(PatchDiscriminator(channels, *size, norm, downsampling)))

        self.generator_A2B = generator(channels_A, channels_B)
        self.generator_B2A = generator(channels_B, channels_A)
        self.discriminator_A = discriminator(channels_A)
        self.discriminator_B = discriminator(channels_B)
        self.history_A = ImageHistory(history_size)
        self.history_B = ImageHistory(history_size)
        self.objective = adversarial.objective(objective)

    def produce(self, batch: UnpairedBatch) -> Translations:
        """Translate both ways, the target domain in the same forward pass if identity counts."""
        if self.hparams["identity_weight"] == 0:
            return Translations(self.generator_B2A(batch.B), self.generator_A2B(batch.A), None, None)
        fake_B, same_B = forward_joined(self.generator_A2B, batch.A, batch.B)
        fake_A, same_A = forward_joined(self.generator_B2A, batch.B, batch.A)
        return Translations(fake_A, fake_B, same_A, same_B)

    def generator_terms(self, batch: UnpairedBatch, made: Translations) -> dict[str, Tensor]:
        """Return adversarial, cycle and identity losses of both directions, weighted."""
        terms = {
            "adversarial_A2B": self._generator_score(self.discriminator_B, made.fake_B, batch.B),
            "adversarial_B2A": self._generator_score(self.discriminator_A, made.fake_A, batch.A),
            "cycle_A": self.cycle_A * l1(self.generator_B2A(made.fake_B), batch.A),
            "cycle_B": self.cycle_B * l1(self.generator_A2B(made.fake_A), batch.B),
        }
        if made.same_A is not None and made.same_B is not None:
            identity = self.hparams["identity_weight"]
            terms["identity_A"] = identity * self.cycle_A * l1(made.same_A, batch.A)
            terms["identity_B"] = identity * self.cycle_B * l1(made.same_B, batch.B)
        return terms

    def _generator_score(self, discriminator: nn.Module, fake: Tensor, real: Tensor) -> Tensor:
        shown = (fake, real) if self.objective.needs_real else (fake,)
        return self.objective.generator(*forward_joined(discriminator, *map(self.shown, shown)))

    def discriminator_terms(self, batch: UnpairedBatch, made: Translations) -> dict[str, Tensor]:
        """Return the halved losses of both discriminators on real images and on new and older fakes."""
        of_A = self._judged("A", batch.A, self.history_A(made.fake_A))
        return of_A | self._judged("B", batch.B, self.history_B(made.fake_B))

    def _judged(self, domain: str, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """Return a discriminator's loss and the penalties that are due."""
        discriminator: nn.Module = getattr(self, f"discriminator_{domain}")
        real, fake = self.shown(real), self.shown(fake)
        scores = forward_joined(discriminator, real, fake)
        penalties = self.penalties(discriminator, real, fake)
        return {domain: 0.5 * self.discriminator_loss(*scores)} | {
            f"{name}_{domain}": penalty for name, penalty in penalties.items()
        }

    def translate(self, images: Given, direction: Direction = "A2B") -> Given:
        """Translate images without a trainer or data module.

        Args:
            images: (N, C, H, W) or (C, H, W) in [-1, 1], or Pillow images, of any size; see
                `gans.inference.Images`.
            direction: `A2B` or `B2A`.

        Returns:
            The translated images, of the same height and width: as tensor in [-1, 1] where the module is, or
            as Pillow images.

        Raises:
            ValueError: if the direction is unknown, or the images have other channels than its domain, or
                another type or range.
        """
        if direction not in ("A2B", "B2A"):
            raise ValueError(f"direction is {direction!r}: it is A2B or B2A.")
        network = self.averaged(f"generator_{direction}")
        return mapped(images, network, self.hparams[f"channels_{direction[0]}"], network)

    def comparisons(self, batch: UnpairedBatch) -> dict[str, Comparison]:
        """Return, for A2B and B2A, translations beside the real images of the target domain."""
        return {
            "A2B": Comparison(self.translate(batch.A, "A2B"), batch.B, batch.A, batch.truth_A2B),
            "B2A": Comparison(self.translate(batch.B, "B2A"), batch.A, batch.B, batch.truth_B2A),
        }

    def grids(self, batch: UnpairedBatch) -> dict[str, Grid]:
        """Return input, translation, truth where there is one, and cycle, for both directions."""
        return {
            "A2B": self._grid(batch.A, batch.truth_A2B, "A", "B"),
            "B2A": self._grid(batch.B, batch.truth_B2A, "B", "A"),
        }

    def _grid(self, images: Tensor, truth: Tensor | None, source: str, target: str) -> Grid:
        there: Direction = "A2B" if source == "A" else "B2A"
        back: Direction = "B2A" if source == "A" else "A2B"
        fake = self.translate(images, there)
        columns = {source: images, f"{source} -> {target}": fake}
        if truth is not None:
            columns[f"truth in {target}"] = truth
        columns[f"{source} -> {target} -> {source}"] = self.translate(fake, back)
        return Grid(columns)

    def predict_step(self, batch: PredictBatch, batch_idx: int) -> Predictions:
        """Translate a batch of a folder in the given direction."""
        return Predictions(self.translate(batch.images, self.hparams["direction"]), batch.names)
