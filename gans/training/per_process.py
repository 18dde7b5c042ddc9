"""What differs between processes although the weights do not: image histories."""

from __future__ import annotations

from typing import Any

import torch.distributed as dist
from torch import nn

from gans.training.image_history import ImageHistory


def _histories(module: nn.Module) -> dict[str, ImageHistory]:
    return {name: part for name, part in module.named_modules() if isinstance(part, ImageHistory)}


def gather_histories(module: nn.Module) -> list[dict[str, Any]]:
    """Return, by process, the state of every image history; a collective call when several processes run."""
    mine = {name: history.get_extra_state() for name, history in _histories(module).items()}
    if not (dist.is_available() and dist.is_initialized()) or not mine:
        return [mine]
    everyone: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(everyone, mine)
    return everyone


def restore_history(module: nn.Module, checkpoint: dict[str, Any]) -> None:
    """Put this process's image histories into the checkpoint's `state_dict`, from which they are loaded.

    With more processes than wrote the checkpoint, the histories are dealt out again from the first.
    """
    everyone: list[dict[str, Any]] = checkpoint["gans_histories"]
    rank = dist.get_rank() if dist.is_available() and dist.is_initialized() else 0
    for name, state in everyone[rank % len(everyone)].items():
        checkpoint["state_dict"][f"{name}._extra_state"] = state
