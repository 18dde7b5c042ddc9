"""Which files of a folder are a user's images: one rule for every data module, and what it leaves out."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from datamodules.files.readers import format_of
from datamodules.files.volumes.opening import maybe_dicom
from datamodules.slices import Slices

# What systems and programs leave behind under names without a leading dot, in small letters.
LITTER = frozenset(
    (
        "__macosx",  # archives made on macOS
        "__pycache__",
        "@eadir",  # thumbnails of Synology's file servers, and their waste baskets
        "#recycle",
        "$recycle.bin",
        "recycler",
        "system volume information",
        "lost+found",
        "thumbs.db",
        "ehthumbs.db",
        "desktop.ini",
        "icon\r",
    )
)
HIDDEN, BROKEN_LINK = "hidden", "links that lead nowhere"


class Listing(NamedTuple):
    """Image files of a folder.

    Attributes:
        folder: what their names are relative to.
        paths: the files, in the order of their names.
        left_out: reason in a user's words -> number of other files that were found beside them.
    """

    folder: Path
    paths: Sequence[Path]
    left_out: Mapping[str, int] = Counter()

    @property
    def names(self) -> list[str]:
        """Paths relative to the folder."""
        return names_in(self.folder, self.paths)


def names_in(folder: Path, paths: Sequence[Path]) -> list[str]:
    """Return the names of paths relative to a folder that they lie in.

    Raises:
        ValueError: one lies elsewhere.
    """
    start = f"{folder.as_posix().rstrip('/')}/"
    texts = [path.as_posix() for path in paths]
    if all(text.startswith(start) for text in texts):  # pathlib takes ten times as long for the same
        return [text[len(start) :] for text in texts]
    return [path.relative_to(folder).as_posix() for path in paths]


def joined(folder: Path, listings: Iterable[Listing]) -> Listing:
    """Return several listings of a folder's sub-folders as one of the folder."""
    paths: list[Path] = []
    left_out: Counter[str] = Counter()
    for listing in listings:
        paths += listing.paths
        left_out.update(listing.left_out)
    return Listing(folder, paths, left_out)


def composed(name: str) -> str:
    """Return a name as most systems write it: macOS stores an accent as a character of its own."""
    return unicodedata.normalize("NFC", name)


def is_hidden(name: str) -> bool:
    """Whether a file or folder of this name is none of the user's: hidden, or left behind by a program."""
    return name.startswith(".") or name.casefold() in LITTER


def sub_folders(folder: Path) -> list[Path]:
    """Return the folders in a folder, links to folders too, but for hidden ones; in the order of names."""
    found = (path for path in folder.iterdir() if not is_hidden(path.name) and path.is_dir())
    return sorted(found, key=lambda path: _order(path.name))


def files_in(folder: Path) -> list[Path]:
    """Return every file in a folder and its sub-folders that is not hidden, in the order of names.

    Links are followed, but for those to a folder that the link lies in.
    """
    shown = [path for path, reason in _walk(folder, os.path.realpath(folder)) if not reason]
    return sorted(shown, key=lambda path: _order(path.as_posix()))


def list_images(folder: str | Path, slices: Slices | None = None) -> Listing:
    """List the image files of a folder and of its sub-folders, and count what else is there.

    Hidden files and folders and those of `LITTER` are left out; of these, images alone are counted. Links are
    followed, but for those to a folder that the link lies in.

    Args:
        folder: where to look.
        slices: how volumes are cut, whose slices are listed in their place; None lists files alone.

    Raises:
        FileNotFoundError: the folder does not exist or is no folder.
        PermissionError: a sub-folder may not be looked into.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder. Images are expected there.")
    found = dict(judged(folder))
    if slices is not None:
        found |= {path: "" for path, reason in found.items() if reason == unread(path) and maybe_dicom(path)}
    paths = sorted(
        (path for path, reason in found.items() if not reason), key=lambda path: _order(path.as_posix())
    )
    left_out = Counter(reason for reason in found.values() if reason)
    if slices is None:
        return Listing(folder, paths, left_out)
    images, others = slices.among(paths)
    return Listing(folder, images, left_out + Counter(others))


def judged(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield the files of a folder and the reason why each is left out; empty for images, which are not.

    Of hidden files, images alone are told.
    """
    for path, reason in _walk(folder, os.path.realpath(folder)):
        other = unread(path)
        if reason != HIDDEN or not other:
            yield path, reason or other


def unread(path: Path) -> str:
    """Return why a file is not read as an image; empty for images."""
    if format_of(path):
        return ""
    return f"suffix {path.suffix.lower()} is not read" if path.suffix else "without a suffix"


def outside(paths: Sequence[Path], folder: Path) -> list[Path]:
    """Return the files that do not lie in a folder, through links either."""
    forbidden = os.path.realpath(folder)
    places = {place: holds(forbidden, os.path.realpath(place)) for place in {path.parent for path in paths}}
    return [
        path
        for path in paths
        if not places[path.parent] and not (path.is_symlink() and holds(forbidden, os.path.realpath(path)))
    ]


def holds(folder: str, path: str) -> bool:
    """Whether a folder is this path or one above it; both without links."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _walk(
    folder: Path, real: str, above: Collection[str] = (), reason: str = ""
) -> Iterator[tuple[Path, str]]:
    """Yield the files in a folder, each with the reason why it is left out; empty for those that are not.

    Args:
        folder: where to look.
        real: its path without links.
        above: paths without links of the folders whose links lead here.
        reason: why all of the folder is left out.
    """
    with os.scandir(folder) as opened:
        entries = list(opened)
    for entry in entries:
        path, linked = folder / entry.name, entry.is_symlink()
        why = HIDDEN if reason or is_hidden(entry.name) else ""
        if path.is_dir() if linked else entry.is_dir():
            target = os.path.realpath(path) if linked else os.path.join(real, entry.name)
            if linked and (why or any(holds(target, place) for place in (*above, real))):
                continue
            if why and not os.access(path, os.R_OK | os.X_OK):
                continue
            yield from _walk(path, target, (*above, real) if linked else above, why)
        elif path.is_file() if linked else entry.is_file():
            yield path, why
        elif linked:
            yield path, why or BROKEN_LINK


def _order(name: str) -> tuple[str, str]:
    """Return what names are sorted by: alike on systems that compose letters and on those that do not."""
    return composed(name), name
