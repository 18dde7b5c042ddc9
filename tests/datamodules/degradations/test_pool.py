from __future__ import annotations

import pytest
import torch
from support.degrading import RECORDED, array
from support.parity import picture
from torch import Tensor

from datamodules.degradations.filtering import sharpen
from datamodules.degradations.pool import PairPool

FEEDS = RECORDED.facts["pipeline"]["feeds"]
NO_ORDER = torch.empty(0, dtype=torch.long)


def fed(feed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the small and large windows of a recorded feed, and in which order the pool was shuffled."""
    draws = FEEDS[feed]["draws"]
    top, left = (value for kind, _, value in draws if kind == "random.randint")
    sharp = picture(2, 3, 96, 112, frequency=0.013 + 0.004 * feed)
    orders = [value for kind, _, value in draws if kind == "torch.randperm"]
    small = array(f"pipeline/feed{feed}/lq_before_pool_times_255_float64")
    large = sharp[..., 4 * top : 4 * top + 64, 4 * left : 4 * left + 64]
    return small, large, torch.tensor(orders[0]) if orders else NO_ORDER


def test_pairs_come_out_as_officially() -> None:
    pool = PairPool(4)
    for feed in range(len(FEEDS)):
        small, large = pool.exchange(*fed(feed))
        assert torch.equal(small, array(f"pipeline/feed{feed}/lq_times_255_float64"))
        assert torch.equal(large[..., ::8, ::8], array(f"pipeline/feed{feed}/gt_every_8th"))
        assert float(sharpen(large).sum()) == pytest.approx(FEEDS[feed]["gt_usm_sum_float64"], rel=1e-10)


def numbered(start: int) -> tuple[Tensor, Tensor]:
    small = torch.arange(start, start + 2).float().view(2, 1, 1, 1)
    return small, small.expand(2, 1, 4, 4)


def test_a_full_pool_hands_out_every_pair_once_and_keeps_pairs_together() -> None:
    pool, handed = PairPool(6), []
    for step in range(30):
        order = torch.randperm(6, generator=torch.Generator().manual_seed(step))
        small, large = pool.exchange(*numbered(2 * step), order)
        assert torch.equal(small.expand_as(large), large)
        assert pool.full is (step >= 2)
        handed += small.flatten().tolist() if step >= 3 else []
    kept = pool.state_dict()["small"].flatten().tolist()
    assert sorted(handed + kept) == list(range(60))


def test_a_pool_goes_on_from_its_state() -> None:
    first, second = PairPool(4), PairPool(4)
    second.load_state_dict(first.state_dict())
    assert len(second) == 0
    first.exchange(*numbered(0), NO_ORDER)
    first.exchange(*numbered(2), NO_ORDER)
    second.load_state_dict(first.state_dict())
    order = torch.tensor([3, 1, 0, 2])
    for ours, theirs in zip(
        first.exchange(*numbered(4), order), second.exchange(*numbered(4), order), strict=True
    ):
        assert torch.equal(ours, theirs)


def test_a_pool_must_be_a_multiple_of_the_batch() -> None:
    with pytest.raises(ValueError, match="5 pairs of a pool are no multiple of a batch of 2"):
        PairPool(5).exchange(*numbered(0), NO_ORDER)
    with pytest.raises(ValueError, match="too few"):
        PairPool(0)
