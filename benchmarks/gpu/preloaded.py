"""What every check imports, done once for all: none of it touches a GPU."""

from __future__ import annotations

from importlib import import_module

import datamodules
import gans
from benchmarks.gpu import machine, speed, variants

__all__ = ["machine", "speed", "variants"]

for module in {**gans.VARIANTS, **datamodules.DATA_MODULES}.values():
    import_module(module)
