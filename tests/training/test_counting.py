from __future__ import annotations

import pytest

from gans.training.counting import Groups


def places(batches: range, size: int, length: float) -> list[tuple[int, int]]:
    """Return every batch's place, where the last of each group makes the step."""
    groups, found = Groups(), []
    for batch in batches:
        position, count = groups.place(batch, size, length)
        found.append((position, count))
        if position == count - 1:
            groups.close()
    return found


@pytest.mark.parametrize(
    ("batches", "size", "length", "expected"),
    [
        (range(3), 1, 3, [(0, 1), (0, 1), (0, 1)]),
        (range(5), 2, 5, [(0, 2), (1, 2), (0, 2), (1, 2), (0, 1)]),
        (range(4), 2, float("inf"), [(0, 2), (1, 2), (0, 2), (1, 2)]),
        (range(4, 8), 3, 8, [(0, 2), (1, 2), (0, 2), (1, 2)]),
    ],
    ids=["single", "the last is smaller", "without end", "going on amid a group"],
)
def test_groups_end_at_multiples_of_their_size_and_with_the_epoch(
    batches: range, size: int, length: float, expected: list[tuple[int, int]]
) -> None:
    assert places(batches, size, length) == expected
