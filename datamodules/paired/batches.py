"""Batches of pairs, and the inputs of pairs alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from datamodules.image_sets import ImageSet
from datamodules.loading import Key, uniform_draws
from datamodules.transforms import Augmentation, Preprocess, stack_equal, to_unit_range

# pairs (N, C, H, W) in [-1, 1] -> inputs and targets
Separate = Callable[[Tensor], tuple[Tensor, Tensor]]
Square = Callable[[Tensor], Tensor]


class PairedBatch(NamedTuple):
    """Inputs and targets, (N, C, H, W) in [-1, 1], that belong together row by row.

    They have the same N, and may differ in C; targets are (N, C, scale * H, scale * W) by the scale of the
    data module, mostly 1. In evaluation N may be 0. Names are relative paths.
    """

    input: Tensor
    target: Tensor
    names: Sequence[str] = ()


class LoadedBatch(NamedTuple):
    """A batch as workers deliver it: pairs of uint8 (or float32), and what to do with them on the device."""

    pairs: Tensor
    names: list[str]
    separate: Separate
    augment: Augmentation | None = None

    def finish(self) -> PairedBatch:
        """Cut, mirror, scale and separate on the device the batch is on."""
        pairs = self.augment(self.pairs) if self.augment else self.pairs
        return PairedBatch(*self.separate(to_unit_range(pairs)), self.names)


class TrainingBatches:
    """Makes training batches; window and mirroring of a pair are a function of (seed, epoch, index)."""

    def __init__(self, pairs: ImageSet, separate: Separate, preprocess: Preprocess, seed: int) -> None:
        self.pairs, self.separate, self.preprocess, self.seed = pairs, separate, preprocess, seed

    def __getitem__(self, keys: list[Key]) -> LoadedBatch:
        chosen = [self.pairs[index] for _, index in keys]
        names = [self.pairs.names[index] for _, index in keys]
        augment = self.preprocess.augmentation(chosen, uniform_draws(self.seed, keys, 3))
        return LoadedBatch(self.preprocess.stack(chosen, names), names, self.separate, augment)


class EvaluationBatches:
    """Makes evaluation batches of lists with one list of indices.

    Args:
        pairs: whole ones.
        separate: makes inputs and targets of them.
        square: makes pairs (C, H, W) of one size where theirs differ; None refuses these.
    """

    def __init__(self, pairs: ImageSet, separate: Separate, square: Square | None = None) -> None:
        self.pairs, self.separate, self.square = pairs, separate, square

    def __getitem__(self, indices: list[list[int]]) -> LoadedBatch:
        (rows,) = indices
        names = [self.pairs.names[row] for row in rows]
        chosen = [self.pairs[row] for row in rows]
        if self.square is not None and len({pair.shape for pair in chosen}) > 1:
            chosen = [self.square(pair) for pair in chosen]
        if not rows:  # this process has none left: an empty batch of the right shape
            chosen = [self.pairs[0]]
        return LoadedBatch(stack_equal(chosen, names or [""])[: len(rows)], names, self.separate)


@dataclass(frozen=True)
class Inputs:
    """The inputs of a set of pairs, as an `ImageSet` to be translated."""

    pairs: ImageSet
    separate: Separate

    @property
    def names(self) -> Sequence[str]:
        """Those of the pairs."""
        return self.pairs.names

    @property
    def one_size(self) -> bool:
        """Whether all have one height and width."""
        return self.pairs.one_size

    @property
    def folder(self) -> Path | None:
        """Where the pairs lie."""
        return self.pairs.folder

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> Tensor:
        inputs, _ = self.separate(to_unit_range(self.pairs[index])[None])
        return inputs[0]
