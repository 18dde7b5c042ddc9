"""Exponential moving averages of networks."""

from __future__ import annotations

import copy

import torch
from torch import nn


class NetworkAverages(nn.ModuleDict):
    """Averaged copies of some networks of a module, by their names there; empty until `start`.

    They are part of `state_dict`, so checkpoints hold both the averages and the networks as trained. Buffers
    are copied, never averaged: statistics and spectral-norm vectors are states, and their mean is not one.
    """

    def start(self, module: nn.Module, names: list[str]) -> None:
        """Copy the named networks of `module`.

        Raises:
            ValueError: if a name is no network of the module.
        """
        for name in names:
            network = getattr(module, name, None)
            if not isinstance(network, nn.Module):
                raise ValueError(
                    f"model.ema_networks names {name!r}, which is no network of {type(module).__name__}."
                )
            self[name] = copy.deepcopy(network).requires_grad_(False).eval()

    @torch.no_grad()
    def follow(self, module: nn.Module, weight: float) -> None:
        """Move the averages towards the networks by a share of the way, in [0, 1]."""
        for name, average in self.items():
            network = getattr(module, name)
            torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), weight)
            for kept, current in zip(average.buffers(), network.buffers(), strict=True):
                kept.copy_(current)
