"""Training batches of domains in equal shares, each image with two pictures of the domain it is to become."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from datamodules.loading import Key, uniform_draws
from datamodules.multi_domain.attributes import Attributes
from datamodules.multi_domain.batches import LoadedBatch, TrainingBatches
from datamodules.multi_domain.sources import LabelledImages
from datamodules.transforms import WINDOW_DRAWS, Preprocess

IMAGES, REFERENCES, PAIRING = 0, 1, 2  # what is drawn, each by itself


class ReferencedBatches(TrainingBatches):
    """Makes training batches of one data set, whose attributes are domains; smaller ones are repeated.

    Within an epoch the images of a domain come in a random order, each of them once before any comes again,
    and so do the references: every domain is as often a source and as often a target as any other. The target
    is the domain of the first reference, which may be the image's own; the second one is another picture of
    that domain, where it has two. All draws are a function of (seed, epoch, index).

    The authors' program draws with replacement, and pairs references once, at its start.

    Raises:
        ValueError: if there are several data sets, or an image of no domain.
    """

    def __init__(
        self, sets: Sequence[LabelledImages], attributes: Attributes, preprocess: Preprocess, seed: int
    ) -> None:
        super().__init__(sets, attributes, preprocess, seed)
        if len(sets) > 1:
            raise ValueError(f"references: there are {len(sets)} data sets, and domains are those of one.")
        (self._labels_of_one,) = self.labels
        lost = (self._labels_of_one.sum(1) != 1).nonzero()[:, 0].tolist()
        if lost:
            raise ValueError(
                f"{self.sets[0].names[lost[0]]} is of no domain, and so are {len(lost)} of "
                f"{len(self.sets[0])} images: each is to have one of {', '.join(attributes.flat)}. Take "
                "these images away, or name further attributes."
            )
        members = [column.nonzero()[:, 0].numpy() for column in self._labels_of_one.T]
        self._members: list[NDArray[np.int64]] = [rows for rows in members if len(rows)]
        self._orders: tuple[int, dict[tuple[int, ...], NDArray[np.int64]]] = (-1, {})

    def __len__(self) -> int:
        return len(self._members) * max(map(len, self._members))

    def __getitem__(self, keys: list[Key]) -> LoadedBatch:
        loaded = super().__getitem__(keys)
        pairs = [self._pair(*key) for key in keys]
        rows = [first for first, _ in pairs] + [second for _, second in pairs]
        draws = uniform_draws(self.seed, keys, 3 * WINDOW_DRAWS)[:, WINDOW_DRAWS:]
        draws = torch.cat(draws.chunk(2, dim=1))
        chosen = self.preprocess.zoomed([self.sets[0][row] for row in rows], draws)
        stacked = self.preprocess.stack(chosen, [self.sets[0].names[row] for row in rows])
        return loaded._replace(
            batch=loaded.batch._replace(references=stacked),
            augment_references=self.preprocess.augmentation(chosen, draws),
        )

    def place(self, epoch: int, index: int) -> tuple[int, int]:
        """Return 0, the one data set, and the image of an item."""
        return 0, self._dealt(epoch, IMAGES, index)[0]

    def partner(self, epoch: int, index: int) -> int:
        """Return the first reference, whose domain is the target."""
        return self._pair(epoch, index)[0]

    def _pair(self, epoch: int, index: int) -> tuple[int, int]:
        """Return both references of an item."""
        order = self._order(epoch, (PAIRING,), np.arange(len(self)))
        return self._dealt(epoch, REFERENCES, int(order[index]))

    def _dealt(self, epoch: int, what: int, index: int) -> tuple[int, int]:
        """Return the image that an item gets of its domain, and another one of that."""
        domain, number = index % len(self._members), index // len(self._members)
        members = self._members[domain]
        deal, place = divmod(number, len(members))
        order = self._order(epoch, (what, domain, deal), members)
        return int(order[place]), int(order[place - 1])

    def _order(self, epoch: int, what: tuple[int, ...], items: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return items in a random order, which is a function of seed, epoch and what they are for."""
        if self._orders[0] != epoch:
            self._orders = epoch, {}
        orders = self._orders[1]
        if what not in orders:
            orders[what] = np.random.default_rng((self.seed, epoch, len(self), *what)).permutation(items)
        return orders[what]
