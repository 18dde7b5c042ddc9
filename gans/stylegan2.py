"""StyleGAN2: styles for every layer, and regularisers in turns of their own (arXiv:1912.04958)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar, NamedTuple
from zlib import crc32

import torch
from torch import Tensor

from datamodules.images.batches import ImageBatch
from gans.families.from_latents import DECODED_AT_ONCE, cut
from gans.families.noise_to_image import NoiseToImage
from gans.inference import consecutive, seeded_noise
from gans.losses.penalties import counted_by_all, path_lengths, r1_penalty
from gans.networks.sizes import Side
from gans.networks.stylegan2.discriminator import DiscriminatorArchitecture, StyleGAN2Discriminator
from gans.networks.stylegan2.generator import StyleGAN2Generator
from gans.networks.stylegan2.sizes import nominal_side
from gans.networks.stylegan2.synthesis import Architecture, Noise
from gans.protocol import Comparison
from gans.sampling.joined_noise import JoinedChance
from gans.training.arguments import (
    AT_LEAST_ONE,
    NOT_NEGATIVE,
    NOT_NEGATIVE_IF_GIVEN,
    Range,
    check_ranges,
)
from gans.training.combinations import PENALTIES
from gans.training.processes import joined_mean
from gans.training.turns import Player, Turn

WIDE_FROM = 512  # pixels, from which networks are twice as wide by default
LENGTHS_DECAY = 0.99  # of the running mean of path lengths
NOISE_SEEDS = 2**32  # beyond those of latents that names of images have

RANGES: dict[str, Range] = {
    "mixing": (lambda share: 0 <= share <= 1, "is a probability, from 0 to 1"),
    "path_length_weight": NOT_NEGATIVE,
    "path_length_every": AT_LEAST_ONE,
    "minibatch_group": NOT_NEGATIVE,
    "truncation": NOT_NEGATIVE,
    "ema_kimg": NOT_NEGATIVE_IF_GIVEN,
    "ema_rampup": NOT_NEGATIVE_IF_GIVEN,
}


class Dealt(NamedTuple):
    """What the turns of a step take: latents of each (N, latent_size), labels or None, and further draws."""

    generator: Tensor
    path_length: Tensor
    discriminator: Tensor
    penalties: Tensor
    labels: Tensor | None
    chance: JoinedChance


class StyleGAN2(NoiseToImage):
    """Learns to make images by a generator whose every layer has a style, mapped from one latent.

    Four turns a step, as in the authors' program: the generator by the adversarial loss; in every
    `path_length_every`-th step the same Adam once more by path lengths, on half of the batch; the
    discriminator; and in every `penalty_every`-th step its Adam once more by R1, the gradients taken on
    images before any augmentation. Adam's rate and betas are lowered to make up for the steps in between.
    All fakes have latents of their own, and labels are those of the batch.

    The defaults are the authors' preset `auto`, whose R1 weight and averages follow from the size of images
    and of the joined batch; configs/paper/stylegan2_*.yaml are their others. Images are squares of a power
    of two, or what `gans.networks.stylegan2.sizes.map_sizes` tells.

    Papers: Karras et al. 2020, arXiv:1912.04958, and 2020, arXiv:2006.06676.

    Args:
        image_size: of the images in pixels, one number or height and width; taken from the data on the
            command line.
        latent_size: numbers in a latent z.
        style_size: numbers in w, the style of a layer.
        mapping_layers: from z to w; 8 in the first paper and the presets named after papers.
        generator_width: channels of a feature map times its side; by default 16384, from 512 pixels 32768.
        discriminator_width: the same of the discriminator; by default as wide.
        most_channels: of any feature map of both.
        generator_architecture: `skip`, `residual` or `plain`, see `Synthesis`.
        discriminator_architecture: `residual`, `skip` or `plain`, see `StyleGAN2Discriminator`.
        minibatch_group: images over which the discriminator sees how varied they are; 0 does without.
        mixing: probability that a step's images have a second style from some layer on.
        path_length_weight: of the penalty on path lengths; 0 leaves it out.
        path_length_every: steps from one turn of it to the next.
        r1_weight: gamma of R1; by default 0.0002 times the pixels of an image, by the images of a step.
        penalty_every: steps from one turn of the penalties to the next.
        truncation: psi of what `predict` makes, see `sample`; pictures and metrics of the training have 1.
        ema_kimg: thousands of images in which the averages of the generator lose half of their past; by
            default 10 for 32 images a step, and as many more for more. 0 keeps none. `ema_decay` above 0 is
            taken instead.
        ema_rampup: that half-life is at most this share of the images seen so far; null for no such limit.
        learning_rate: see `AdversarialModule`; the authors take 0.002 from 1024 pixels.
        betas: see `AdversarialModule`.
        **shared: the other arguments of `NoiseToImage`, `Regularised` and `AdversarialModule`.

    Raises:
        ValueError: if an argument is out of range, or images have a size that doubling does not reach.
    """

    takes_oblongs = True
    turns: ClassVar[tuple[Turn, ...]] = (
        Turn("generator", every="discriminator_steps"),
        Turn("path_length", players=("generator",), every="path_length_every", begins=True),
        Turn("discriminator"),
        Turn("penalties", players=("discriminator",), every="penalty_every", begins=True),
    )
    generator: StyleGAN2Generator
    mean_length: Tensor

    def __init__(
        self,
        image_size: Side = 256,
        latent_size: int = 512,
        style_size: int = 512,
        mapping_layers: int = 2,
        generator_width: int | None = None,
        discriminator_width: int | None = None,
        most_channels: int = 512,
        generator_architecture: Architecture = "skip",
        discriminator_architecture: DiscriminatorArchitecture = "residual",
        minibatch_group: int = 4,
        mixing: float = 0.9,
        path_length_weight: float = 2.0,
        path_length_every: int = 4,
        r1_weight: float | None = None,
        penalty_every: int = 16,
        truncation: float = 1.0,
        ema_kimg: float | None = None,
        ema_rampup: float | None = 0.05,
        learning_rate: float = 0.0025,
        betas: tuple[float, float] = (0.0, 0.99),
        **shared: Any,
    ) -> None:
        super().__init__(
            image_size=image_size,
            latent_size=latent_size,
            r1_weight=r1_weight,
            penalty_every=penalty_every,
            learning_rate=learning_rate,
            betas=betas,
            **shared,
        )
        check_ranges(self.hparams, RANGES)
        width = generator_width or (16384 if nominal_side(image_size) < WIDE_FROM else 32768)
        images: dict[str, Any] = {
            "channels": self.hparams["channels"],
            "image_size": image_size,
            "most_channels": most_channels,
            "classes": self.hparams["classes"],
        }
        discriminator = StyleGAN2Discriminator(
            **images,
            width=discriminator_width or width,
            architecture=discriminator_architecture,
            group=minibatch_group,
        )
        generator = StyleGAN2Generator(
            latent_size,
            style_size,
            mapping_layers,
            **images,
            width=width,
            architecture=generator_architecture,
        )
        self.play(generator, discriminator)
        self.style_size = style_size
        self.register_buffer("mean_length", torch.zeros(()))

    def active_turns(self) -> tuple[Turn, ...]:
        """Return the turns of this run: those whose terms have a weight."""
        asked = {
            "path_length": self.hparams["path_length_weight"] > 0,
            "penalties": any(self.hparams[name] is None or self.hparams[name] for name in PENALTIES),
        }
        return tuple(turn for turn in super().active_turns() if asked.get(turn.name, True))

    def settings_of(self, player: Player) -> dict[str, Any]:
        """Return the player's settings, lowered for the steps that its second turn adds."""
        settings = super().settings_of(player)
        name = {"generator": "path_length_every", "discriminator": "penalty_every"}[player.name]
        share = self.hparams[name] / (self.hparams[name] + 1)
        betas = tuple(beta**share for beta in settings["betas"])
        return settings | {"learning_rate": share * settings["learning_rate"], "betas": betas}

    def keeps_averages(self) -> bool:
        """Tell whether averages of the generator are kept."""
        return super().keeps_averages() or self.hparams["ema_kimg"] != 0

    def averaging_weight(self) -> float:
        """Return how far averages move, by the half-life that held in the step just counted."""
        if super().keeps_averages():
            return super().averaging_weight()
        images, kimg, share = self._images_of_a_step, self.hparams["ema_kimg"], self.hparams["ema_rampup"]
        half_life = images * 10_000 / 32 if kimg is None else kimg * 1000
        if share is not None:
            half_life = min(half_life, share * (self.global_step - 1) * images)
        return 1 - 0.5 ** (images / half_life) if half_life else 1.0

    def chance(self) -> JoinedChance:
        """Return what draws in this step: a function of seed and step, for all processes together."""
        return JoinedChance(self)

    def produce(self, batch: ImageBatch) -> Dealt:
        """Deal out the latents of all turns; note how many images a step sees."""
        count = len(batch.images)
        chance = self.chance()
        self._images_of_a_step = count * chance.world * self.hparams["accumulate"]
        main, length, judged, penalised = chance.normal(4 * count, self.latent_size).chunk(4)
        return Dealt(main, length, judged, penalised, self.labels_of(batch), chance)

    def generator_terms(self, batch: ImageBatch, dealt: Dealt) -> dict[str, Tensor]:
        """Return the adversarial loss of fakes made for it."""
        fake = self._fakes(dealt.generator, dealt)
        real = self._scores(batch.images, dealt) if self.objective.needs_real else None
        return {"adversarial": self.objective.generator(self._scores(fake, dealt), real)}

    def path_length_terms(self, batch: ImageBatch, dealt: Dealt) -> dict[str, Tensor]:
        """Return how unevenly images change with their styles, weighted; on half of the batch."""
        count = max(len(batch.images) // 2, 1)
        labels = None if dealt.labels is None else dealt.labels[:count]
        w = self._styles(dealt.path_length[:count], labels, dealt.chance)
        noise = self._noise(count, dealt.chance)
        height, width = batch.images.shape[-2:]
        directions = dealt.chance.normal(*batch.images[:count].shape) / (height * width) ** 0.5
        lengths = path_lengths(lambda styles: self.generator.synthesis(styles, noise), w, directions)
        mean = self.mean_length.lerp(joined_mean(lengths.mean()), 1 - LENGTHS_DECAY)
        self.mean_length.copy_(mean.detach())
        weight = self.hparams["path_length_weight"] * self.hparams["path_length_every"]
        penalty = weight * (lengths - mean).square().mean()
        return {"penalty": penalty + counted_by_all(self.generator.parameters())}

    def discriminator_terms(self, batch: ImageBatch, dealt: Dealt) -> dict[str, Tensor]:
        """Return the adversarial loss, of fakes made for it and of the batch."""
        with torch.no_grad():
            fake = self._fakes(dealt.discriminator, dealt)
        # By two forwards, the fakes first: groups for the deviation never mix real and fake.
        fakes, reals = self._scores(fake, dealt), self._scores(batch.images, dealt)
        return {"adversarial": self.discriminator_loss(reals, fakes)}

    def penalties_terms(self, batch: ImageBatch, dealt: Dealt) -> dict[str, Tensor]:
        """Return the weighted penalties, on images before augmentation."""
        weights = self.regularisers.due(self.global_step)
        r1_weight = weights.pop("r1_weight", self._r1_by_default(batch.images))
        terms = {}
        if r1_weight:
            terms["r1"] = r1_weight * r1_penalty(lambda images: self._noticed(images, dealt), batch.images)
        if weights:
            with torch.no_grad():
                fake = self._fakes(dealt.penalties, dealt)
            score = partial(self._scores, dealt=dealt)
            terms |= self.regularisers.penalties(score, batch.images, fake, weights)
        return {name: term + counted_by_all(self.discriminator.parameters()) for name, term in terms.items()}

    def _r1_by_default(self, images: Tensor) -> float:
        """Return R1's weight in a lazy step where no gamma is given, as the authors' preset auto finds it."""
        if self.hparams["r1_weight"] is not None:
            return 0.0
        gamma = 0.0002 * images.shape[-2] * images.shape[-1] / self._images_of_a_step
        return float(gamma * self.hparams["penalty_every"])

    def _noticed(self, images: Tensor, dealt: Dealt) -> Tensor:
        """Return the scores of real images, of which an adaptive augmentation takes notice.

        Where an objective recognises them beside fakes alone, which there are none of here, it does not.
        """
        scores = self._scores(images, dealt)
        if not self.objective.compares:
            self.recognised(self.objective.margins(scores, scores))
        return scores

    def sample(
        self, count: int, seed: int = 0, labels: Tensor | None = None, truncation: float = 1.0
    ) -> Tensor:
        """Make images without a trainer or data module, by the noise that each layer keeps.

        Args:
            count: how many.
            seed: image i is that of seed + i, whatever the count.
            labels: (count,) classes; by default (seed + i) modulo the number of classes.
            truncation: psi; below 1, such as 0.7, images are less varied and more like the training images.

        Returns:
            (count, channels, height, width) in [-1, 1], where the module is.

        Raises:
            ValueError: if the count is negative, or the labels are not those that the model needs.
        """
        return self.made_of(consecutive(count, seed), labels, truncation=truncation)

    def decode(self, latents: Tensor, condition: Tensor | None = None, **options: Any) -> Tensor:
        """Return the images of latents as `FromLatents.decode` does, cut to [-1, 1]: no tanh bounds them.

        Args:
            latents: (N, latent_size).
            condition: labels (N,), of a model with classes.
            **options: `truncation` and `noise`, see `StyleGAN2Generator`.
        """
        return cut(super().decode(latents, condition, **options))

    @property
    def style_layers(self) -> int:
        """How many layers take a w."""
        return self.generator.synthesis.layers

    @property
    def noise_sizes(self) -> Sequence[tuple[int, ...]]:
        """Height and width of the noise of every layer that takes some."""
        return self.generator.synthesis.noise_sizes

    @property
    def mean_style(self) -> Tensor:
        """The mean w of the training, (style_size,), towards which a truncation draws."""
        return self._shown_generator.mapping.mean

    @torch.no_grad()
    def styles(self, latents: Tensor, condition: Tensor | None = None, truncation: float = 1.0) -> Tensor:
        """Return w of every layer, (N, style_layers, style_size), by the averaged generator if there is one.

        Args:
            latents: (N, latent_size), of any device and precision.
            condition: labels (N,), of a model with classes.
            truncation: see `sample`.

        Raises:
            ValueError: as `decode` does.
        """
        generator: Any = self._shown_generator
        styles: Tensor = generator.styles(*self.given_to_decoder(latents, condition), truncation=truncation)
        return styles

    def style_weights(self) -> list[Tensor]:
        """Return the weights (channels, style_size) by which each layer takes its style, in their order."""
        return [layer.style.weight.detach() for layer in self._shown_generator.synthesis.styled_layers()]

    def decode_styles(self, styles: Tensor, noise: Noise = "constant") -> Tensor:
        """Return the images of w, by the averaged generator if there is one.

        Args:
            styles: (N, style_layers, style_size), one for each layer, or (N, style_size), one for all; of any
                device and precision. Gradients go through as by `decode`.
            noise: of the layers, see `gans.networks.stylegan2.synthesis.Noise`.

        Returns:
            (N, channels, height, width) in [-1, 1], where the module is.

        Raises:
            ValueError: if the styles have another shape.
        """
        expected = (self.style_layers, self.style_size)
        if styles.ndim not in (2, 3) or styles.shape[1:] not in (expected, expected[1:]):
            raise ValueError(
                f"Styles are (N, {expected[1]}) or (N, {expected[0]}, {expected[1]}), not of shape "
                f"{tuple(styles.shape)}."
            )
        every = styles if styles.ndim == 3 else styles[:, None].expand(-1, self.style_layers, -1)
        synthesis = self._shown_generator.synthesis
        parts = every.to(next(synthesis.parameters())).split(DECODED_AT_ONCE)
        with torch.set_grad_enabled(styles.requires_grad):
            return cut(torch.cat([synthesis(part, noise) for part in parts]))

    @property
    def _shown_generator(self) -> StyleGAN2Generator:
        generator: Any = self.averaged("generator")
        shown: StyleGAN2Generator = generator
        return shown

    def predicted(self, seeds: Sequence[int]) -> Tensor:
        """Return the samples that `predict` writes: those of seeds, truncated as the arguments say."""
        return self.made_of(seeds, truncation=self.hparams["truncation"])

    def comparisons(self, batch: ImageBatch) -> dict[str, Comparison]:
        """Return as many samples as there are images; latent and noise of each by the name of its image."""
        seeds = [crc32(name.encode()) for name in batch.names]
        labels, latents = self.labels_of(batch), self.latents(seeds)
        made = []
        for first in range(0, max(len(seeds), 1), DECODED_AT_ONCE):
            rows = slice(first, first + DECODED_AT_ONCE)
            own = None if labels is None else labels[rows]
            made.append(self.decode(latents[rows], own, noise=self.noise_of(seeds[rows])))
        return {"samples": Comparison(torch.cat(made), batch.images)}

    def noise_of(self, seeds: Sequence[int]) -> list[Tensor]:
        """Return random noise for each layer, (N, 1, H, W); that of image i depends on seed i alone."""
        sizes = self.noise_sizes
        counts = [height * width for height, width in sizes]
        rows = seeded_noise([seed + NOISE_SEEDS for seed in seeds], sum(counts))
        parts = rows.to(next(self.parameters())).split(counts, dim=1)
        return [part.view(-1, 1, *size) for part, size in zip(parts, sizes, strict=True)]

    def _fakes(self, latents: Tensor, dealt: Dealt) -> Tensor:
        w = self._styles(latents, dealt.labels, dealt.chance)
        images: Tensor = self.generator.synthesis(w, self._noise(len(latents), dealt.chance))
        return images

    def _styles(self, latents: Tensor, labels: Tensor | None, chance: JoinedChance) -> Tensor:
        """Return w of every layer, of a second style from some layer on; move the running mean of w."""
        w = self.generator.styles(latents, labels)
        self.generator.mapping.follow(joined_mean(w[:, 0].detach().mean(0)))
        if not self.hparams["mixing"]:
            return w
        layer = chance.integer(1, w.shape[1] - 1)
        mixes = chance.uniform() < self.hparams["mixing"]
        others = chance.normal(len(latents), self.latent_size)
        if not mixes:
            return w
        return torch.cat([w[:, :layer], self.generator.styles(others, labels)[:, layer:]], dim=1)

    def _noise(self, count: int, chance: JoinedChance) -> list[Tensor]:
        return [chance.normal(count, 1, *size) for size in self.generator.synthesis.noise_sizes]

    def _scores(self, images: Tensor, dealt: Dealt) -> Tensor:
        """Return the scores of images as the discriminator sees them."""
        scores: Tensor = self.discriminator(self.shown(images), dealt.labels)
        return scores
