"""Networks in what was read from a pickle: the state that each would return by `state_dict()`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor

from gans.tools.official.pickles import Inert

DEEPEST = 50  # parts within parts
PERSISTENT = "_reconstruct_persistent_obj"  # StyleGAN's function that would execute the source of a class


def networks_in(contents: Any) -> dict[str, dict[str, Tensor]]:
    """Return the state of every network of a snapshot, such as G, D and G_ema, by its name there.

    A module is told by what PyTorch's have, whatever its class is called: parameters, buffers and modules. A
    part that is at several places is listed at the first.

    Args:
        contents: what `gans.tools.official.pickles.read_pickle` returns.

    Raises:
        ValueError: if parts lie within parts without end.
    """
    return {
        name: dict(_tensors(module, "", set()))
        for name, module in _mapping(contents).items()
        if isinstance(module, Inert) and "_parameters" in _attributes(module)
    }


def _tensors(module: Inert, prefix: str, seen: set[int]) -> Iterator[tuple[str, Tensor]]:
    if prefix.count(".") > DEEPEST:
        raise ValueError("its parts lie within each other without end")
    seen.add(id(module))
    attributes = _attributes(module)
    for kind in ("_parameters", "_buffers"):
        for name, value in _mapping(attributes.get(kind)).items():
            if isinstance(value, Tensor):
                yield f"{prefix}{name}", value
    for name, part in _mapping(attributes.get("_modules")).items():
        if isinstance(part, Inert) and id(part) not in seen:
            yield from _tensors(part, f"{prefix}{name}.", seen)


def _attributes(module: Inert) -> Mapping[Any, Any]:
    """Return an object's attributes: what it would have been given, or, with its source, what lies beside."""
    state = module.state
    if module.name.endswith(f".{PERSISTENT}"):
        state = _mapping(module.arguments[0]).get("state") if module.arguments else None
    return _mapping(state)


def _mapping(value: Any) -> Mapping[Any, Any]:
    """Return a dictionary, or what a class derived from one holds; an empty one for anything else."""
    if isinstance(value, Inert):
        return value.entries
    return value if isinstance(value, Mapping) else {}
