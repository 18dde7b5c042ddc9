"""Weights that fit networks for images of another size, or of other classes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor

NUMBERED = re.compile(r"(discriminator\.(?:blocks|stages))\.(\d+)\.(.+)")
"""Parts of a discriminator by their number from the image."""
NAMED = 3  # weights that begin anew and are named


def fitting(own: Mapping[str, Tensor], stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the stored weights whose name and shape a network has.

    Generators count their parts from the smallest map, which stays. Those of a discriminator are counted from
    its end, so that each keeps the size that it has learnt.

    Args:
        own: the network's, by name.
        stored: of a network of the same kind.
    """
    shifts = {
        parts: last - _last_number(stored, parts)
        for parts in {match[1] for match in map(NUMBERED.match, own) if match}
        if (last := _last_number(own, parts)) >= 0
    }

    def moved(match: re.Match[str]) -> str:
        return f"{match[1]}.{int(match[2]) + shifts.get(match[1], 0)}.{match[3]}"

    aligned = {NUMBERED.sub(moved, name): part for name, part in stored.items()}
    return {name: part for name, part in aligned.items() if name in own and own[name].shape == part.shape}


def what_was_carried(
    own: Iterable[str], carried: Mapping[str, Tensor], differences: Mapping[str, Any]
) -> str:
    """Return a line that tells what of a checkpoint is carried over, and what begins anew.

    Args:
        own: names of the model's weights.
        carried: those that were found.
        differences: name of an argument -> its value here and in the checkpoint.
    """
    names = list(own)
    new = [name for name in names if name not in carried]
    reasons = ", ".join(f"{name} is {here} instead of {there}" for name, (here, there) in differences.items())
    begins = f"{len(new)} begin anew, such as {', '.join(new[:NAMED])}" if new else "none begins anew"
    return f"{reasons}: {len(names) - len(new)} of {len(names)} weights are carried over; {begins}."


def _last_number(names: Iterable[str], parts: str) -> int:
    """Return the highest number among some parts; -1 if there are none."""
    found = [int(match[2]) for match in map(NUMBERED.match, names) if match and match[1] == parts]
    return max(found, default=-1)
