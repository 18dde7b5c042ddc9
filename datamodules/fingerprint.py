"""A name for everything that decides the pixels of a set of images: files, how they are read, versions."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from fractions import Fraction
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

import torch

READING_CODE = 1
"""Part of every fingerprint: raise it when a change of this project's code changes a pixel."""
PACKAGES = (
    *("torch", "torchvision", "numpy", "pillow", "tifffile", "imagecodecs", "kornia"),
    *("pydicom", "nibabel"),
)
"""What decodes and resizes images."""


class NamelessError(TypeError):
    """A value takes part in making pixels that nothing tells from another one, such as a lambda."""


def fingerprint(value: Any) -> str:
    """Return a name that changes with everything that changes a pixel.

    Of a file its path, size and time of change count; of objects their class and fields; of functions where
    they are defined. Versions of packages and the kind of processor count always: these round otherwise.

    Args:
        value: of plain types, paths, data classes, functions and their parts, however nested.

    Raises:
        NamelessError: a part of it has no name.
    """
    here = [
        READING_CODE,
        torch.backends.cpu.get_cpu_capability(),
        {name: _version(name) for name in PACKAGES},
    ]
    digest = hashlib.sha256()
    for part in _parts([here, value], os.getcwd()):
        digest.update(part.encode(errors="surrogateescape"))
        digest.update(b"\n")
    return digest.hexdigest()[:32]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _parts(value: Any, here: str) -> Iterator[str]:
    """Yield the parts of a value in words, none of which can be mistaken for another."""
    if isinstance(value, Path):
        yield _file(value, here)
    elif value is None or isinstance(value, str | bytes | int | float | Fraction):
        yield repr(value)
    elif isinstance(value, Mapping):
        yield f"mapping of {len(value)}"
        for key, each in value.items():
            yield from _parts(key, here)
            yield from _parts(each, here)
    elif isinstance(value, Sequence):
        yield f"sequence of {len(value)}"
        for each in value:
            yield from _parts(each, here)
    elif isinstance(value, partial):
        yield from _parts(["partial", value.func, value.args, value.keywords], here)
    elif isinstance(value, MethodType):
        yield from _parts(["method", value.__func__, value.__self__], here)
    elif isinstance(value, FunctionType | BuiltinFunctionType | type):
        yield _definition(value)
    elif is_dataclass(value):
        yield _definition(type(value))
        yield from _parts({field.name: getattr(value, field.name) for field in fields(value)}, here)
    else:
        raise NamelessError(f"{value!r} has no name")


def _file(path: Path, here: str) -> str:
    text = str(path) if path.is_absolute() else os.path.join(here, path)
    try:
        found = os.stat(text)
    except OSError:
        return f"no file {text!r}"
    if stat.S_ISDIR(found.st_mode):  # what is in it is named by itself
        return f"folder {text!r}"
    return f"file {text!r} {found.st_size} {found.st_mtime_ns}"


def _definition(value: FunctionType | BuiltinFunctionType | type) -> str:
    if "<" in value.__qualname__:
        raise NamelessError(f"{value.__qualname__} of {value.__module__} has no name")
    return f"{value.__module__}.{value.__qualname__}"
