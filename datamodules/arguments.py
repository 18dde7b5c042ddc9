"""Checks of the arguments of data modules."""

from __future__ import annotations


def at_least(argument: str, value: float | None, least: float) -> None:
    """Refuse an argument that is too small; None stands for a default.

    Raises:
        ValueError: names the argument and its value.
    """
    if value is not None and value < least:
        raise ValueError(f"{argument}: {value} must be at least {least}.")
