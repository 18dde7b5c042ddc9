"""Pairs of images."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def __getattr__(name: str) -> Any:
    """Load PairedImages when it is asked for: importing this folder imports no torch."""
    if name == "PairedImages":
        return import_module("datamodules.paired.module").PairedImages
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
