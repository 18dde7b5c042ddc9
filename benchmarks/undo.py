"""What a step of ours does everywhere because it computes the same, undone: to see what it gives."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from gans.base import AdversarialModule
from gans.losses import penalties
from gans.networks import joined


def fused_adam(module: AdversarialModule) -> None:
    """Let Adam go through the parameters one operation at a time, as torch does on a CPU by default."""
    for optimizer in module.trainer.optimizers:
        for group in optimizer.param_groups:
            group["fused"] = None


def judges_without_gradients(module: AdversarialModule) -> None:
    """Compute gradients also for the weights of players that only judge."""
    module.learning = lambda turn: nullcontext()  # type: ignore


def resting_without_graph(module: AdversarialModule) -> None:
    """Record the graph of a generator's fakes also where it is not due to learn from them."""
    is_due, produce = module.is_due, module.produce

    def produced(batch: Any) -> Any:
        module.is_due = lambda name: True  # type: ignore[method-assign]
        try:
            return produce(batch)
        finally:
            module.is_due = is_due  # type: ignore[method-assign]

    module.produce = produced  # type: ignore[method-assign]


def joined_forwards(module: AdversarialModule) -> None:
    """Take several batches through a network one by one."""
    joined.has_batch_statistics = lambda network: True  # as if one image looked at the others


def penalties_without_zeros(module: AdversarialModule) -> None:
    """Carry the zeros of a rectifier's second derivative back through the discriminator."""
    penalties.StraightPieces = nullcontext  # type: ignore


UNDO: dict[str, Callable[[AdversarialModule], None]] = {
    undo.__name__: undo
    for undo in (
        fused_adam,
        judges_without_gradients,
        resting_without_graph,
        joined_forwards,
        penalties_without_zeros,
    )
}
"""Name of what is undone -> what undoes it, in a module that is about to train."""
