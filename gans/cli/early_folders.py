"""Finds folders that are not there, or hold no images, before torch is imported."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from datamodules.files.readers import FORMATS, format_of
from datamodules.streaming.packed import is_stream

FOLDERS = ("root", "folder", "folder_A", "folder_B", "small", "predict_dir")
"""Arguments of data modules that name a folder with images in it, or in folders below."""


def refuse_empty_folders(data: dict[str, Any]) -> None:
    """Refuse arguments of a data module that name no folder, or one without a file of a suffix that is read.

    Args:
        data: its arguments by name. What is downloaded need not be there yet.

    Raises:
        FileNotFoundError: naming the argument and the folder.
    """
    for name in FOLDERS:
        given = data.get(name)
        if not isinstance(given, str) or data.get("download") is True:
            continue
        if name == "root" and is_stream(given):
            continue
        folder = Path(given)
        if not folder.is_dir():
            raise FileNotFoundError(f"data.{name} is {given}: no such folder.")
        if not _has_image(folder) and not data.get("slices"):  # slices of DICOM series may have no suffix
            raise FileNotFoundError(
                f"data.{name} is {given}: there is no image in it. These are read: {', '.join(FORMATS)}."
            )


def _has_image(folder: Path) -> bool:
    """Tell whether there is an image, or perhaps one in a linked folder."""
    for place, folders, names in os.walk(folder):
        if any(format_of(Path(name)) for name in names) or any(
            Path(place, name).is_symlink() for name in folders
        ):
            return True
    return False
