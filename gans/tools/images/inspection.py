"""Every file of a set, read once: what it is like, whether it can be used, and which ones show the same."""

from __future__ import annotations

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from datamodules.files.readers import ImageError, format_of, read_image, read_stored
from datamodules.found import Found, depth_of
from datamodules.listing import judged
from datamodules.progress import progress_bar
from datamodules.reading import Reading


@dataclass(frozen=True)
class Inspected:
    """One file.

    Attributes:
        path: of the file.
        size: width and height, upright; (0, 0) for a damaged one.
        channels: without alpha.
        kind: depth and format, such as `8 bit PNG`.
        digest: of its pixels, the same for files that show the same in whatever format.
        error: why it cannot be used; empty otherwise.
    """

    path: Path
    size: tuple[int, int] = (0, 0)
    channels: int = 0
    kind: str = ""
    digest: bytes = b""
    error: str = ""


@dataclass(frozen=True)
class Twins:
    """Files that show the same, pixel by pixel.

    Attributes:
        training: those to train on.
        held_out: those to evaluate on.
    """

    training: list[Path]
    held_out: list[Path]

    @property
    def leak(self) -> bool:
        """Whether a model is evaluated on what it was trained on."""
        return bool(self.training and self.held_out)


def inspect(paths: Collection[Path], reading: Reading) -> dict[Path, Inspected]:
    """Read every file, several at a time, as training reads it.

    Args:
        paths: each is read once, however often it is named.
        reading: which values and channels are wanted.
    """
    files = list(dict.fromkeys(paths))
    workers = min(32, os.cpu_count() or 1)
    found = {}
    with progress_bar("Reading images", len(files)) as advance, ThreadPoolExecutor(workers) as pool:
        for start in range(0, len(files), 16 * workers):  # no more pictures in memory than that
            part = files[start : start + 16 * workers]
            for path, each in zip(part, pool.map(lambda file: _inspected(file, reading), part), strict=True):
                found[path] = each
                advance()
    return found


def _inspected(path: Path, reading: Reading) -> Inspected:
    try:
        stored = read_stored(path)
        pixels = read_image(path, reading.channels, reading.values)
    except ImageError as error:
        return Inspected(path, error=str(error))
    height, width = pixels.shape[:2]
    digest = hashlib.sha256(f"{pixels.shape} {pixels.dtype}".encode() + pixels.tobytes()).digest()
    kind = f"{depth_of(stored.dtype)} {format_of(path)}"
    return Inspected(path, (width, height), stored.channels, kind, digest)


def twins(training: Iterable[Inspected], held_out: Iterable[Inspected]) -> list[Twins]:
    """Return which usable files show the same; those across training and held-out images first."""
    groups: defaultdict[bytes, Twins] = defaultdict(lambda: Twins([], []))
    for side, files in (("training", training), ("held_out", held_out)):
        for each in files:
            if not each.error:
                getattr(groups[each.digest], side).append(each.path)
    several = [group for group in groups.values() if len(group.training) + len(group.held_out) > 1]
    return sorted(several, key=lambda group: not group.leak)


def left_out(found: Sequence[Found]) -> Mapping[str, list[Path]]:
    """Return reason -> the files of all folders that are not read."""
    reasons: defaultdict[str, list[Path]] = defaultdict(list)
    folders = dict.fromkeys(listing.folder for each in found if each.files for listing in each.files)
    for folder in folders:
        for path, reason in judged(folder):
            if reason and path not in reasons[reason]:
                reasons[reason].append(path)
    return {reason: sorted(paths) for reason, paths in reasons.items() if paths}


def counted(values: Iterable[str], most: int = 6) -> Iterator[str]:
    """Yield values with how many files have them, the most frequent ones first."""
    counts = Counter(values).most_common()
    for value, count in counts[:most]:
        yield f"{value} ({count})"
    if len(counts) > most:
        yield f"{len(counts) - most} others ({sum(count for _, count in counts[most:])})"
