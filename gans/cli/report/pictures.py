"""The sample grids of a run, small enough to lie all in one page."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from gans.cli.report.history import History

NAME = re.compile(r"(?P<name>.+)_(?P<unit>epoch|step)-(?P<number>\d+)\.png")
EDGE = 1200  # pixels: larger grids are scaled down to it
LEAST_EDGE = 200
QUALITY = 80
METHOD = 2  # of WebP: half the time of its default, a tenth more bytes


@dataclass(frozen=True)
class Moment:
    """The grids that were drawn at one time.

    Attributes:
        label: as people say it, such as `epoch 4`.
        step: after how many steps, as far as the table tells.
        files: name of a grid, such as `A2B` -> its file.
    """

    label: str
    step: int
    files: dict[str, Path]


def moments_of(samples: Path, history: History) -> list[Moment]:
    """Return what RUN/samples holds, in the order of the training."""
    found: dict[tuple[int, str], dict[str, Path]] = {}
    for file in sorted(samples.glob("*.png")):
        if match := NAME.fullmatch(file.name):
            number = int(match["number"])
            step = number if match["unit"] == "step" else history.step_of_epoch.get(number, 0)
            if match["unit"] == "epoch" and number and not step:
                step = history.last_step  # an epoch too short for a row in the table
            found.setdefault((step, f"{match['unit']} {number}"), {})[match["name"]] = file
    return [Moment(label, step, files) for (step, label), files in sorted(found.items(), key=_order)]


def _order(item: tuple[tuple[int, str], object]) -> tuple[int, bool, int]:
    """Sort by step, and by the number of epochs where the table tells no steps."""
    (step, label), _ = item
    unit, _, number = label.partition(" ")
    return step, unit == "step", int(number)


class Album:
    """Encodes grids, each once, and chooses as many as a page has room for."""

    def __init__(self) -> None:
        self._encoded: dict[tuple[Path, int, int], str] = {}

    def choose(self, moments: Sequence[Moment], room: int) -> list[tuple[Moment, dict[str, str]]]:
        """Return moments with their grids as addresses that hold the pictures themselves.

        Where not all find room, every second, fourth, ... of them is taken, and always the last; grids that
        are too large even for the first and the last are scaled down.

        Args:
            moments: in order.
            room: characters that all addresses together may take.
        """
        every, edge = 1, EDGE
        newest = sum(map(len, self._pages(moments[-1], edge).values())) if moments else 0
        while len(moments) > 2 * every and newest * len(moments) / every > room:
            every *= 2  # before any of so many is encoded
        while True:
            chosen = [moment for i, moment in enumerate(moments[:-1]) if i % every == 0] + list(moments[-1:])
            pages = [(moment, self._pages(moment, edge)) for moment in chosen]
            size = sum(len(page) for _, each in pages for page in each.values())
            if size <= room or (len(chosen) <= 2 and edge <= LEAST_EDGE):
                self._forget(pages)
                return pages
            if len(chosen) > 2:
                every *= 2
            else:
                edge //= 2

    def _pages(self, moment: Moment, edge: int) -> dict[str, str]:
        pages = {name: self._page(file, edge) for name, file in moment.files.items()}
        return {name: page for name, page in pages.items() if page}

    def _page(self, file: Path, edge: int) -> str:
        """Return a picture as an address; empty for a file that is no picture, or gone."""
        try:
            key = (file, file.stat().st_mtime_ns, edge)
            if key not in self._encoded:
                self._encoded[key] = encoded(file, edge)
        except (OSError, ValueError, Image.DecompressionBombError):
            return ""
        return self._encoded[key]

    def _forget(self, pages: Sequence[tuple[Moment, Mapping[str, str]]]) -> None:
        kept = {page for _, each in pages for page in each.values()}
        self._encoded = {key: page for key, page in self._encoded.items() if page in kept}


def encoded(file: Path, edge: int) -> str:
    """Return a picture, at most so many pixels wide and high, as an address that holds it."""
    with Image.open(file) as opened:
        picture = opened.convert("RGB")
    picture.thumbnail((edge, edge), Image.Resampling.LANCZOS)
    content = io.BytesIO()
    picture.save(content, "WEBP", quality=QUALITY, method=METHOD)
    return f"data:image/webp;base64,{base64.b64encode(content.getvalue()).decode()}"
