from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

import pytest
import torch

from datamodules.loading import EpochSampler, EvaluationSampler, ResumableLoader


class Echo:
    """Makes a tensor of the indices it is asked for, and fails on one of them."""

    def __init__(self, bad: int = -1) -> None:
        self.bad = bad

    def __getitem__(self, keys: list[tuple[int, int]]) -> torch.Tensor:
        if any(index == self.bad for _, index in keys):
            raise ValueError("photo.jpg: cannot be read")
        return torch.tensor([index for _, index in keys])


def as_lists(batches: Iterable[Any]) -> list[list[int]]:
    return [batch.tolist() for batch in batches]


def epoch(sampler: EpochSampler, number: int = 0) -> list[list[tuple[int, int]]]:
    sampler.set_epoch(number)
    return list(sampler)


def test_an_epoch_shows_every_item_once_in_an_order_of_its_own() -> None:
    first, second = epoch(EpochSampler(12, 3, seed=5)), epoch(EpochSampler(12, 3, seed=5), 1)
    for number, batches in enumerate((first, second)):
        assert sorted(key for batch in batches for key in batch) == [(number, i) for i in range(12)]
    assert [i for batch in first for _, i in batch] != [i for batch in second for _, i in batch]
    assert first == epoch(EpochSampler(12, 3, seed=5))
    assert first != epoch(EpochSampler(12, 3, seed=6))


@pytest.mark.parametrize("world", [2, 3])
def test_shards_together_are_the_batches_of_one_process(world: int) -> None:
    alone = epoch(EpochSampler(25, 2 * world, seed=1))
    shards = [epoch(EpochSampler(25, 2, seed=1, rank=rank, world=world)) for rank in range(world)]
    assert len(alone) == 25 // (2 * world)
    for joined, *parts in zip(alone, *shards, strict=True):
        assert sorted(joined) == sorted(key for part in parts for key in part)


def test_batches_are_whole() -> None:
    assert [len(batch) for batch in epoch(EpochSampler(10, 4))] == [4, 4]
    few = epoch(EpochSampler(3, 4, rank=1, world=2))
    assert [len(batch) for batch in few] == [4]
    assert {index for _, index in few[0]} <= {0, 1, 2}


@pytest.mark.parametrize("lengths", [(7, 4), (1, 9), (5, 5)])
@pytest.mark.parametrize("world", [1, 2, 3])
def test_evaluation_shards_hold_every_item_once(lengths: tuple[int, int], world: int) -> None:
    shards = [list(EvaluationSampler(lengths, 2, rank, world)) for rank in range(world)]
    for which, length in enumerate(lengths):
        seen = [index for shard in shards for batch in shard for index in batch[which]]
        assert sorted(seen) == list(range(length))
    assert len({len(shard) for shard in shards}) == 1  # nobody waits for a batch that another lacks
    assert {len(EvaluationSampler(lengths, 2, rank, world)) for rank in range(world)} == {len(shards[0])}


@pytest.mark.parametrize("workers", [0, 2])
def test_resuming_goes_on_at_the_very_batch(workers: int) -> None:
    def loader(number: int = 3) -> ResumableLoader:
        sampler = EpochSampler(20, 2, seed=4)
        sampler.set_epoch(number)
        return ResumableLoader(Echo(), sampler, workers)

    whole = as_lists(loader())
    assert whole == as_lists(loader())
    stopped = loader()
    assert as_lists(islice(stopped, 4)) == whole[:4]
    state = stopped.state_dict()
    assert state == {"epoch": 3, "delivered": 4}  # though workers have prepared more
    resumed = loader()
    resumed.load_state_dict(state)
    assert resumed.state_dict() == state
    assert as_lists(resumed) == whole[4:]
    assert as_lists(resumed) == whole  # the next pass is complete


def test_a_place_belongs_to_its_epoch() -> None:
    sampler = EpochSampler(20, 2)
    loader = ResumableLoader(Echo(), sampler)
    loader.load_state_dict({"epoch": 0, "delivered": 10})
    sampler.set_epoch(1)
    assert len(as_lists(loader)) == 10


def test_the_epoch_may_be_set_after_the_iterator_was_made() -> None:
    sampler = EpochSampler(20, 2)
    loader = ResumableLoader(Echo(), sampler)
    batches = iter(loader)  # Lightning makes it before it sets the epoch
    sampler.set_epoch(2)
    assert as_lists(batches) == [[index for _, index in batch] for batch in epoch(EpochSampler(20, 2), 2)]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_bad_image_is_one_message_even_from_a_worker(workers: int) -> None:
    loader = ResumableLoader(Echo(bad=3), EpochSampler(4, 2), workers)
    with pytest.raises(ValueError, match=r"^photo\.jpg: cannot be read$"):
        list(loader)
