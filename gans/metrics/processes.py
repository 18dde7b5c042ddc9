"""Bringing together what several processes have measured."""

from __future__ import annotations

from typing import TypeVar

import torch.distributed as dist

T = TypeVar("T")


def gather(mine: T) -> list[T]:
    """Return every process's object, in the order of ranks; a collective call that all processes make.

    Processes may hold different numbers of images, or none, and need not know the same names: objects travel
    pickled. Tensors should be on the CPU.
    """
    if not (dist.is_available() and dist.is_initialized()):
        return [mine]
    everyone: list[T] = [mine] * dist.get_world_size()
    dist.all_gather_object(everyone, mine)
    return everyone
