"""Files that go along with predicted pictures, such as the masks of a labelled set."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from datamodules.writers import renamed
from gans.files import written_whole


class Companions:
    """A folder with one file, or several of different suffixes, for every image of another folder.

    Args:
        folder: `a/b.png` has its companions at FOLDER/a/b.*, whatever their suffix.

    Raises:
        FileNotFoundError: there is no such folder.
    """

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise FileNotFoundError(f"write_predictions.also_copy: there is no folder {folder}.")

    @cached_property
    def _files(self) -> dict[str, list[Path]]:
        files: defaultdict[str, list[Path]] = defaultdict(list)
        for path in sorted(self.folder.rglob("*")):
            if path.is_file():
                files[renamed(path.relative_to(self.folder).as_posix(), "")].append(path)
        return files

    def check(self, names: Sequence[str]) -> None:
        """Refuse images without a companion.

        Args:
            names: of the images, as paths relative to their folder.

        Raises:
            FileNotFoundError: names the first of them.
        """
        missing = [name for name in names if renamed(name, "") not in self._files]
        if missing:
            raise FileNotFoundError(
                f"write_predictions.also_copy: {len(missing)} of {len(names)} images have no file of their "
                f"name in {self.folder}, the first is {missing[0]}."
            )

    def beside(self, folder: Path) -> Path:
        """Return where the copies go, given the folder of the pictures."""
        return folder / self.folder.resolve().name

    def copy(self, name: str, output: str, folder: Path) -> None:
        """Copy what goes along with an image.

        Args:
            name: of the image.
            output: name of the picture made of it.
            folder: of the pictures; the copy has the same place in a folder beside them that is called
                like this one, under the name of the picture and with a suffix of its own.
        """
        for path in self._files[renamed(name, "")]:
            suffix = path.name.removeprefix(Path(renamed(name, "")).name)
            copy = self.beside(folder) / (renamed(output, "") + suffix)
            with path.open("rb") as source, written_whole(copy) as target:
                shutil.copyfileobj(source, target)
