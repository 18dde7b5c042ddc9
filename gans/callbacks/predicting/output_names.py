"""What predicted pictures are called: no two alike on any file system, and the same whenever it is asked."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterator
from itertools import chain, count
from pathlib import PurePosixPath
from typing import NamedTuple

from datamodules.files.writers import renamed
from datamodules.listing import composed
from gans.files import LONGEST_NAME, shortened

OTHER_SUFFIXES = (".png", ".tiff")
"""What pictures become that the format of their image cannot hold."""


class OutputName(NamedTuple):
    """What the picture of an image is called.

    Attributes:
        same: its name in the format of the image.
        stem: its name in another format, without the suffix.
    """

    same: str
    stem: str

    def below(self, prefix: str) -> OutputName:
        """Return the name with a prefix, such as a folder."""
        return OutputName(prefix + self.same, prefix + self.stem)

    def encoded(self, asked: str, made: str) -> str:
        """Return the name in the format that a picture got.

        Args:
            asked: a name with the suffix of the image.
            made: what became of it: the same, or another suffix.
        """
        return self.same if made == asked else self.stem + made.removeprefix(renamed(asked, ""))

    def possible(self) -> list[str]:
        """Return the names that the picture may get."""
        return list(dict.fromkeys([self.same, *(self.stem + suffix for suffix in OTHER_SUFFIXES)]))


def as_it_is(name: str) -> OutputName:
    """Return the name of a picture that has no others beside it."""
    return OutputName(name, renamed(name, ""))


def output_names(names: Collection[str], suffix: str = "") -> dict[str, OutputName]:
    """Return by the names of images what their pictures are called.

    A picture is called like its image, but for the suffix where its format is another one. Where images
    differ in nothing else, the suffix of another format comes behind their own: `slice.nii.png` beside
    `slice.png`. Names that only differ by large and small letters, or by how accents are stored, get numbers.

    Args:
        names: of all images, whichever process makes their pictures; their order plays no part.
        suffix: comes behind each name, before its format.
    """
    if suffix:
        longer = {name: _with_suffix(name, suffix) for name in names}
        chosen = output_names(longer.values())
        return {name: chosen[longer[name]] for name in names}
    given = {key_of(name) for name in names}
    stems = Counter(key_of(renamed(name, "")) for name in names)
    taken = {key_of(folder.as_posix()) for name in names for folder in PurePosixPath(name).parents}
    same: dict[str, str] = {}
    for name in sorted(names):
        stem = renamed(name, "")
        for choice in numbered(stem, name.removeprefix(stem)):
            if key_of(choice) not in taken and (choice == name or key_of(choice) not in given):
                break
        same[name] = choice
        taken.add(key_of(choice))
    found: dict[str, OutputName] = {}
    for name in sorted(names):
        stem = renamed(name, "")
        alone = [fitting(stem, OTHER_SUFFIXES[-1])] if stems[key_of(stem)] == 1 else []
        for choice in chain(alone, (fitting(each, OTHER_SUFFIXES[-1]) for each in numbered(name))):
            wanted = {key_of(choice + suffix) for suffix in OTHER_SUFFIXES} - {key_of(same[name])}
            if not wanted & taken:
                break
        found[name] = OutputName(same[name], choice)
        taken |= wanted
    return found


def _with_suffix(name: str, suffix: str) -> str:
    stem = renamed(name, "")
    return fitting(stem, suffix + name.removeprefix(stem)) + suffix + name.removeprefix(stem)


def key_of(name: str) -> str:
    """Return what names have in common that are one on some file systems."""
    return composed(composed(name).casefold())


def numbered(stem: str, suffix: str = "") -> Iterator[str]:
    """Yield a name, and then others like it: `a.png`, `a-2.png`, `a-3.png`."""
    yield fitting(stem, suffix) + suffix
    for number in count(2):
        yield fitting(stem, f"-{number}{suffix}") + f"-{number}{suffix}"


def fitting(stem: str, suffix: str) -> str:
    """Return a name, shortened if the suffix behind it would make it longer than file systems take."""
    folder, slash, last = stem.rpartition("/")
    return folder + slash + shortened(last, LONGEST_NAME - len(os.fsencode(suffix)))
