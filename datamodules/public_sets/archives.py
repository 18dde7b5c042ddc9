"""Archives from strangers: unpacked whole or not at all, and never outside their folder."""

from __future__ import annotations

import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from datamodules.listing import is_hidden

CHUNK = 1 << 20
MOST_FILES = 2_000_000
# The last two stand for a password and an unknown compression.
_DAMAGED = tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError


class ArchiveError(ValueError):
    """An archive that is damaged or that must not be unpacked. The message names it and its entry."""


class _Entry(NamedTuple):
    """A file or folder in an archive."""

    name: str
    is_folder: bool
    is_plain: bool
    content: IO[bytes] | None


def unpack(archive: Path, folder: Path, *, largest: int) -> None:
    """Unpack a zip or tar archive so that its contents are those of `folder`, which appears when all is done.

    A single folder at the top of the archive, as public sets have, is left out.

    Args:
        archive: zip, tar, tar.gz or another compression that Python reads.
        folder: must not exist.
        largest: bytes that the contents may have together; an archive that says less than it holds is stopped
            all the same.

    Raises:
        ArchiveError: it is no archive, is damaged, holds a link, a device or a path that leads out of the
            folder, or its contents are too large.
        FileExistsError: the folder exists.
    """
    if folder.exists():
        raise FileExistsError(f"{folder} exists already.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as temporary:
        contents = Path(temporary) / "contents"
        contents.mkdir()
        try:
            with _entries(archive) as entries:
                _write(archive, entries, contents, largest)
        except _DAMAGED as error:
            raise ArchiveError(
                f"{archive}: the archive is damaged ({error}). Delete it and fetch it again."
            ) from error
        _top(contents).rename(folder)


def _write(archive: Path, entries: Iterator[_Entry], folder: Path, largest: int) -> None:
    written = 0
    for count, entry in enumerate(entries):
        path = PurePosixPath(entry.name)
        if path.is_absolute() or ".." in path.parts or "\\" in entry.name or ":" in entry.name:
            raise ArchiveError(f"{archive}: the entry {entry.name!r} leads out of the folder; not unpacked.")
        if not entry.is_plain:
            raise ArchiveError(f"{archive}: the entry {entry.name!r} is a link or a device; not unpacked.")
        if count >= MOST_FILES:
            raise ArchiveError(f"{archive}: more than {MOST_FILES} entries; not unpacked.")
        target = folder / path
        if entry.is_folder:
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        assert entry.content is not None
        with entry.content as content, target.open("wb") as file:
            while chunk := content.read(CHUNK):
                written += len(chunk)
                if written > largest:
                    raise ArchiveError(
                        f"{archive}: the contents are larger than {largest / 1e9:.1f} GB, which is more than "
                        "this set can have; not unpacked."
                    )
                file.write(chunk)


@contextmanager
def _entries(archive: Path) -> Iterator[Iterator[_Entry]]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            yield _zip_entries(opened)
    else:
        with tarfile.open(archive) as opened_tar:
            yield _tar_entries(opened_tar)


def _zip_entries(archive: zipfile.ZipFile) -> Iterator[_Entry]:
    for info in archive.infolist():
        kind = stat.S_IFMT(info.external_attr >> 16)
        plain = kind in (0, stat.S_IFREG, stat.S_IFDIR)
        # `filename` is what Python made of it; the name as stored shows what somebody tried.
        content = archive.open(info) if plain and not info.is_dir() else None
        yield _Entry(info.orig_filename, info.is_dir(), plain, content)


def _tar_entries(archive: tarfile.TarFile) -> Iterator[_Entry]:
    for info in archive:
        content = archive.extractfile(info) if info.isreg() else None
        yield _Entry(info.name, info.isdir(), info.isreg() or info.isdir(), content)


def _top(folder: Path) -> Path:
    """Return the only folder in a folder, or the folder itself if it has other contents."""
    inside = [path for path in folder.iterdir() if not is_hidden(path.name)]
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else folder
