"""Images by themselves, with a class or without."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def __getattr__(name: str) -> Any:
    """Load Images when it is asked for: importing this folder imports no torch."""
    if name == "Images":
        return import_module("datamodules.images.module").Images
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
