"""Which items make up which batch: pure functions of seed, epoch and process, and a place to resume from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

# (epoch, index): all that an item's random draws depend on, beside the seed
Key = tuple[int, int]


def uniform_draws(seed: int, keys: Sequence[Key], count: int) -> Tensor:
    """Draw the random numbers of a training batch.

    Args:
        seed: of the run.
        keys: (epoch, index) of N items.
        count: of numbers per item.

    Returns:
        (N, count) of float64, uniform in [0, 1); row i depends on the seed and on key i alone.
    """
    return torch.from_numpy(np.stack([np.random.default_rng((seed, *key)).random(count) for key in keys]))


class Batches(Protocol):
    """What makes a whole batch out of what a sampler names."""

    def __getitem__(self, keys: Any) -> Any:
        """Return the batch of these keys."""
        ...


@runtime_checkable
class BatchesByEpoch(Protocol):
    """Batches of which some epochs need other images than others."""

    def begin(self, epoch: int) -> bool:
        """Get ready for an epoch; return whether that took anything that running workers do not have."""
        ...


class EpochSampler(Sampler[list[Key]]):
    """Shuffled training batches: a pure function of (seed, epoch), cut into shards.

    The batch that all processes make together is the one a single process would make with the joined batch
    size. Every batch is whole: the remainder of an epoch is left out (another one each epoch, as the order
    changes), and where all items together are fewer than one batch they are repeated to fill it.

    Args:
        length: number of items.
        batch_size: items per process and batch.
        seed: of the order.
        rank: of this process.
        world: number of processes.
    """

    def __init__(self, length: int, batch_size: int, seed: int = 0, rank: int = 0, world: int = 1) -> None:
        self.length, self.batch_size, self.seed, self.rank, self.world = length, batch_size, seed, rank, world
        self.epoch = 0
        self.start = 0  # batches of the next pass to leave out

    def set_epoch(self, epoch: int) -> None:
        """Choose the order; Lightning calls this before every epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return max(1, self.length // (self.batch_size * self.world))

    def __iter__(self) -> Iterator[list[Key]]:
        # torch would draw the same order for seed 0 of epoch 1 and seed 1 of epoch 0 were they merely added
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        order = torch.randperm(self.length, generator=generator)
        joined = self.batch_size * self.world
        whole = order.repeat(-(-joined // self.length))[: len(self) * joined]
        for batch in whole.view(len(self), joined)[self.start :, self.rank :: self.world].tolist():
            yield [(self.epoch, index) for index in batch]


class EvaluationSampler(Sampler[list[list[int]]]):
    """Evaluation batches over one or more sets: every item exactly once over all processes, in order.

    Every process gets the same number of batches, of which the last ones may be empty for some sets: so
    none is missing where the processes wait for each other.

    Args:
        lengths: number of items of each set.
        batch_size: items of each set per batch.
        rank: of this process.
        world: number of processes.

    Yields:
        One list of indices per set.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, rank: int = 0, world: int = 1) -> None:
        self.lengths, self.batch_size, self.rank, self.world = lengths, batch_size, rank, world

    def __len__(self) -> int:
        return -(-max(self.lengths) // (self.batch_size * self.world))

    def __iter__(self) -> Iterator[list[list[int]]]:
        shards = [range(length)[self.rank :: self.world] for length in self.lengths]
        for start in range(0, len(self) * self.batch_size, self.batch_size):
            yield [list(shard[start : start + self.batch_size]) for shard in shards]


# what names the batches of a loader, one after the other
Order = EpochSampler | EvaluationSampler | Sequence[Any]


class _Guarded(Dataset[Any]):
    """Hands over a user's mistake as a value, which a worker process would bury in a traceback of its own."""

    def __init__(self, batches: Batches) -> None:
        self.batches = batches

    def __getitem__(self, keys: Any) -> Any:
        try:
            return self.batches[keys]
        except (ValueError, OSError) as error:
            return error


class ResumableLoader:
    """Delivers batches, made by worker processes when asked for, and knows how many were delivered.

    Lightning stores and restores the place of any loader with `state_dict` and `load_state_dict`. Batches
    that workers have prepared but nobody has received do not count. The place belongs to its epoch: resumed
    in another epoch, the loader begins at its start.

    It is no subclass of DataLoader because Lightning takes those apart and builds them anew in `predict`
    and under `overfit_batches`, with samplers of its own.

    Args:
        batches: make a batch of what the sampler yields.
        sampler: names batches, one after the other.
        workers: processes that make batches; 0 makes them here.

    Raises:
        ValueError: an image cannot be used (when iterating).
        OSError: a file cannot be read (when iterating).
    """

    def __init__(self, batches: Batches, sampler: Order, workers: int = 0) -> None:
        self.batches, self.sampler, self.workers = batches, sampler, workers
        self.batch_sampler = None  # Lightning looks for one wherever it finds a sampler
        self._delivered = 0
        self._resume: dict[str, int] | None = None
        self._loader: DataLoader[Any] | None = None  # keeps its workers from one pass to the next

    def __len__(self) -> int:
        return len(self.sampler)

    def __iter__(self) -> Iterator[Any]:
        # Runs at the first batch, not when the iterator is made: by then Lightning has set the epoch.
        resume, self._resume = self._resume, None
        start = resume["delivered"] if resume and resume["epoch"] == self._epoch else 0
        self._delivered = start
        if isinstance(self.sampler, EpochSampler):
            self.sampler.start = start
        if isinstance(self.batches, BatchesByEpoch) and self.batches.begin(self._epoch):
            self.close()
        if self._loader is None:
            self._loader = self._open()
        for batch in self._loader:
            if isinstance(batch, Exception):
                self.close()  # with the error's traceback they would linger
                raise batch
            self._delivered += 1
            yield batch

    def _open(self) -> DataLoader[Any]:
        return DataLoader(
            _Guarded(self.batches),
            sampler=self.sampler,
            batch_size=None,  # they are made whole
            collate_fn=_as_it_is,
            num_workers=self.workers,
            persistent_workers=self.workers > 0,
            pin_memory=torch.cuda.is_available(),
        )

    @property
    def _epoch(self) -> int:
        return getattr(self.sampler, "epoch", 0)

    def close(self) -> None:
        """End the worker processes; another pass starts new ones."""
        self._loader = None

    def state_dict(self) -> dict[str, int]:
        """Return the epoch and how many of its batches were delivered."""
        return self._resume or {"epoch": self._epoch, "delivered": self._delivered}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on after the batches that were delivered, if the next pass is of the same epoch."""
        self._resume = dict(state)


def _as_it_is(batch: Any) -> Any:
    return batch
