"""CUT and FastCUT: one-sided unpaired translation (Park et al. 2020, arXiv:2007.15651)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, NamedTuple

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor

from datamodules.base import PredictBatch
from datamodules.unpaired.batches import UnpairedBatch
from gans.families.regularised import Regularised
from gans.inference import Given, evaluating, mapped
from gans.losses import adversarial
from gans.losses.contrastive import patch_nce
from gans.losses.reconstruction import l1
from gans.networks.antialiasing import Downsampling
from gans.networks.init import initialise
from gans.networks.joined import forward_joined, has_batch_statistics
from gans.networks.norms import Norm
from gans.networks.patch import PatchDiscriminator
from gans.networks.projection import PatchProjection, places_drawn, rows_at
from gans.networks.resnet import ResNetGenerator, Upsampling
from gans.protocol import Comparison, Grid, Predictions
from gans.sampling.joined_noise import joined_generator
from gans.training.arguments import ABOVE_ZERO, AT_LEAST_ONE, NOT_NEGATIVE, Range, check_ranges
from gans.training.schedules import Schedule
from gans.training.turns import Player, Turn

Direction = Literal["A2B", "B2A"]
Negatives = Literal["picture", "batch"]

LAYERS = (0, 4, 8, 12, 16)

RANGES: dict[str, Range] = {
    "lambda_GAN": NOT_NEGATIVE,
    "lambda_NCE": ABOVE_ZERO,
    "lambda_identity": NOT_NEGATIVE,
    "nce_temperature": ABOVE_ZERO,
    "patches": AT_LEAST_ONE,
}


class Patches(NamedTuple):
    """Features of images at the places that were drawn: for each layer rows (N, P, C), and places (P,)."""

    rows: list[Tensor]
    places: list[Tensor]


class Translation(NamedTuple):
    """What both players look at, made before the discriminator's update; None where it is not used.

    The translation and what the generator makes of the target domain's images are mirrored where `mirrored`
    says so; the patches, of the source's and the target's images, never are.
    """

    fake: Tensor
    same: Tensor | None
    mirrored: bool
    source_patches: Patches
    target_patches: Patches | None


class CUT(Regularised):
    """Learns to translate from one image domain to another, one way, from unpaired examples.

    What keeps the content is a contrast: each patch of the translation is to resemble the patch at its place
    in the input more than the other patches of that input, in features of the generator's own first layers,
    projected by small perceptrons. There is no way back and no second generator. The discriminator steps
    first, then generator and projection together against it. The paper's defaults throughout: batch 1,
    Adam(2e-4, 0.5, 0.999) for all three, rate constant for the first half of the epochs, then falling.

    FastCUT is the same with `lambda_NCE` 10, `nce_identity` false, `flip_equivariance` true and `decay_share`
    0.25 (configs/fastcut.yaml).

    Images are (N, channels, H, W) in [-1, 1].

    Args:
        channels_A: image channels of domain A; taken from the data on the command line.
        channels_B: image channels of domain B; likewise. Where one is 1, grey images enter the generator as
            images of as many equal channels as the other domain has.
        image_size: edge in pixels of the training images.
        generator_width: channels after the generator's first convolution.
        blocks: residual blocks.
        discriminator_width: channels after the discriminator's first convolution.
        discriminator_layers: 0 to 5; 0 judges single pixels.
        norm: normalisation of generator and discriminator.
        downsampling: of generator and discriminator, `antialiased` as in the paper or `strided` as in
            CycleGAN.
        upsampling: of the generator, `antialiased` as in the paper, `transposed` as in CycleGAN, or
            `nearest`.
        dropout: whether the residual blocks drop half of their features.
        projection_width: numbers in a projected vector.
        objective: the adversarial loss; the paper's is `least_squares`.
        lambda_GAN: weight of the generator's adversarial loss.
        lambda_NCE: weight of the contrast, above 0.
        lambda_identity: weight of the absolute difference between images of the target domain and what the
            generator makes of them; of SinCUT, the paper's single-image mode.
        nce_identity: contrast images of the target domain with what the generator makes of them, too; the two
            contrasts are then averaged.
        nce_layers: features that are contrasted, ascending, by name or by number in the authors' order: input
            (0), stem (1), down_1 (4), down_2 (8), block_1 (12), block_2 (13) and so on; by default 0, 4, 8,
            12 and 16.
        nce_temperature: by which similarities are divided.
        patches: places in an image that are compared, drawn anew for each layer.
        negatives: `picture` takes them from the same image, `batch` from all images of the joined batch of
            all processes.
        flip_equivariance: mirror what the generator sees in every second step, at random, and mirror its
            features back before they are compared.
        direction: which domain is translated into which.
        projection_learning_rate: of the projection's Adam, where it is to be another one.
        projection_betas: likewise.
        schedule: see `AdversarialModule`.
        **shared: the other arguments of `Regularised` and `AdversarialModule`.

    Raises:
        ValueError: if an argument is out of range, a layer is unknown, or the domains have different channels
            and neither is grey.
    """

    players: ClassVar[tuple[Player, ...]] = (
        Player("generator", ("generator",)),
        Player("projection", ("projection",)),
        Player("discriminator", ("discriminator",)),
    )
    turns: ClassVar[tuple[Turn, ...]] = (
        Turn("discriminator"),
        Turn("generator", players=("generator", "projection")),
    )
    batch_type = UnpairedBatch
    objective: adversarial.Objective

    def __init__(
        self,
        channels_A: int = 3,
        channels_B: int = 3,
        image_size: int = 256,
        generator_width: int = 64,
        blocks: int = 9,
        discriminator_width: int = 64,
        discriminator_layers: int = 3,
        norm: Norm = "instance",
        downsampling: Downsampling = "antialiased",
        upsampling: Upsampling = "antialiased",
        dropout: bool = False,
        projection_width: int = 256,
        objective: adversarial.ObjectiveName = "least_squares",
        lambda_GAN: float = 1.0,
        lambda_NCE: float = 1.0,
        lambda_identity: float = 0.0,
        nce_identity: bool = True,
        nce_layers: list[int | str] | None = None,
        nce_temperature: float = 0.07,
        patches: int = 256,
        negatives: Negatives = "picture",
        flip_equivariance: bool = False,
        direction: Direction = "A2B",
        projection_learning_rate: float | None = None,
        projection_betas: tuple[float, float] | None = None,
        schedule: Schedule = "linear",
        **shared: Any,
    ) -> None:
        super().__init__(schedule=schedule, **shared)
        check_ranges(self.hparams, RANGES)
        self.generator_channels = _common_channels(channels_A, channels_B)
        target_channels = {"A": channels_A, "B": channels_B}[direction[2]]
        channels = self.generator_channels, target_channels
        self.generator = initialise(
            ResNetGenerator(*channels, generator_width, blocks, norm, upsampling, dropout, downsampling),
            "xavier",
        )
        self._layers = _numbers(nce_layers or LAYERS, self.generator)
        self.projection = initialise(
            PatchProjection(self.generator.feature_channels(self._layers), projection_width), "xavier"
        )
        size = discriminator_width, discriminator_layers
        judge = PatchDiscriminator(target_channels, *size, norm, downsampling)
        self.discriminator = self.bounded(initialise(judge, "xavier"))
        self.objective = adversarial.objective(objective)

    def produce(self, batch: UnpairedBatch) -> Translation:
        """Translate, the target domain too if it counts, and sample the features to compare with."""
        batch = self._directed(batch)
        inputs = [self._entering(batch.A)]
        if self.hparams["nce_identity"] or self.hparams["lambda_identity"]:
            inputs.append(self._entering(batch.B))
        contrasted = inputs if self.hparams["nce_identity"] else inputs[:1]
        chance = self.chance()
        mirrored = self.hparams["flip_equivariance"] and self.mirrors(chance)
        made, features = self._translated([images.flip(-1) for images in inputs] if mirrored else inputs)
        if mirrored or has_batch_statistics(self.generator):  # else they are those of the same images
            with torch.no_grad():
                features = [self.generator(images, self._layers, encode_only=True) for images in contrasted]
        patches = [self._sampled(kept, chance) for kept in features[: len(contrasted)]]
        return Translation(
            made[0],
            made[1] if len(made) > 1 else None,
            mirrored,
            patches[0],
            patches[1] if len(patches) > 1 else None,
        )

    def _translated(self, inputs: list[Tensor]) -> tuple[list[Tensor], list[list[Tensor]]]:
        """Return translations and features of each input; in one batch, as the authors, if sizes agree."""
        if len({images.shape[1:] for images in inputs}) > 1:
            passes = [self.generator(images, self._layers) for images in inputs]
            return [made for made, _ in passes], [features for _, features in passes]
        made, features = self.generator(torch.cat(inputs), self._layers)
        counts = [len(images) for images in inputs]
        parts = zip(*(feature.split(counts) for feature in features), strict=True)
        return list(made.split(counts)), [list(part) for part in parts]

    def _sampled(self, features: list[Tensor], chance: torch.Generator) -> Patches:
        places = [self.places(feature, chance) for feature in features]
        rows = [rows_at(kept.detach(), place) for kept, place in zip(features, places, strict=True)]
        return Patches(rows, places)

    def chance(self) -> torch.Generator:
        """Return what draws in this step: a function of seed and step, alike on all processes."""
        return joined_generator(self)

    def mirrors(self, chance: torch.Generator) -> bool:
        """Draw whether the generator's input is mirrored in this step."""
        return float(torch.rand((), generator=chance)) < 0.5

    def places(self, features: Tensor, chance: torch.Generator) -> Tensor:
        """Draw the places (P,) of a feature map (N, C, H, W) that are compared, alike in all its images."""
        return places_drawn(features, self.hparams["patches"], chance)

    def generator_terms(self, batch: UnpairedBatch, made: Translation) -> dict[str, Tensor]:
        """Return the adversarial loss and the contrasts, weighted."""
        batch = self._directed(batch)
        share = 0.5 if made.target_patches else 1.0
        terms = {"adversarial": self.hparams["lambda_GAN"] * self._generator_score(made.fake, batch.B)}
        terms["nce"] = share * self._contrast(made.fake, made.source_patches, made.mirrored)
        if made.same is not None:
            if made.target_patches:
                terms["nce_identity"] = share * self._contrast(made.same, made.target_patches, made.mirrored)
            if self.hparams["lambda_identity"]:
                real = batch.B.flip(-1) if made.mirrored else batch.B
                terms["identity"] = self.hparams["lambda_identity"] * l1(made.same, real)
        return terms

    def _generator_score(self, fake: Tensor, real: Tensor) -> Tensor:
        seen = (fake, real) if self.objective.needs_real else (fake,)
        return self.objective.generator(*forward_joined(self.discriminator, *map(self.shown, seen)))

    def _contrast(self, images: Tensor, patches: Patches, mirrored: bool) -> Tensor:
        """Return how badly patches of images tell their own patch among those they were made of."""
        features = self.generator(self._entering(images), self._layers, encode_only=True)
        sampled = [rows_at(part, at, mirrored) for part, at in zip(features, patches.places, strict=True)]
        queries = self.projection(sampled)
        with torch.no_grad():
            keys = self.projection(patches.rows)
        losses = [self._told_apart(query, key) for query, key in zip(queries, keys, strict=True)]
        loss: Tensor = self.hparams["lambda_NCE"] * torch.stack(losses).mean()
        return loss

    def _told_apart(self, queries: Tensor, keys: Tensor) -> Tensor:
        temperature = self.hparams["nce_temperature"]
        if self.hparams["negatives"] == "picture":
            return patch_nce(queries, keys, temperature)
        joined, first = _of_all_processes(keys.flatten(0, 1))
        return patch_nce(queries.flatten(0, 1)[None], joined[None], temperature, first)

    def discriminator_terms(self, batch: UnpairedBatch, made: Translation) -> dict[str, Tensor]:
        """Return the halved loss on real images and translations, and the penalties that are due."""
        real, fake = self.shown(self._directed(batch).B), self.shown(made.fake.detach())
        scores = forward_joined(self.discriminator, real, fake)
        penalties = self.penalties(self.discriminator, real, fake)
        return {"adversarial": 0.5 * self.discriminator_loss(*scores)} | penalties

    def translate(self, images: Given) -> Given:
        """Translate images without a trainer or data module.

        Args:
            images: (N, C, H, W) or (C, H, W) in [-1, 1], or Pillow images, of any size, of the domain that
                `direction` translates; see `gans.inference.Images`.

        Returns:
            The translated images, of the same height and width: as tensor in [-1, 1] where the module is, or
            as Pillow images.

        Raises:
            ValueError: if the images have other channels than their domain, or another type or range.
        """
        network = self.averaged("generator")
        channels = self.hparams[f"channels_{self.hparams['direction'][0]}"]
        return mapped(images, network, channels, lambda batch: network(self._entering(batch)))

    def comparisons(self, batch: UnpairedBatch) -> dict[str, Comparison]:
        """Return translations beside the real images of the target domain."""
        batch = self._directed(batch)
        compared = Comparison(self.translate(batch.A), batch.B, batch.A, batch.truth_A2B)
        return {self.hparams["direction"]: compared}

    def grids(self, batch: UnpairedBatch) -> dict[str, Grid]:
        """Return input, translation, truth where there is one, and what the discriminator believes."""
        source, target = self.hparams["direction"].split("2")
        batch = self._directed(batch)
        fake = self.translate(batch.A)
        columns = {source: batch.A, f"{source} -> {target}": fake}
        if batch.truth_A2B is not None:
            columns[f"truth in {target}"] = batch.truth_A2B
        columns[f"taken for {target} (white)"] = self._believed(fake)
        return {self.hparams["direction"]: Grid(columns)}

    @torch.no_grad()
    def _believed(self, images: Tensor) -> Tensor:
        """Return a map of the discriminator's scores, white where it takes a patch for real, (N, C, H, W)."""
        with evaluating(self.discriminator):
            scores = self.discriminator(images).float()
        # The scores of least squares aim at 0 and 1, those of the others are logits.
        aimed = self.hparams["objective"] == "least_squares"
        real = scores.clamp(0, 1) if aimed else scores.sigmoid()
        return F.interpolate(2 * real - 1, images.shape[-2:]).expand_as(images)

    def predict_step(self, batch: PredictBatch, batch_idx: int) -> Predictions:
        """Translate a batch of a folder."""
        return Predictions(self.translate(batch.images), batch.names)

    def _directed(self, batch: UnpairedBatch) -> UnpairedBatch:
        """Return a batch of which A is to become B."""
        if self.hparams["direction"] == "A2B":
            return batch
        truths = batch.truth_B2A, batch.truth_A2B
        return UnpairedBatch(batch.B, batch.A, *truths, batch.names_B, batch.names_A)

    def _entering(self, images: Tensor) -> Tensor:
        """Return images with the channels that the generator takes: grey ones are repeated."""
        return images.expand(-1, self.generator_channels, -1, -1)


def _of_all_processes(keys: Tensor) -> tuple[Tensor, int]:
    """Return the keys (K, C) of all processes, and at which of them those of this one begin."""
    if not (dist.is_available() and dist.is_initialized()):
        return keys, 0
    parts = [torch.empty_like(keys) for _ in range(dist.get_world_size())]
    dist.all_gather(parts, keys.contiguous())
    return torch.cat(parts), dist.get_rank() * len(keys)


def _common_channels(A: int, B: int) -> int:
    if A != B and 1 not in (A, B):
        raise ValueError(
            f"channels_A is {A} and channels_B {B}: the generator's first layers see both domains, so they "
            "have as many channels, or one of them is grey."
        )
    return max(A, B)


def _numbers(layers: Sequence[int | str], generator: ResNetGenerator) -> list[int]:
    """Return the numbers of layers.

    Raises:
        ValueError: if there is none, one is unknown, or they do not ascend.
    """
    names = generator.feature_numbers()
    numbers = [names.get(layer, -1) if isinstance(layer, str) else layer for layer in layers]
    last = max(names.values())
    if not numbers or sorted(set(numbers)) != numbers or not 0 <= numbers[0] <= numbers[-1] <= last:
        known = ", ".join(f"{name} ({number})" for name, number in names.items())
        raise ValueError(
            f"model.nce_layers is {list(layers)}: it holds names or numbers of layers, 0 to {last}, "
            f"in ascending order. This generator has {known}."
        )
    return numbers
