"""Files of the pictures that the page shows: in a folder that ends with the page, each for an hour."""

from __future__ import annotations

import shutil
import time
from collections import deque
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from PIL import Image

KEPT = 3600  # seconds that somebody may still look at a result, and download it
FRAME_MILLISECONDS = 60


class Results:
    """Gives pictures names and files.

    Args:
        folder: where the files go, each result in a folder of its own.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count()
        self._kept: deque[tuple[float, Path]] = deque()

    def new(self) -> Path:
        """Return an empty folder for one result; those of results that are too old go."""
        now = time.monotonic()
        while self._kept and self._kept[0][0] < now - KEPT:
            shutil.rmtree(self._kept.popleft()[1], ignore_errors=True)
        folder = self._folder / f"result-{next(self._numbers)}"
        folder.mkdir(parents=True)
        self._kept.append((now, folder))
        return folder


def save_picture(folder: Path, name: str, image: Image.Image) -> str:
    """Save a picture as PNG under a name without suffix; return the path."""
    path = folder / f"{_as_file_name(name)}.png"
    image.save(path)
    return str(path)


def save_film(folder: Path, name: str, frames: Sequence[Image.Image]) -> str:
    """Save frames as an endless GIF under a name without suffix; return the path."""
    path = folder / f"{_as_file_name(name)}.gif"
    first, *others = frames
    first.save(path, save_all=True, append_images=others, duration=FRAME_MILLISECONDS, loop=0)
    return str(path)


def _as_file_name(name: str) -> str:
    """Return a name in letters and digits, with hyphens for all else."""
    words = "".join(letter if letter.isalnum() or letter in "._" else " " for letter in name).split()
    return "-".join(words)[:100] or "picture"
