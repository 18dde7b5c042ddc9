from __future__ import annotations

from typing import Any

import pytest
import torch
from support.degrading import RECORDED, array
from support.parity import picture
from torch import Tensor

from datamodules.degradations.filtering import sharpen
from gans.sampling.pair_pool import PairPool

FEEDS = RECORDED.facts["pipeline"]["feeds"]


def fed(feed: int) -> tuple[Tensor, Tensor]:
    """Return the small and large windows of a recorded feed."""
    top, left = (value for kind, _, value in FEEDS[feed]["draws"] if kind == "random.randint")
    sharp = picture(2, 3, 96, 112, frequency=0.013 + 0.004 * feed)
    small = array(f"pipeline/feed{feed}/lq_before_pool_times_255_float64")
    return small, sharp[..., 4 * top : 4 * top + 64, 4 * left : 4 * left + 64]


def test_pairs_come_out_as_officially(monkeypatch: pytest.MonkeyPatch) -> None:
    orders = [value for feed in FEEDS for kind, _, value in feed["draws"] if kind == "torch.randperm"]
    assert orders
    monkeypatch.setattr(torch, "randperm", lambda *_, **__: torch.tensor(orders.pop(0)))
    pool = PairPool(4)
    for feed in range(len(FEEDS)):
        small, large = pool(*fed(feed))
        assert torch.equal(small, array(f"pipeline/feed{feed}/lq_times_255_float64"))
        assert torch.equal(large[..., ::8, ::8], array(f"pipeline/feed{feed}/gt_every_8th"))
        assert float(sharpen(large).sum()) == pytest.approx(FEEDS[feed]["gt_usm_sum_float64"], rel=1e-10)
    assert not orders


def numbered(start: int, count: int = 2) -> tuple[Tensor, Tensor]:
    small = torch.arange(start, start + count).float().view(count, 1, 1, 1)
    return small, small.expand(count, 1, 4, 4)


@pytest.mark.parametrize("size", [6, 7])
def test_a_full_pool_hands_out_every_pair_once_and_keeps_pairs_together(size: int) -> None:
    pool, handed, given = PairPool(size), list[float](), list[float]()
    for step in range(30):
        torch.manual_seed(step)
        small, large = pool(*numbered(2 * step))
        assert torch.equal(small.expand_as(large), large)
        assert len(pool) == min(2 * step + 2, 6)
        handed += small.flatten().tolist() if step >= 3 else []
        given = [*given, *small.flatten().tolist()]
    kept = pool.get_extra_state()[0].flatten().tolist()
    assert sorted(handed + kept) == list(range(60))
    assert given != list(range(60))


@pytest.mark.parametrize("batches", [0, 1, 4])
def test_a_pool_goes_on_from_its_state(batches: int) -> None:
    first, second = PairPool(4), PairPool(4)
    for number in range(batches):
        first(*numbered(2 * number))
    second.load_state_dict(first.state_dict())
    assert len(second) == len(first) == min(4, 2 * batches)
    for number in range(batches, batches + 3):
        drawn = []
        for pool in (first, second):
            torch.manual_seed(number)
            drawn.append(pool(*numbered(2 * number)))
        assert all(torch.equal(*each) for each in zip(*drawn, strict=True))


def test_without_a_pool_batches_pass() -> None:
    batch = numbered(0)
    pool = PairPool(0)
    for _ in range(3):
        assert all(one is other for one, other in zip(pool(*batch), batch, strict=True))
    assert pool.get_extra_state() == []


@pytest.mark.parametrize(
    ("size", "batches", "said"),
    [
        (1, [numbered(0)], r"model\.pool_size is 1, less than a batch of 2 pairs: raise it, or set it to 0"),
        (
            4,
            [numbered(0), (torch.zeros(2, 1, 2, 3), torch.zeros(2, 1, 8, 12))],
            r"holds small images of 1x1 pixels, and this batch has them of 3x2",
        ),
    ],
)
def test_what_does_not_fit_is_refused(size: int, batches: Any, said: str) -> None:
    pool = PairPool(size)
    for batch in batches[:-1]:
        pool(*batch)
    with pytest.raises(ValueError, match=said):
        pool(*batches[-1])
    with pytest.raises(ValueError, match=r"model\.pool_size is -1: it is 0 or more"):
        PairPool(-1)
