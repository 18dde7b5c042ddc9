"""Less memory for more time: networks that keep only what enters their parts, and compute the rest again.

It is what others call gradient or activation checkpointing, a word that means a file of weights here.
Paper: Chen et al. 2016, arXiv:1604.06174.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase  # what all norms with running statistics share
from torch.nn.utils import parametrize
from torch.utils.checkpoint import checkpoint


def recompute(network: nn.Module, compiled: bool = False) -> None:
    """Let every part of a network keep nothing but its input for the backward pass, in place.

    Parts are the residual blocks, and stretches of layers that have none inside. In the backward pass a part
    runs forward once more, with the same dropout, and running statistics see its input only once; gradients
    may be differentiated again, as penalties need it. The names in `state_dict` stay, and copies made by
    `copy.deepcopy` are on their own.

    Parts with parametrised weights are left as they are: spectral norm takes a step in every forward.

    Args:
        network: to be changed; without gradients (in evaluation) it runs as before.
        compiled: whether it will be compiled. Then parts with running statistics are left as they are too:
            what is compiled cannot be told to leave them alone.
    """
    for part in _parts(network):
        gathers = any(isinstance(layer, _NormBase) and layer.track_running_stats for layer in part.modules())
        if (compiled and gathers) or any(parametrize.is_parametrized(layer) for layer in part.modules()):
            continue
        # A partial, not a closure: its copies refer to the copied part.
        part.forward = partial(_recomputed_once_gathered if gathers else _recomputed, part)


def _parts(network: nn.Module) -> Iterator[nn.Module]:
    """Yield the smallest parts that are more than a layer, a stretch of plain layers being one."""
    for part in network.children():
        if any(_is_composite(member) for stretch in _stretches(part) for member in stretch.children()):
            yield from _parts(part)
        elif _is_composite(part):
            yield part


def _stretches(part: nn.Module) -> Iterator[nn.Module]:
    return (inner for inner in part.modules() if isinstance(inner, (nn.Sequential, nn.ModuleList)))


def _is_composite(module: nn.Module) -> bool:
    return any(True for _ in module.children())


def _recomputed(part: nn.Module, *inputs: Any) -> Any:
    """Run the forward of a part's class, keeping only the inputs if there will be a backward pass."""
    forward = type(part).forward
    if not torch.is_grad_enabled():
        return forward(part, *inputs)
    return checkpoint(forward, part, *inputs, use_reentrant=False)


def _recomputed_once_gathered(part: nn.Module, *inputs: Any) -> Any:
    """Do the same for a part with running statistics, which rest while it runs again."""
    forward = type(part).forward
    if not torch.is_grad_enabled():
        return forward(part, *inputs)
    return checkpoint(forward, part, *inputs, use_reentrant=False, context_fn=partial(_contexts, part))


def _contexts(part: nn.Module) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    """Return what surrounds a part's forward, and what surrounds its repetitions."""
    return nullcontext(), _StatisticsAtRest(part)


class _StatisticsAtRest(AbstractContextManager[None]):
    """Keeps the running statistics of norms in training as they are; can be entered again and again."""

    def __init__(self, part: nn.Module) -> None:
        self._part = part
        self._before: list[tuple[_NormBase, float | None, Tensor]] = []

    def __enter__(self) -> None:
        for norm in self._part.modules():
            if isinstance(norm, _NormBase) and norm.training and norm.num_batches_tracked is not None:
                self._before.append((norm, norm.momentum, norm.num_batches_tracked))
                # Without any statistics torch would save fewer tensors than before, which is an error.
                norm.momentum, norm.num_batches_tracked = 0.0, norm.num_batches_tracked.clone()

    def __exit__(self, *_: object) -> None:
        for norm, momentum, count in self._before:
            norm.momentum, norm.num_batches_tracked = momentum, count
        self._before.clear()
