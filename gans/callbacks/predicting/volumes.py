"""Volumes among the images that are predicted: their files, and the slices that have arrived of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from datamodules.files.formats.common import Array, ImageError
from datamodules.files.slice_names import whole_name
from datamodules.files.volumes.assembly import Assembly
from datamodules.files.volumes.opening import files_of
from datamodules.files.volumes.volume import Write


def files_by_whole(names: Sequence[str], folder: Path | None) -> dict[str, list[str]]:
    """Return by the names of images and volumes the names of their files.

    Args:
        names: of images and of slices.
        folder: that they are relative to; None where they are in no files.
    """
    files: dict[str, list[str]] = {}
    for name in names:
        whole = whole_name(name)
        if whole in files:
            continue
        files[whole] = [whole]
        if folder is not None and whole != name:
            try:
                files[whole] = [path.relative_to(folder).as_posix() for path in files_of(folder / name)]
            except ImageError:  # reading it says what it is
                continue
    return files


class Assemblies:
    """The volumes that are being put together."""

    def __init__(self) -> None:
        self._begun: dict[str, Assembly] = {}

    @property
    def unfinished(self) -> list[str]:
        """Names of the volumes that lack slices."""
        return list(self._begun)

    def add(self, whole: str, path: Path, pixels: Array) -> dict[Path, Write]:
        """Take a slice, and return with the last one of a volume what writes it, by its files; else nothing.

        Args:
            whole: name of the volume that is made.
            path: of the slice that the model was given.
            pixels: (H, W, C) that it made, in the units of the volume.

        Raises:
            ImageError: the slice does not fit into the volume.
        """
        if whole not in self._begun:
            self._begun[whole] = Assembly(path)
        return self._begun.pop(whole).writers() if self._begun[whole].add(path, pixels) else {}
