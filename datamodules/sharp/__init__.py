"""Sharp images and small ones of them."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def __getattr__(name: str) -> Any:
    """Load SharpImages when it is asked for: importing this folder imports no torch."""
    if name == "SharpImages":
        return import_module("datamodules.sharp.module").SharpImages
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
