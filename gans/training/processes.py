"""What a training step exchanges beside gradients."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


def joined_mean(values: Tensor) -> Tensor:
    """Return the mean of a tensor over all processes, through which gradients flow to all of them.

    A collective call. Each process's loss may use the mean: when gradients are averaged over the processes,
    those that it sends to the others arrive there.
    """
    if not (dist.is_available() and dist.is_initialized()):
        return values
    mean: Tensor = _JoinedMean.apply(values)
    return mean


class _JoinedMean(torch.autograd.Function):
    """The mean over the processes, whose transpose is the mean over the processes too."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        return _mean(values)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return _mean(gradients[0])


def _mean(values: Tensor) -> Tensor:
    mean = values.detach().clone()
    dist.all_reduce(mean)
    return mean / dist.get_world_size()
