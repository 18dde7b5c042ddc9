"""What a person can set on the page, whatever draws it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Choice:
    """One of several: what each is called -> its value; the first is chosen at first."""

    label: str
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Whole:
    """A whole number, such as a seed."""

    label: str
    value: int
    most: int = 2**31 - 1


@dataclass(frozen=True)
class Amount:
    """A number on a slider."""

    label: str
    value: float
    least: float
    most: float
    step: float = 0.1


@dataclass(frozen=True)
class Another:
    """A second picture, such as one that lends its style; none at first."""

    label: str


Setting = Choice | Whole | Amount | Another
"""What there is to set; by the name under which a way of `gans.tools.playground.ways` knows it."""
