"""How volumes are cut into the slices that data modules take as images: which axis, and which of them."""

from __future__ import annotations

import re
import warnings
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

import numpy as np

from datamodules.arguments import at_least
from datamodules.disk import cache_folder, written_whole
from datamodules.files.formats.common import Array
from datamodules.files.slice_names import SliceAxis, SliceName
from datamodules.files.volumes.opening import content_of, files_of, find_volumes
from datamodules.files.volumes.planes import cut_along
from datamodules.files.volumes.volume import Volume
from datamodules.fingerprint import fingerprint
from datamodules.progress import progress_bar

OF_SLICES = "slices "
"""Begins the reasons why slices are left out, and not files."""
BEYOND_RANGE, WITHOUT_CONTENT = f"{OF_SLICES}beyond slice_range", f"{OF_SLICES}without content"

_SHARES = re.compile(r"(\d+(?:\.\d+)?)%-(\d+(?:\.\d+)?)%")


@dataclass(frozen=True)
class Slices:
    """Which slices of volumes are images.

    Attributes:
        axis: along which volumes are cut; see `datamodules.files.volumes.planes`.
        first_and_last: numbers of the first and of the last slice, from 0; None takes all.
        shares: likewise, in per cent of the slices; None takes all.
        content: least share of a slice's voxels with content; see `content_of`.
        neighbours: slices on either side that are channels too.
    """

    axis: str
    first_and_last: tuple[int, int] | None = None
    shares: tuple[float, float] | None = None
    content: float = 0
    neighbours: int = 0

    @classmethod
    def parse(
        cls,
        axis: SliceAxis | None,
        slice_range: Sequence[int] | str | None,
        content: float,
        neighbours: int,
    ) -> Slices | None:
        """Make it of what a user wrote; None where nothing is to be cut.

        Raises:
            ValueError: an argument is unknown or out of its range.
        """
        at_least("slice_neighbours", neighbours, 0)
        if not 0 <= content < 1:
            raise ValueError(f"slice_content: {content} must be at least 0 and below 1.")
        if axis is None:
            if slice_range is not None or neighbours:
                raise ValueError(
                    "slice_range and slice_neighbours are of volumes: say how these are cut by "
                    "slices, such as axial."
                )
            return None
        if axis not in get_args(SliceAxis):
            raise ValueError(f"slices: {axis!r} is unknown; {', '.join(get_args(SliceAxis))} are.")
        cut = cls(axis, content=content, neighbours=neighbours)
        match = _SHARES.fullmatch(slice_range) if isinstance(slice_range, str) else None
        given = tuple(float(each) for each in match.groups()) if match else slice_range
        if given is None:
            return cut
        if isinstance(given, str) or len(given) != 2 or not 0 <= given[0] <= given[1]:
            raise ValueError(
                f"slice_range: {slice_range!r} must be the numbers of the first and of the last slice, such "
                "as [40, 120], or shares, such as 20%-80%."
            )
        if match is None:
            return replace(cut, first_and_last=(int(given[0]), int(given[1])))
        if given[1] > 100:
            raise ValueError(f"slice_range: {slice_range!r} goes beyond 100%.")
        return replace(cut, shares=(given[0], given[1]))

    @property
    def every(self) -> Slices:
        """The same cut, of which no slice is left out."""
        return Slices(self.axis, neighbours=self.neighbours)

    def among(self, paths: Sequence[Path]) -> tuple[list[Path], Mapping[str, int]]:
        """Return images and, in place of volumes, their slices; and how many are left out for what reason.

        Args:
            paths: files, in order. What is damaged stays, for whoever reads it to be told.
        """
        files, found = set(paths), find_volumes(paths)
        volumes = [volume for _, volume in found if volume is not None]
        for each in volumes:
            for note in each.notes:
                warnings.warn(f"{each.path}: {note}.", stacklevel=4)
        if self.content and volumes:
            with progress_bar("Looking for slices with content", len(volumes)) as advance:
                for each in volumes:
                    _content(each)
                    advance()
        images: list[Path] = []
        left_out: Counter[str] = Counter()
        for place, volume in found:
            if volume is None and place in files:
                images.append(place)
            elif volume is None:  # a series that is no volume
                images.append(self._slice(place, 0))
            else:
                chosen, why = self._chosen(volume)
                images += [self._slice(place, number) for number in chosen]
                left_out.update(why)
        return images, left_out

    def of_wholes(self, images: Sequence[Path]) -> list[Path]:
        """Return images, and all slices of the volumes of those that are slices."""
        return self.every.among(list(dict.fromkeys(file for path in images for file in files_of(path))))[0]

    def _slice(self, volume: Path, number: int) -> Path:
        return SliceName(self.axis, number, self.neighbours).of(volume)

    def _chosen(self, volume: Volume) -> tuple[list[int], Counter[str]]:
        """Return the numbers of the slices of a volume that are images, and how many are not."""
        try:
            cut = cut_along(self.axis, volume.affine)
        except ValueError:  # whoever reads the slice is told
            return [0], Counter()
        count = volume.shape[cut.axis]
        first, last = self.first_and_last or (0, count - 1)
        if self.shares is not None:
            first, last = (round(share / 100 * (count - 1)) for share in self.shares)
        within = range(min(first, count), min(last, count - 1) + 1)
        shares = _content(volume) if self.content else None
        chosen = [
            number
            for number in within
            if shares is None or shares[cut.axis][cut.place(number, count)] >= self.content
        ]
        beyond, empty = count - len(within), len(within) - len(chosen)
        return chosen, Counter({BEYOND_RANGE: beyond, WITHOUT_CONTENT: empty})


Content = tuple[Array, Array, Array]


def _content(volume: Volume) -> Content:
    """Return what `content_of` measures, once per machine: it decodes the whole volume.

    Slices of a damaged volume have some content, for its readers to be told.
    """
    key = fingerprint(["content", volume.path, volume.files()])
    file = cache_folder() / "contents" / f"{key}.npz"
    with suppress(OSError, ValueError, KeyError, zipfile.BadZipFile), np.load(file) as kept:
        return kept["i"], kept["j"], kept["k"]
    try:
        i, j, k = content_of(volume)
    except Exception:  # of whatever kind its decoder raises
        i, j, k = (np.ones(length) for length in volume.shape)
        return i, j, k
    with suppress(OSError), written_whole(file) as opened:  # it only saves time
        np.savez(opened, i=i, j=j, k=k)
    return i, j, k
