"""Images of many domains, and the labels that name them."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def __getattr__(name: str) -> Any:
    """Load MultiDomainImages when it is asked for: importing this folder imports no torch."""
    if name == "MultiDomainImages":
        return import_module("datamodules.multi_domain.module").MultiDomainImages
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
