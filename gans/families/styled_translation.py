"""Translation between two domains in random, given or borrowed styles: what a trained MUNIT does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple
from zlib import crc32

import torch
from torch import Tensor

from datamodules.base import PredictBatch
from datamodules.unpaired.batches import UnpairedBatch
from gans.families.regularised import Regularised
from gans.inference import (
    Given,
    Images,
    coded,
    evaluating,
    how_many,
    mapped,
    one_for_each,
    seeded_noise,
)
from gans.networks.munit import StyledAutoencoder
from gans.protocol import Comparison, Grid, Predictions

Domain = Literal["A", "B"]
Direction = Literal["A2B", "B2A"]
GRID_STYLES = 4


class _Side(NamedTuple):
    """The images of one domain, the real ones of the other, and the truth where it is known."""

    direction: Direction
    images: Tensor
    names: Sequence[str]
    real: Tensor
    truth: Tensor | None


class StyledTranslation(Regularised):
    """Base of variants that translate by the content of one domain and the style of the other.

    A sub-class has the networks `autoencoder_A` and `autoencoder_B`, and the arguments `channels_A`,
    `channels_B`, `style_size`, `style_std` (standard deviation of random styles) and `direction` (which way
    `predict` translates).
    """

    batch_type = UnpairedBatch

    def style_of(self, images: Images, domain: Domain) -> Tensor:
        """Return the styles (N, style_size) of images of a domain, `A` or `B`, where the module is.

        They are (N, C, H, W) or (C, H, W) in [-1, 1], or Pillow images; see `gans.inference.Images`.

        Raises:
            ValueError: if the domain is unknown, or the images have other channels than it has, or another
                type or range.
        """
        if domain not in ("A", "B"):
            raise ValueError(f"domain is {domain!r}: it is A or B.")
        autoencoder = self._averaged(domain)
        return coded(images, autoencoder, self.hparams[f"channels_{domain}"], autoencoder.style_of)

    def translate(
        self, images: Given, direction: Direction = "A2B", style: Images | None = None, seed: int = 0
    ) -> Given:
        """Translate images without a trainer or data module, in a random or a given style.

        A translation depends on its image and its style alone, never on the others of the batch.

        Args:
            images: (N, C, H, W) or (C, H, W) in [-1, 1], or Pillow images, of any size; see
                `gans.inference.Images`.
            direction: `A2B` or `B2A`.
            style: styles of the target domain, (style_size,) for all images or (N, style_size); or reference
                images of that domain, one for all or as many, of any form and size, whose styles are taken.
                None draws one random style for all images.
            seed: of the random style, which is the same on every machine; another seed, another outcome.

        Returns:
            The translated images, of the same height and width: as tensor in [-1, 1] where the module is, or
            as Pillow images.

        Raises:
            ValueError: if the direction is unknown, the images have other channels than their domain, or
                another type or range, or the style has another shape.
        """
        if direction not in ("A2B", "B2A"):
            raise ValueError(f"direction is {direction!r}: it is A2B or B2A.")
        source: Domain = "A" if direction == "A2B" else "B"
        target: Domain = "B" if direction == "A2B" else "A"
        encoder, decoder = self._averaged(source), self._averaged(target)
        if style is None:
            style = self._random_by(seed)
        elif not isinstance(style, Tensor) or style.ndim > 2:
            style = self.style_of(style, target)
        styles = one_for_each(style, how_many(images), self.hparams["style_size"])

        def translated(batch: Tensor, style: Tensor) -> Tensor:
            if not len(batch):  # a process may have no image to evaluate
                return batch.new_empty(0, self.hparams[f"channels_{target}"], *batch.shape[-2:])
            return decoder.decode(encoder.content_of(batch), style, like=batch)

        with evaluating(decoder):
            return mapped(images, encoder, self.hparams[f"channels_{source}"], translated, styles)

    def _averaged(self, domain: Domain) -> StyledAutoencoder:
        autoencoder = self.averaged(f"autoencoder_{domain}")
        assert isinstance(autoencoder, StyledAutoencoder)
        return autoencoder

    def _random_by(self, *seeds: int) -> Tensor:
        """Return random styles (N, style_size), each of which depends on its seed alone."""
        return seeded_noise(seeds, self.hparams["style_size"]) * float(self.hparams["style_std"])

    def outcomes(self, batch: UnpairedBatch, count: int) -> dict[str, Tensor]:
        """Return, for A2B and B2A, `count` translations of every image: (N, count, C, H, W) in [-1, 1].

        Their random styles depend on the image's name, not on its place among batches and processes.
        """
        return {side.direction: self._outcomes(*side[:3], count) for side in _sides(batch)}

    def _outcomes(self, direction: Direction, images: Tensor, names: Sequence[str], count: int) -> Tensor:
        names = names or [str(place) for place in range(len(images))]
        made = []
        for k in range(count):
            styles = self._random_by(*(crc32(f"{name}/{k}".encode()) for name in names))
            made.append(self.translate(images, direction, styles))
        return torch.stack(made, dim=1)

    def comparisons(self, batch: UnpairedBatch) -> dict[str, Comparison]:
        """Return translations in random styles beside real images, and translations in the truth's style.

        Many outcomes are right, and where the data knows a truth it is one of them: the distance of a random
        one from it would say nothing, so those go without. What can be held against the truth is the outcome
        in the truth's own style, under the names `A2B_in_style_of_truth` and `B2A_in_style_of_truth`.
        """
        compared = {}
        for direction, images, names, real, truth in _sides(batch):
            fake = self._outcomes(direction, images, names, count=1)[:, 0]
            compared[str(direction)] = Comparison(fake, real, images)
            if truth is not None:
                styled = self.translate(images, direction, style=truth)
                compared[f"{direction}_in_style_of_truth"] = Comparison(styled, None, images, truth)
        return compared

    def grids(self, batch: UnpairedBatch) -> dict[str, Grid]:
        """Return, for both directions, inputs in several random styles, and in the styles of real images.

        In the grids of references the first row shows the images that lend their style to a column.
        """
        grids: dict[str, Grid] = {}
        for direction, images, _, real, _ in _sides(batch):
            random = {direction[0]: images}
            styled = {direction[0]: torch.cat([torch.ones_like(images[:1]), images])}
            for seed in range(GRID_STYLES):
                random[f"style {seed}"] = self.translate(images, direction, seed=seed)
            for place, reference in enumerate(real[:GRID_STYLES]):
                translated = self.translate(images, direction, style=reference)
                styled[f"style of {direction[2]} {place}"] = torch.cat([reference[None], translated])
            grids |= {str(direction): Grid(random), f"{direction}_reference": Grid(styled)}
        return grids

    def predict_step(self, batch: PredictBatch, batch_idx: int) -> Predictions:
        """Translate a batch of a folder in the given direction, each image in a style drawn by its name."""
        outcomes = self._outcomes(self.hparams["direction"], batch.images, batch.names, count=1)
        return Predictions(outcomes[:, 0], batch.names)


def _sides(batch: UnpairedBatch) -> tuple[_Side, _Side]:
    """Return what there is to translate, beside the images of the domain it is translated to."""
    return (
        _Side("A2B", batch.A, batch.names_A, batch.B, batch.truth_A2B),
        _Side("B2A", batch.B, batch.names_B, batch.A, batch.truth_B2A),
    )
