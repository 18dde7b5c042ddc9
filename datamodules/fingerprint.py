"""A name for everything that decides the pixels of a set of images: files, how they are read, versions."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields, is_dataclass
from fractions import Fraction
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

import torch

from datamodules.files.readers import ImageError
from datamodules.files.slice_names import SliceName, volume_of
from datamodules.files.volumes.opening import files_of

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

    Of a file its path, size and time of change count, of a slice those of its volume; of objects their class
    and fields; of functions where they are defined. Versions of packages and the kind of processor count
    always: these round otherwise.

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
    for part in _Description().parts([here, value]):
        digest.update(part.encode(errors="surrogateescape"))
        digest.update(b"\n")
    return digest.hexdigest()[:32]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


class _Description:
    """Puts values in words: another value is other words."""

    def __init__(self) -> None:
        self._here = os.getcwd()
        self._volumes: dict[Path, str] = {}

    def parts(self, value: Any) -> Iterator[str]:
        """Yield the parts of a value, none of which can be mistaken for another."""
        if isinstance(value, Path):
            volume = volume_of(value)
            yield self._file(value) if volume is None else f"slice {value.name!r} of {self._volume(volume)}"
        elif value is None or isinstance(value, str | bytes | int | float | Fraction):
            yield repr(value)
        elif isinstance(value, Mapping):
            yield f"mapping of {len(value)}"
            for key, each in value.items():
                yield from self.parts(key)
                yield from self.parts(each)
        elif isinstance(value, Sequence):
            yield f"sequence of {len(value)}"
            for each in value:
                yield from self.parts(each)
        elif isinstance(value, partial):
            yield from self.parts(["partial", value.func, value.args, value.keywords])
        elif isinstance(value, MethodType):
            yield from self.parts(["method", value.__func__, value.__self__])
        elif isinstance(value, FunctionType | BuiltinFunctionType | type):
            yield _definition(value)
        elif is_dataclass(value):
            yield _definition(type(value))
            yield from self.parts({field.name: getattr(value, field.name) for field in fields(value)})
        else:
            raise NamelessError(f"{value!r} has no name")

    def _file(self, path: Path) -> str:
        text = str(path) if path.is_absolute() else os.path.join(self._here, path)
        try:
            found = os.stat(text)
        except OSError:
            return f"no file {text!r}"
        if stat.S_ISDIR(found.st_mode):  # what is in it is named by itself
            return f"folder {text!r}"
        return f"file {text!r} {found.st_size} {found.st_mtime_ns}"

    def _volume(self, volume: Path) -> str:
        """Describe the files of a volume, once for all of its slices."""
        if volume not in self._volumes:
            files: tuple[Path, ...] = ()
            with suppress(ImageError):  # whoever reads it is told
                files = files_of(SliceName("i", 0).of(volume))
            self._volumes[volume] = ", ".join(map(self._file, (volume, *files)))
        return self._volumes[volume]


def _definition(value: FunctionType | BuiltinFunctionType | type) -> str:
    if "<" in value.__qualname__:
        raise NamelessError(f"{value.__qualname__} of {value.__module__} has no name")
    return f"{value.__module__}.{value.__qualname__}"
