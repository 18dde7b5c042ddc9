"""Looks of several domains evaluated, shown and predicted: what a trainer asks of a StarGAN v2."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

import torch
from torch import Tensor

from datamodules.base import PredictBatch
from datamodules.image_sets import find_images
from datamodules.listing import composed
from datamodules.multi_domain.batches import MultiDomainBatch
from datamodules.multi_domain.masks import without_masks
from datamodules.reading import read_pixels
from datamodules.transforms import to_unit_range
from gans.families.domain_styles import DomainStyles
from gans.protocol import Comparison, Grid, Predictions

GRID_LOOKS = 5


class _Pair(NamedTuple):
    """The images of one domain in a batch, to be translated to another one.

    Attributes:
        name: of the pair, such as `cat2dog`.
        target: the domain to translate to.
        images: of the source domain.
        masks: of these images, where the data has them.
        names: of these images.
        real: images of the target domain.
        truth: what the translation would ideally be, where it is known.
    """

    name: str
    target: str
    images: Tensor
    masks: Tensor | None
    names: list[str]
    real: Tensor
    truth: Tensor | None


class _Reference(NamedTuple):
    """A picture whose look `predict` borrows: its domain, its name without suffix, and its style (1, S)."""

    domain: str
    name: str
    style: Tensor


class DomainLooks(DomainStyles):
    """Base of variants whose translations in styles of domains are evaluated, shown and predicted.

    A sub-class has what one of `DomainStyles` has, and the arguments `target`, `looks`, `references` and
    `truncation`.
    """

    _borrowed: list[_Reference] | None = None

    def outcomes(self, batch: MultiDomainBatch, count: int) -> dict[str, Tensor]:
        """Return, for every ordered pair of domains, `count` looks of every image: (N, count, C, H, W).

        Their random styles depend on the image's name, not on its place among batches and processes.
        """
        return {pair.name: self._looks(pair, count) for pair in self._pairs(batch)}

    def _looks(self, pair: _Pair, count: int) -> Tensor:
        made = [
            self.translate(
                pair.images,
                pair.target,
                style=self._style_by_name(pair.names, pair.target, k),
                masks=pair.masks,
            )
            for k in range(count)
        ]
        return torch.stack(made, dim=1)

    def _style_by_name(self, names: Sequence[str], domain: str, look: int) -> Tensor:
        seeds = [crc32(f"{name}/{domain}/{look}".encode()) for name in names]
        return self.random_styles(domain, seeds, self.hparams["truncation"])

    def comparisons(self, batch: MultiDomainBatch) -> dict[str, Comparison]:
        """Return, for every ordered pair of domains, all looks beside real images of the target domain.

        Where the data knows what an image of one domain is in another, that is one look of many: the distance
        of random ones from it would say nothing. What can be held against it is the translation in its own
        style, under `cat2dog_in_style_of_truth`.
        """
        compared = {}
        for pair in self._pairs(batch):
            looks = self._looks(pair, self.hparams["looks"]).flatten(0, 1)
            compared[pair.name] = Comparison(looks, pair.real)
            if pair.truth is not None:
                styled = (
                    self.translate(pair.images, pair.target, reference=pair.truth, masks=pair.masks)
                    if len(pair.images)
                    else pair.images
                )
                compared[f"{pair.name}_in_style_of_truth"] = Comparison(styled, None, pair.images, pair.truth)
        return compared

    def _pairs(self, batch: MultiDomainBatch) -> list[_Pair]:
        labels = batch.labels.argmax(1)
        names = list(batch.names) or [str(place) for place in range(len(labels))]
        pairs = []
        for source, target in ((s, t) for s in range(len(self.domains)) for t in range(len(self.domains))):
            rows = (labels == source).nonzero()[:, 0]
            if source != target:
                pairs.append(
                    _Pair(
                        f"{self.domains[source]}2{self.domains[target]}",
                        self.domains[target],
                        batch.images[rows],
                        None if batch.masks is None else batch.masks[rows],
                        [names[row] for row in rows.tolist()],
                        batch.images[labels == target],
                        None if batch.truths is None else batch.truths[rows, target],
                    )
                )
        return pairs

    def grids(self, batch: MultiDomainBatch) -> dict[str, Grid]:
        """Return for each domain the inputs in several looks; and every input in the look of every other.

        In the latter, `references`, the first row shows the inputs and the first column the pictures that
        lend their look, each in its own domain, as the authors draw it.
        """
        grids = {}
        for domain in self.domains:
            columns = {"input": batch.images}
            for seed in range(GRID_LOOKS):
                columns[f"{domain}, look {seed}"] = self.translate(
                    batch.images, domain, seed, masks=batch.masks
                )
            grids[domain] = Grid(columns)
        return grids | {"references": self._cross_table(batch)}

    def _cross_table(self, batch: MultiDomainBatch) -> Grid:
        names = [self.domains[label] for label in batch.labels.argmax(1).tolist()]
        styles = self.style_of(batch.images, names)
        columns = {"reference": torch.cat([torch.ones_like(batch.images[:1]), batch.images])}
        for place, image in enumerate(batch.images):
            many = image.expand_as(batch.images)
            masks = None if batch.masks is None else batch.masks[place].expand_as(batch.masks)
            made = self.translate(many, names, style=styles, masks=masks)
            columns[f"input {place}"] = torch.cat([image[None], made])
        return Grid(columns)

    def predict_step(self, batch: PredictBatch, batch_idx: int) -> Predictions:
        """Translate a batch of a folder to every target, in random looks or in those of the references."""
        made, names = [], []
        if self.hparams["references"] is not None:
            for domain, name, style in self._references():
                made.append(self.translate(batch.images, domain, style=style[0], masks=batch.masks))
                names += [f"{domain}/{name}/{file}" for file in batch.names]
        else:
            for domain in self.hparams["target"] or self.domains:
                for look in range(self.hparams["looks"]):
                    styles = self._style_by_name(batch.names, domain, look)
                    made.append(self.translate(batch.images, domain, style=styles, masks=batch.masks))
                    names += [f"{domain}/look_{look}/{file}" for file in batch.names]
        return Predictions(torch.cat(made), names, list(batch.names) * len(made))

    def _references(self) -> list[_Reference]:
        """Return the pictures of the folder of references, read once.

        Raises:
            ValueError: if a sub-folder is none of the domains, or there is none.
            FileNotFoundError: if there is no such folder, or no picture in it.
        """
        if self._borrowed is None:
            folder = Path(self.hparams["references"]).expanduser()
            files = without_masks(find_images(folder, "references (model.references)"))
            self._borrowed = [self._reference(folder, path) for path in files.paths]
        return self._borrowed

    def _reference(self, folder: Path, path: Path) -> _Reference:
        domain, *rest = path.relative_to(folder).parts
        if not rest or composed(domain) not in self.domains:
            raise ValueError(
                f"model.references: {path} does not lie in a sub-folder named after a domain, which are "
                f"{', '.join(self.domains)}."
            )
        image = to_unit_range(read_pixels(path, self.hparams["channels"]))
        name = Path(*rest).with_suffix("").as_posix()
        return _Reference(composed(domain), name, self.style_of(image, composed(domain)))
