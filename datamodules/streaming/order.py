"""In which order a packed set is dealt out: at random, and yet a few chunks at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from datamodules.loading import EpochSampler, Key

LANES = 64
"""Chunks that are dealt out side by side: each place of an epoch belongs to one of so many lanes."""

PlaceOrder = Callable[[Sequence[int]], list[int]]
"""Returns the indices of the items that stand at places, which go on from epoch to epoch."""
Numbers = npt.NDArray[np.int64]


class StreamOrder:
    """Says which item stands at which place: a pure function of (seed, place), without a list of all items.

    The chunks are shuffled, laid end to end and cut into `LANES` lanes of equal length. A lane goes through
    its chunks one after the other, shuffled within each, and the lanes take turns: place k belongs to lane
    k % LANES. So neighbours come from different chunks, and where the number of processes divides `LANES`,
    each reads lanes, and chunks, of its own. After the last item the next pass begins, in another order.

    Args:
        sizes: items of each chunk.
        seed: of the order, one or more numbers.
    """

    def __init__(self, sizes: Sequence[int], *seed: int) -> None:
        self.sizes, self.seed = np.asarray(sizes, np.int64), seed
        self.length = int(self.sizes.sum())
        self._begins = np.concatenate([[0], np.cumsum(self.sizes)[:-1]])
        self._passes: dict[int, tuple[Numbers, Numbers]] = {}
        self._chunks: dict[tuple[int, int], Numbers] = {}

    def __call__(self, places: Sequence[int]) -> list[int]:
        """Return the indices of the items at these places, counted from the first epoch on."""
        return [self._index(*divmod(place, self.length)) for place in places]

    def _index(self, number: int, place: int) -> int:
        order, ends = self._pass(number)
        turn, lane = divmod(place, LANES)
        least, longer = divmod(self.length, LANES)
        laid = lane * least + min(lane, longer) + turn
        at = int(np.searchsorted(ends, laid, side="right"))
        chunk = int(order[at])
        within = laid - int(ends[at] - self.sizes[chunk])
        return int(self._begins[chunk] + self._shuffled(number, chunk)[within])

    def _pass(self, number: int) -> tuple[Numbers, Numbers]:
        """Return the chunks as they lie end to end in a pass, and where each ends."""
        if number not in self._passes:
            order = np.random.default_rng((*self.seed, number)).permutation(len(self.sizes))
            last = {number - 1: self._passes[number - 1]} if number - 1 in self._passes else {}
            self._passes = last | {number: (order, np.cumsum(self.sizes[order]))}
        return self._passes[number]

    def _shuffled(self, number: int, chunk: int) -> Numbers:
        key = number, chunk
        if key not in self._chunks:
            while len(self._chunks) >= 2 * LANES:
                self._chunks.pop(next(iter(self._chunks)))
            # one number more than any other draw has, so that none is like it
            generator = np.random.default_rng((*self.seed, number, chunk, 0))
            self._chunks[key] = generator.permutation(int(self.sizes[chunk]))
        return self._chunks[key]


def by_place(places: Sequence[int]) -> list[int]:
    """Return the places themselves: for batches that look up what stands there in several sets."""
    return list(places)


class StreamSampler(EpochSampler):
    """Training batches of a packed set: what `EpochSampler` promises, in the order of a stream.

    Args:
        order: which item stands at a place, such as a `StreamOrder`.
        length: items of an epoch.
        batch_size: items per process and batch.
        rank: of this process.
        world: number of processes.
    """

    def __init__(
        self,
        order: PlaceOrder,
        length: int,
        batch_size: int,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        super().__init__(length, batch_size, 0, rank, world)
        self.order = order

    def __iter__(self) -> Iterator[list[Key]]:
        joined = self.batch_size * self.world
        for number in range(self.start, len(self)):
            first = self.epoch * self.length + number * joined
            places = range(first + self.rank, first + joined, self.world)
            yield [(self.epoch, index) for index in self.order(places)]
