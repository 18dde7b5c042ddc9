from __future__ import annotations

from collections import Counter

import pytest

from datamodules.streaming.order import LANES, StreamOrder, StreamSampler

SIZES = [7, 30, 1, 12, 25, 30, 30, 4]


@pytest.mark.parametrize("sizes", [SIZES, [200] * 100, [3], [1] * 70])
def test_a_pass_shows_every_item_once_and_the_next_in_another_order(sizes: list[int]) -> None:
    order, count = StreamOrder(sizes, 5), sum(sizes)
    first, second = order(range(count)), order(range(count, 2 * count))
    assert sorted(first) == sorted(second) == list(range(count))
    assert first != second or count < 4
    assert StreamOrder(sizes, 6)(range(count)) != first or count < 4
    assert StreamOrder(sizes, 5)(list(range(count))[::-1]) == first[::-1]  # whatever was asked for before


def test_a_lane_goes_through_one_chunk_after_the_other_shuffled() -> None:
    order = StreamOrder([50] * 256, 0)
    for lane in (0, 17, 63):
        items = order(range(lane, 256 * 50, LANES))
        chunks = [item // 50 for item in items]
        assert len(set(chunks)) == 4
        assert chunks == sorted(chunks, key=chunks.index)  # none is come back to
        within = [item % 50 for item in items if item // 50 == chunks[0]]
        assert within != sorted(within)


def test_processes_that_divide_the_lanes_read_chunks_of_their_own() -> None:
    order = StreamOrder([50] * 256, 3)
    seen = Counter[int]()
    for rank in range(8):
        sampler = StreamSampler(order, order.length, 3, rank, 8)
        seen.update({index // 50 for batch in sampler for _, index in batch})
    assert len(seen) == 256
    assert sum(seen.values()) == 256


@pytest.mark.parametrize("world", [2, 3, 4])
def test_batches_together_do_not_depend_on_the_number_of_processes(world: int) -> None:
    order = StreamOrder(SIZES, 1)

    def together(world: int, epoch: int, start: int) -> list[list[tuple[int, int]]]:
        shares = []
        for rank in range(world):
            sampler = StreamSampler(order, order.length, 12 // world, rank, world)
            sampler.set_epoch(epoch)
            sampler.start = start
            shares.append(list(sampler))
        return [sorted(key for share in batch for key in share) for batch in zip(*shares, strict=True)]

    assert together(world, 2, 3) == together(1, 2, 0)[3:]
    assert len(together(1, 0, 0)) == len(StreamSampler(order, order.length, 12)) == sum(SIZES) // 12
    assert {epoch for batch in together(1, 2, 0) for epoch, _ in batch} == {2}


def test_fewer_items_than_a_batch_go_on_in_the_next_pass() -> None:
    order = StreamOrder([3], 0)
    (batch,) = StreamSampler(order, 3, 8)
    assert sorted(Counter(index for _, index in batch).values()) == [2, 3, 3]
