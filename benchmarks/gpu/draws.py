"""The same random numbers on every device and in every precision."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

REAL = (torch.ops.aten.rand, torch.ops.aten.randn)
"""Draw numbers with a fraction where no dtype is said."""


class SameDraws(TorchDispatchMode):
    """Draws the n-th random tensor on the CPU in float64, from seed n, wherever and however it is asked for.

    A step on a GPU and one in float64 on the CPU so differ by rounding alone.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operator, or draw in its place."""
        kwargs = kwargs or {}
        if torch.Tag.nondeterministic_seeded not in func.tags:
            return func(*args, **kwargs)
        self.count += 1
        asked = {"dtype": kwargs.get("dtype"), "device": kwargs.get("device")}
        here = {key: value for key, value in kwargs.items() if key not in ("device", "pin_memory", "layout")}
        real = asked["dtype"].is_floating_point if asked["dtype"] else func.overloadpacket in REAL
        if real:
            here["dtype"] = torch.float64
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.count)
            drawn = func(*tree_map(self._here, args), **tree_map(self._here, here))
        like = args[0] if args and isinstance(args[0], Tensor) else None
        if func._schema.is_mutable:
            return args[0].copy_(drawn)
        return tree_map(lambda made: _as_asked(made, like, **asked), drawn)

    def _here(self, argument: Any) -> Any:
        """Return an argument as a draw on the CPU in float64 takes it."""
        if isinstance(argument, torch.Generator):
            return torch.Generator().manual_seed(self.count)
        if isinstance(argument, Tensor):
            moved = argument.detach().cpu().clone()
            return moved.double() if moved.is_floating_point() else moved
        return argument


def _as_asked(made: Any, like: Tensor | None, dtype: torch.dtype | None, device: Any) -> Any:
    """Return what was drawn in the precision and where it was asked for."""
    if not isinstance(made, Tensor):
        return made
    device = device or (like.device if like is not None else "cpu")
    if made.is_floating_point():
        default = like.dtype if like is not None else torch.get_default_dtype()
        return made.to(device, dtype or default)
    return made.to(device)
