"""Images with captions, or with embeddings of captions."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def __getattr__(name: str) -> Any:
    """Load CaptionedImages when it is asked for: importing this folder imports no torch."""
    if name == "CaptionedImages":
        return import_module("datamodules.captioned.module").CaptionedImages
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
