"""Batches of two domains whose images do not belong together."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from datamodules.image_sets import ImageSet
from datamodules.loading import Key, uniform_draws
from datamodules.transforms import Augmentation, Preprocess, resize, stack_equal, to_unit_range
from datamodules.unpaired.sources import Domains, HeldOut


class UnpairedBatch(NamedTuple):
    """Images of two domains, (N, C, H, W) in [-1, 1]; A and B do not belong together.

    In training both have the same N. In evaluation N may differ, and either may be empty (0, C, H, W),
    because every image occurs exactly once. `truth_A2B` shows the items of A in domain B, row by row, and
    `truth_B2A` those of B in domain A; None where nobody knows. Names are relative paths.
    """

    A: Tensor
    B: Tensor
    truth_A2B: Tensor | None = None
    truth_B2A: Tensor | None = None
    names_A: Sequence[str] = ()
    names_B: Sequence[str] = ()


class LoadedBatch(NamedTuple):
    """A batch as workers deliver it: uint8 (or float32) images, and what to cut from them in training."""

    batch: UnpairedBatch
    augment_A: Augmentation | None = None
    augment_B: Augmentation | None = None

    def finish(self) -> UnpairedBatch:
        """Cut, mirror and scale on the device the batch is on."""
        A, B, truth_A2B, truth_B2A, *names = self.batch
        return UnpairedBatch(
            to_unit_range(self.augment_A(A) if self.augment_A else A),
            to_unit_range(self.augment_B(B) if self.augment_B else B),
            None if truth_A2B is None else to_unit_range(truth_A2B),
            None if truth_B2A is None else to_unit_range(truth_B2A),
            *names,
        )


class Stage(NamedTuple):
    """The images of some epochs, and how they are cut."""

    A: ImageSet
    B: ImageSet
    preprocess: Preprocess


Choose = Callable[[list[Key], Tensor], tuple[list[int], list[int]]]
"""Returns the indices of the images of A and of B for keys of a batch and random draws (N, 11) in [0, 1)."""


class RandomPartners:
    """Takes A in turn and B at random.

    Args:
        count_A: images of A.
        count_B: images of B.
        length: items of an epoch.
        seed: of the order of A, where an epoch is shorter.
    """

    def __init__(self, count_A: int, count_B: int, length: int, seed: int) -> None:
        self._count_B = count_B
        self._turns = torch.arange(count_A)
        self._shift = 0  # images of A from one epoch to the next
        if length < count_A:
            # In an order of their own: those of sorted files would show one kind in each epoch.
            self._turns = torch.randperm(count_A, generator=torch.Generator().manual_seed(seed))
            self._shift = length

    def __call__(self, keys: list[Key], draws: Tensor) -> tuple[list[int], list[int]]:
        """Return the indices of A and of B."""
        (epoch, _), *_ = keys
        first = epoch * self._shift
        indices_A = [int(self._turns[(first + index) % len(self._turns)]) for _, index in keys]
        return indices_A, (draws[:, 0] * self._count_B).long().tolist()


class TrainingBatches:
    """Makes training batches: A in turn, B at random; all draws are a function of (seed, epoch, index).

    Args:
        read: returns A and B as a preprocess cuts windows from them.
        preprocess: how images are treated.
        seed: of whatever is drawn.
        length: items of an epoch; None takes as many as the larger domain has images.
        choose: which images of A and of B make a batch; by default `RandomPartners`.

    Attributes:
        windows_end: the first epoch of which images are whole, see `Preprocess.whole`. They are read when it
            comes.
    """

    def __init__(
        self,
        read: Callable[[Preprocess], Domains],
        preprocess: Preprocess,
        seed: int,
        length: int | None,
        choose: Choose | None = None,
    ) -> None:
        self.A, self.B = read(preprocess)
        self.windows_end = math.inf
        self._read, self._seed = read, seed
        self._length = length or max(len(self.A), len(self.B))
        self._windows = Stage(self.A, self.B, preprocess)
        self._whole: Stage | None = None
        self._choose = choose or RandomPartners(len(self.A), len(self.B), self._length, seed)

    def __len__(self) -> int:
        return self._length

    def begin(self, epoch: int) -> bool:
        """Read what an epoch needs, see `BatchesByEpoch`."""
        before = self._whole
        self._stage(epoch)
        return self._whole is not before

    def _stage(self, epoch: int) -> Stage:
        if epoch < self.windows_end:
            return self._windows
        if self._whole is None:
            whole = self._windows.preprocess.whole
            self._whole = Stage(*self._read(whole), whole)
        return self._whole

    def __getitem__(self, keys: list[Key]) -> LoadedBatch:
        (epoch, _), *_ = keys
        stage = self._stage(epoch)
        # the partner in B; per domain top, left and mirroring; per domain the two scales of a zoom
        draws = uniform_draws(self._seed, keys, 11)
        indices_A, indices_B = self._choose(keys, draws)
        A, augment_A, names_A = _cut(stage.A, stage.preprocess, indices_A, draws[:, [1, 2, 3, 7, 8]])
        B, augment_B, names_B = _cut(stage.B, stage.preprocess, indices_B, draws[:, [4, 5, 6, 9, 10]])
        return LoadedBatch(UnpairedBatch(A, B, names_A=names_A, names_B=names_B), augment_A, augment_B)


def _cut(
    images: ImageSet, preprocess: Preprocess, indices: list[int], draws: Tensor
) -> tuple[Tensor, Augmentation, list[str]]:
    """Return images in one tensor, what to cut from them, and their names."""
    chosen, names = [images[index] for index in indices], [images.names[index] for index in indices]
    chosen = preprocess.zoomed(chosen, draws)
    return preprocess.stack(chosen, names), preprocess.augmentation(chosen, draws), names


class EvaluationBatches:
    """Makes evaluation batches of indices into A and B."""

    def __init__(
        self, held_out: HeldOut, channels: tuple[int, int], size: int, *, same_size: bool = False
    ) -> None:
        self.held_out, self.channels, self.size, self.same_size = held_out, channels, size, same_size

    def __getitem__(self, indices: list[list[int]]) -> LoadedBatch:
        (A, B), (channels_A, channels_B) = indices, self.channels
        sets = self.held_out
        batch = UnpairedBatch(
            self._load(sets.A, A, channels_A),
            self._load(sets.B, B, channels_B),
            None if sets.truth_A2B is None else self._load(sets.truth_A2B, A, channels_B),
            None if sets.truth_B2A is None else self._load(sets.truth_B2A, B, channels_A),
            [sets.A.names[index] for index in A],
            [sets.B.names[index] for index in B],
        )
        return LoadedBatch(batch)

    def _load(self, images: ImageSet, indices: list[int], channels: int) -> Tensor:
        if not indices:
            return torch.empty(0, channels, self.size, self.size)
        chosen = [images[index] for index in indices]
        if self.same_size and len({image.shape for image in chosen}) > 1:
            chosen = [resize(image, self.size, self.size) for image in chosen]
        return stack_equal(chosen, [images.names[index] for index in indices])
