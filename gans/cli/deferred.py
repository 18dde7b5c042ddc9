"""Spares a start what a library imports and never uses: a second of scipy.signal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

NAME = "scipy.signal"


class _Deferred(ModuleType):
    """Stands for scipy.signal until something of it is asked for.

    torchmetrics, which Lightning imports, asks only whether there is a `hamming`, which it would add for
    another library.
    """

    hamming = None

    def __getattr__(self, name: str) -> Any:
        if name in ("__spec__", "__file__"):  # the import system asks, whether or not anything is used
            raise AttributeError(name)
        _drop(self)
        return getattr(import_module(NAME), name)


@contextmanager
def signal_processing_deferred() -> Iterator[None]:
    """Import what is imported inside without scipy.signal, unless more of it is asked for than is known."""
    if NAME in sys.modules:
        yield
        return
    deferred = sys.modules[NAME] = _Deferred(NAME)
    try:
        yield
    finally:
        _drop(deferred)


def _drop(deferred: ModuleType) -> None:
    if sys.modules.get(NAME) is deferred:
        del sys.modules[NAME]
