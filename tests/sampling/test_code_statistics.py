from __future__ import annotations

import os

import torch
import torch.distributed as dist
from support.processes import run_together
from torch import Tensor

from gans.sampling.code_statistics import CodeStatistics


def codes(count: int, seed: int = 0) -> Tensor:
    """Return codes of two numbers with mean (1, -2), deviations 2 and 1, and correlation 0.6."""
    noise = torch.randn(count, 2, generator=torch.Generator().manual_seed(seed))
    first = noise[:, :1]
    return torch.cat([1 + 2 * first, -2 + 0.6 * first + 0.8 * noise[:, 1:]], dim=1)


def test_untrained_it_leaves_noise_as_it_is() -> None:
    noise = torch.randn(5, 3)
    torch.testing.assert_close(CodeStatistics(3)(noise), noise)


def test_the_first_batch_replaces_the_start() -> None:
    statistics, batch = CodeStatistics(2), codes(50)
    statistics.follow(batch, step=0)
    torch.testing.assert_close(statistics.mean, batch.mean(0))
    torch.testing.assert_close(statistics.covariance, torch.cov(batch.T, correction=0))


def test_batches_are_averaged_first_and_forgotten_later() -> None:
    statistics = CodeStatistics(2)
    batches = [codes(20, seed) for seed in range(6)]
    for step, batch in enumerate(batches):
        statistics.follow(batch, step)
    everything = torch.cat(batches)
    torch.testing.assert_close(statistics.mean, everything.mean(0))
    torch.testing.assert_close(statistics.covariance, torch.cov(everything.T, correction=0))
    for step in range(1000, 2000):
        statistics.follow(torch.zeros(4, 2), step)
    assert float(statistics.mean.abs().max()) < 1e-3
    assert float(statistics.covariance.abs().max()) < 1e-2


def test_drawn_codes_follow_the_fitted_gaussian() -> None:
    statistics = CodeStatistics(2)
    statistics.follow(codes(5000), step=0)
    drawn = statistics(torch.randn(5000, 2, generator=torch.Generator().manual_seed(7)))
    torch.testing.assert_close(drawn.mean(0), statistics.mean, rtol=0, atol=0.1)
    torch.testing.assert_close(torch.cov(drawn.T), statistics.covariance, rtol=0, atol=0.2)


def test_codes_that_fill_no_volume_can_be_drawn() -> None:
    """Three codes span a plane of the five dimensions; rounding makes eigenvalues just below zero."""
    statistics, batch = CodeStatistics(5), torch.randn(3, 5)
    statistics.follow(batch, step=0)
    drawn = statistics(torch.randn(8, 5))
    normal = torch.linalg.svd(batch - batch.mean(0)).Vh[2:]
    assert drawn.isfinite().all()
    torch.testing.assert_close((drawn - batch.mean(0)) @ normal.T, torch.zeros(8, 3), rtol=0, atol=1e-2)


def test_two_processes_know_the_codes_of_both() -> None:
    alone = CodeStatistics(2)
    alone.follow(codes(40), step=0)
    for mean, covariance in run_together(follow_half):
        torch.testing.assert_close(mean, alone.mean)
        torch.testing.assert_close(covariance, alone.covariance)


def follow_half() -> tuple[Tensor, Tensor]:
    rank = int(os.environ["LOCAL_RANK"])
    dist.init_process_group("gloo", rank=rank, world_size=2)
    statistics = CodeStatistics(2)
    statistics.follow(codes(40)[rank::2], step=0)
    return statistics.mean, statistics.covariance
