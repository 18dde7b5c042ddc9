"""Which files and folders are volumes, opened once each, and what is measured over all of their values."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from datamodules.files.formats.common import Array, Bounds
from datamodules.files.readers import format_of
from datamodules.files.slice_names import volume_of
from datamodules.files.value_range import ValueRange
from datamodules.files.volumes.frames import open_frames
from datamodules.files.volumes.nifti import open_nifti
from datamodules.files.volumes.series import is_dicom, open_series, series_in
from datamodules.files.volumes.stacks import open_stack
from datamodules.files.volumes.volume import Volume, values_of

SERIES = ".series"
"""Suffix of the name, after the identifier, of a series that lies in a folder with others."""

_OPEN = {"NIfTI": open_nifti, "DICOM": open_frames, "TIFF": open_stack}
_LEAST_SHARE = 0.1  # of the way from the first to the last percentile, above which a voxel is content


def find_volumes(paths: Sequence[Path]) -> list[tuple[Path, Volume | None]]:
    """Return the volumes among files, each once, and the files that are images, with None.

    The volume of a DICOM series is called like the folder of its slices; where there are others in that
    folder, `IDENTIFIER.series` in it. What is damaged comes as if it were an image: who reads it is told.

    Args:
        paths: the files, and those without a known suffix that may be DICOM.
    """
    found: list[tuple[Path, Volume | None]] = []
    of_series = _by_series(paths)
    seen: set[Path] = set()
    for path in paths:
        place = of_series.get(path, path)
        if place in seen:
            continue
        seen.add(place)
        try:
            volume = open_volume(place) if place != path or format_of(path) in _OPEN else None
        except Exception:  # a damaged header; reading it says what it is
            volume = None
        if volume is not None or place != path or format_of(path):
            found.append((place, volume))
    return found


def _by_series(paths: Sequence[Path]) -> dict[Path, Path]:
    """Return what the volume is called that a file is a slice of."""
    candidates = [path for path in paths if format_of(path) in ("DICOM", None)]
    of_series: dict[Path, Path] = {}
    for folder in dict.fromkeys(path.parent for path in candidates):
        series = series_in(folder, folder.stat().st_mtime_ns)
        for identifier, slices in series.items():
            name = folder if len(series) == 1 else folder / f"{identifier}{SERIES}"
            of_series |= {path: name for path, _ in slices}
    return of_series


def maybe_dicom(path: Path) -> bool:
    """Whether a file of no known suffix is DICOM, as slices often are."""
    return format_of(path) is None and is_dicom(path)


def open_volume(path: Path) -> Volume | None:
    """Return the volume of a file, or of the slices in a folder; None where there is none.

    Raises:
        ImageError: it cannot be used.
        OSError: there is no such file.
    """
    place = path.parent if path.name.endswith(SERIES) and not path.exists() else path
    return _opened(path, place.stat().st_mtime_ns)


@lru_cache(maxsize=4096)
def _opened(path: Path, stamp: int) -> Volume | None:
    if path.is_file():
        return _OPEN[str(format_of(path))](path)
    folder = path if path.is_dir() else path.parent
    series = series_in(folder, stamp)
    if path.is_dir():
        return open_series(path, next(iter(series.values()))) if len(series) == 1 else None
    return open_series(path, series[path.name.removesuffix(SERIES)])


def files_of(path: Path) -> tuple[Path, ...]:
    """Return the files that hold an image: itself, or those of the volume that it is a slice of.

    Raises:
        ImageError: the volume cannot be used.
    """
    place = volume_of(path)
    if place is None:
        return (path,)
    volume = open_volume(place)
    return volume.files() if volume else (place,)


def window_of(volume: Volume, value_range: ValueRange) -> ValueRange:
    """Return a range whose percentiles, if it is one of these, are those of the whole volume."""
    if value_range.percentiles is None:
        return value_range
    bounds = _percentiles(volume, value_range.percentiles)
    return value_range if bounds is None else ValueRange(window=bounds)


@lru_cache(maxsize=65536)
def _percentiles(volume: Volume, percents: Bounds) -> Bounds | None:
    """Return percentiles, in units, of all numbers of a volume; None if there are none."""
    values = values_of(volume)
    values = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    if not values.size:
        return None
    rises = volume.in_units(np.array([0, 1]))
    ends = percents if rises[1] > rises[0] else (100 - percents[1], 100 - percents[0])
    low, high = sorted(float(each) for each in volume.in_units(np.percentile(values, ends)))
    return low, high


@lru_cache(maxsize=65536)
def content_of(volume: Volume) -> tuple[Array, Array, Array]:
    """Return the share of voxels with content of each slice along i, j and k.

    A voxel has content where its value lies more than a tenth of the way from the first to the ninety-ninth
    percentile of its volume above the first.
    """
    bounds = _percentiles(volume, (1, 99))
    least = np.inf if bounds is None else bounds[0] + _LEAST_SHARE * (bounds[1] - bounds[0])
    values = values_of(volume)
    counts = [np.zeros(length) for length in volume.shape]
    for index in range(volume.shape[2]):
        plane = volume.in_units(np.asarray(values[:, :, index])).reshape(*volume.shape[:2], volume.channels)
        above = (plane > least).any(axis=2)
        counts[0] += above.sum(1)
        counts[1] += above.sum(0)
        counts[2][index] = above.sum()
    width, height, depth = volume.shape
    return counts[0] / (height * depth), counts[1] / (width * depth), counts[2] / (width * height)
