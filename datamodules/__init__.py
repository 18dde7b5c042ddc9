"""Data modules: how images are read, arranged into batches, augmented and split.

Importing this package imports no torch: `DATA_MODULES` is a list of names for the command line, and a class
is loaded when it is asked for.
"""

from __future__ import annotations

import importlib
from typing import Any

# name -> module that defines it
DATA_MODULES = {
    "CaptionedImages": "datamodules.captioned.module",
    "Images": "datamodules.images.module",
    "MultiDomainImages": "datamodules.multi_domain.module",
    "PairedImages": "datamodules.paired.module",
    "Points": "datamodules.points",
    "SharpImages": "datamodules.sharp.module",
    "UnpairedImages": "datamodules.unpaired.module",
}

SOURCES = {
    "CaptionedImages": ("root", "name"),
    "Images": ("root", "folder", "name"),
    "MultiDomainImages": ("root", "name", "table", "others"),
    "PairedImages": ("root", "folder_A", "folder_B", "folder", "name"),
    "SharpImages": ("root", "folder", "name"),
    "UnpairedImages": ("root", "folder_A", "folder_B", "name"),
}
"""Data modules that draw faces where no images are given -> the arguments that give some."""


def __getattr__(name: str) -> Any:
    """Load a data module on first use, so that `from datamodules import UnpairedImages` works."""
    if name in DATA_MODULES:
        return getattr(importlib.import_module(DATA_MODULES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
