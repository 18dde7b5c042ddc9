"""Images of two domains, unpaired."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def __getattr__(name: str) -> Any:
    """Load UnpairedImages when it is asked for: importing this folder imports no torch."""
    if name == "UnpairedImages":
        return import_module("datamodules.unpaired.module").UnpairedImages
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
