"""Packages that only some formats need, imported when such a file is met."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from datamodules.files.formats.common import ImageError


def needed(package: str, path: Path) -> Any:
    """Import a package of the extra `medical`.

    Raises:
        ImageError: it is not installed; says how to install it.
    """
    try:
        return import_module(package)
    except ImportError as error:
        raise ImageError(
            f"{path}: {package}, which reads such files, is missing: pip install {package} (or, with all "
            "medical formats, pip install 'gans[medical]')."
        ) from error
