"""StarGAN: translation between many domains by one generator (Choi et al. 2018, arXiv:1711.09020)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from datamodules.base import PredictBatch
from datamodules.multi_domain.attributes import Attributes, Target
from datamodules.multi_domain.batches import MultiDomainBatch
from gans.families.regularised import Regularised
from gans.inference import Given, Images, coded, evaluating, how_many, mapped
from gans.losses import adversarial
from gans.losses.classification import classification
from gans.losses.reconstruction import l1
from gans.networks.stargan import StarGANDiscriminator, StarGANGenerator
from gans.protocol import Comparison, Grid, Predictions
from gans.training.schedules import Schedule
from gans.training.turns import Player, Turn

CELEBA = [["Black_Hair", "Blond_Hair", "Brown_Hair", "Male", "Young"]]
CELEBA_EXCLUSIVE = [["Black_Hair", "Blond_Hair", "Brown_Hair"]]


class StarGAN(Regularised):
    """Learns to change attributes of images, or their domain, with one generator for all of them.

    The generator sees an image and the label it is to have, and must be able to turn its translation back.
    The discriminator tells real from fake and names the attributes: it learns these from real images only,
    and the generator learns from what it says of fakes. The discriminator learns in every step, the generator
    in every `discriminator_steps`-th, from the same fakes and the updated discriminator. The paper's defaults
    throughout: Wasserstein loss with gradient penalty, Adam(1e-4, 0.5, 0.999), rate constant for the first
    half of the steps and falling to 0 over the second.

    Attributes are classified by themselves (sigmoid), also those of which an image has at most one, as the
    paper does with CelebA's colours of hair; where they are domains, one group that is all attributes of a
    data set, they are classified together (softmax), as it does with RaFD.

    With several data sets, whose attributes differ, a mask joined to the label says whose attributes count,
    and classification counts only those that the image's data set knows.

    Images are (N, channels, H, W) in [-1, 1]; translated are such of any size.

    Args:
        channels: channels of the images; taken from the data on the command line.
        image_size: edge in pixels of the training images; it sets the discriminator's depth.
        attributes: names of the attributes, by data set; taken from the data on the command line. By default
            CelebA's of the paper.
        exclusive: groups of attributes of which an image has at most one; likewise.
        generator_width: channels after the generator's first convolution.
        blocks: residual blocks of the generator.
        downsamplings: its stride-2 convolutions before the blocks; fewer keep more detail of small images.
        discriminator_width: channels after the discriminator's first convolution.
        discriminator_layers: its stride-2 convolutions; by default by the image size, 6 for 128 pixels.
        discriminator_steps: steps of the discriminator for each of the generator.
        objective: the adversarial loss.
        gradient_penalty: weight of the gradient penalty; 0 leaves it out.
        classification_weight: weight of both players' classification losses.
        reconstruction_weight: weight of the L1 distance between an image and its return.
        target: attributes that `predict` gives to images, the rest of which it keeps; by default it gives
            them every single one, each in a folder of its name.
        learning_rate: see `AdversarialModule`.
        schedule: likewise.
        **shared: the other arguments of `Regularised` and `AdversarialModule`.

    Raises:
        ValueError: if an argument is out of range, or attributes contradict each other.
    """

    batch_type = MultiDomainBatch
    schedule_unit: ClassVar[str] = "step"
    objective: adversarial.Objective
    players: ClassVar[tuple[Player, ...]] = (
        Player("discriminator", ("discriminator",)),
        Player("generator", ("generator",)),
    )
    turns = (Turn("discriminator"), Turn("generator", every="discriminator_steps"))

    def __init__(
        self,
        channels: int = 3,
        image_size: int = 128,
        attributes: list[list[str]] | None = None,
        exclusive: list[list[str]] | None = None,
        generator_width: int = 64,
        blocks: int = 6,
        downsamplings: int = 2,
        discriminator_width: int = 64,
        discriminator_layers: int | None = None,
        discriminator_steps: int = 5,
        objective: adversarial.ObjectiveName = "wasserstein",
        gradient_penalty: float = 10.0,
        classification_weight: float = 1.0,
        reconstruction_weight: float = 10.0,
        target: list[str] | None = None,
        learning_rate: float = 1e-4,
        schedule: Schedule = "linear",
        **shared: Any,
    ) -> None:
        super().__init__(
            learning_rate=learning_rate, schedule=schedule, gradient_penalty=gradient_penalty, **shared
        )
        weights = classification_weight, reconstruction_weight
        if min(weights) < 0:
            raise ValueError(
                f"model.classification_weight and reconstruction_weight are {weights}: weights are not "
                "negative."
            )
        if discriminator_steps < 1:
            raise ValueError(f"model.discriminator_steps is {discriminator_steps}: it is 1 or more.")
        groups = CELEBA_EXCLUSIVE if attributes is None and exclusive is None else exclusive or []
        self.attributes = Attributes(attributes or CELEBA, groups)
        if target:
            self.attributes.with_names(target, torch.zeros(1, len(self.attributes.flat)))  # is it possible?
        names, data_sets = len(self.attributes.flat), len(self.attributes.names)
        joined = names + (data_sets if data_sets > 1 else 0)
        self.generator = StarGANGenerator(channels, joined, generator_width, blocks, downsamplings)
        self.discriminator = self.bounded(
            StarGANDiscriminator(channels, names, image_size, discriminator_width, discriminator_layers)
        )
        self.objective = adversarial.objective(objective)

    def setup(self, stage: str) -> None:
        """Refuse a data module for another kind of model, or with other attributes."""
        super().setup(stage)
        given = getattr(getattr(self.trainer, "datamodule", None), "attributes", None)
        own = [list(names) for names in self.attributes.names]
        if given is not None and stage != "predict" and given != own:
            raise ValueError(
                f"The model was made for the attributes {own}, and the data has {given}: choose them in this "
                "order with --data.attributes."
            )

    def produce(self, batch: MultiDomainBatch) -> Tensor:
        """Translate to the targets, once for both players; with a graph only if the generator is due."""
        assert batch.targets is not None
        with torch.set_grad_enabled(self.is_due("generator")):
            return self._generate(self.generator, batch.images, Target(batch.targets, batch.mask))

    def discriminator_terms(self, batch: MultiDomainBatch, fake: Tensor) -> dict[str, Tensor]:
        """Return the losses of judging and of naming the attributes of real images, and the penalties."""
        real, fake = self.shown(batch.images), self.shown(fake.detach())
        scores, logits = self.discriminator(torch.cat([real, fake]))
        real_scores, fake_scores = scores.chunk(2)
        named = classification(self.attributes.groups, logits.chunk(2)[0], batch.labels, batch.mask)
        return {
            "adversarial": self.discriminator_loss(real_scores, fake_scores),
            "classification": self.hparams["classification_weight"] * named,
        } | self.penalties(lambda images: self.discriminator(images)[0], real, fake)

    def generator_terms(self, batch: MultiDomainBatch, fake: Tensor) -> dict[str, Tensor]:
        """Return the losses of being found out, of not showing the target and of no way back, weighted."""
        assert batch.targets is not None
        scores, logits = self.discriminator(self.shown(fake))
        real_scores = None
        if self.objective.needs_real:
            real_scores = self.discriminator(self.shown(batch.images))[0]
        named = classification(self.attributes.groups, logits, batch.targets, batch.mask)
        back = self._generate(self.generator, fake, Target(batch.labels, batch.mask))
        return {
            "adversarial": self.objective.generator(scores, real_scores),
            "classification": self.hparams["classification_weight"] * named,
            "reconstruction": self.hparams["reconstruction_weight"] * l1(back, batch.images),
        }

    def _generate(self, network: nn.Module, images: Tensor, target: Target) -> Tensor:
        if not len(images):  # instance norm refuses empty batches, which evaluation has on many processes
            return images
        one_set = target.mask.shape[1] == 1
        label = target.labels if one_set else torch.cat([target.labels, target.mask], dim=1)
        translated: Tensor = network(images, label)
        return translated

    def translate(
        self, images: Given, target: Tensor | str | Sequence[str], labels: Tensor | None = None
    ) -> Given:
        """Translate images without a trainer or data module.

        Args:
            images: (N, channels, H, W) or (channels, H, W) in [-1, 1], or Pillow images, of any size; see
                `gans.inference.Images`.
            target: names of attributes that the images are to have: what excludes them goes, all else stays;
                or labels (N, K) or (K,) of 0 and 1, in the order of `attributes.flat`, which say all.
            labels: with names, what the images show, (N, K) or (K,); by default what `recognise` sees.

        Returns:
            The translated images, of the same height and width: as tensor in [-1, 1] where the module is, or
            as Pillow images.

        Raises:
            ValueError: if the images have other channels, or another type or range, or the target is
                impossible, or there are not as many labels as images.
        """
        network = self.averaged("generator")
        count = how_many(images)
        if isinstance(target, Tensor):
            chosen = self.attributes.of_labels(_one_for_each(target, count))
        else:
            shown = self.recognise(images) if labels is None else _one_for_each(labels, count)
            chosen = self.attributes.with_names([target] if isinstance(target, str) else target, shown)

        def translated(batch: Tensor, *target: Tensor) -> Tensor:
            return self._generate(network, batch, Target(*target))

        return mapped(images, network, self.hparams["channels"], translated, *chosen)

    def _translated(self, images: Tensor, target: Target) -> Tensor:
        network = self.averaged("generator")
        with evaluating(network):
            return self._generate(network, images, target)

    def recognise(self, images: Images) -> Tensor:
        """Return the labels (N, K) of 0 and 1 that the discriminator sees in images, where the module is.

        They are (N, channels, H, W) or (channels, H, W) in [-1, 1], or Pillow images; see
        `gans.inference.Images`.

        Raises:
            ValueError: if the images have other channels, or another type or range.
        """
        return coded(images, self.discriminator, self.hparams["channels"], self._recognised)

    def _recognised(self, batch: Tensor) -> Tensor:
        side = self.hparams["image_size"]
        if not len(batch):
            return batch.new_zeros(0, len(self.attributes.flat))
        if batch.shape[2:] != (side, side):
            batch = F.interpolate(batch, size=(side, side), mode="bilinear", antialias=True)
        return self.attributes.most_likely(self.discriminator(batch)[1])

    def comparisons(self, batch: MultiDomainBatch) -> dict[str, Comparison]:
        """Return, for every attribute, images with it changed, beside real ones that have it.

        An attribute outside all groups is turned round, so that the real ones are all that are known.
        """
        return {name: self._comparison(batch, name) for name in self.attributes.flat}

    def _comparison(self, batch: MultiDomainBatch, name: str) -> Comparison:
        target, column = self._towards(batch, name), self.attributes.flat.index(name)
        known = self.attributes.known(batch.mask)
        real = batch.labels[:, column] > 0 if self.attributes.group_of(name) else known[:, column] > 0
        return Comparison(
            fake=self._translated(batch.images, target),
            real=batch.images[real],
            source=batch.images,
            truth=None if batch.truths is None else batch.truths[:, column],
            labels=_nan_where_unknown(target.labels, self.attributes.known(target.mask)),
            source_labels=_nan_where_unknown(batch.labels, known),
        )

    def _towards(self, batch: MultiDomainBatch, name: str) -> Target:
        return self.attributes.towards(name, batch.labels, batch.mask)

    def grids(self, batch: MultiDomainBatch) -> dict[str, Grid]:
        """Return the input and, for every attribute, the image with it changed, and the truth if known."""
        columns = {"input": batch.images}
        for column, name in enumerate(self.attributes.flat):
            columns[name] = self._translated(batch.images, self._towards(batch, name))
            if batch.truths is not None:
                columns[f"true {name}"] = batch.truths[:, column]
        return {"domains": Grid(columns)}

    def predict_step(self, batch: PredictBatch, batch_idx: int) -> Predictions:
        """Give a batch of a folder the attributes of `target`, or every single one."""
        if self.hparams["target"]:
            return Predictions(self.translate(batch.images, self.hparams["target"]), batch.names)
        shown = self.recognise(batch.images)
        translated = [self.translate(batch.images, [name], shown) for name in self.attributes.flat]
        names = [f"{name}/{file}" for name in self.attributes.flat for file in batch.names]
        return Predictions(torch.cat(translated), names, list(batch.names) * len(translated))


def _one_for_each(labels: Tensor, count: int) -> Tensor:
    """Return labels (count, K), of which there were as many, or one (K,) for all."""
    if labels.ndim == 2 and len(labels) != count:
        raise ValueError(f"{count} images need one label for all, or one each, not {len(labels)}.")
    return labels.expand(count, -1) if labels.ndim == 1 else labels


def _nan_where_unknown(labels: Tensor, known: Tensor) -> Tensor:
    return labels.masked_fill(known == 0, torch.nan)
