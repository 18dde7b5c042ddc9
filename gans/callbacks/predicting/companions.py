"""Files that go along with predicted pictures, such as the masks of a labelled set."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from datamodules.files.writers import renamed
from datamodules.listing import composed, files_in
from gans.callbacks.predicting.output_names import fitting, key_of, numbered
from gans.files import written_whole


class Companions:
    """A folder with one file, or several of different suffixes, for every image of another folder.

    Args:
        folder: `a/b.png` has its companions at FOLDER/a/b.*, whatever their suffix; hidden files are none.

    Raises:
        FileNotFoundError: there is no such folder.
    """

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise FileNotFoundError(f"write_predictions.also_copy: there is no folder {folder}.")
        self.name = self.folder.resolve().name
        """Of the folder of the copies, beside the pictures."""

    @cached_property
    def _files(self) -> dict[str, list[Path]]:
        files: defaultdict[str, list[Path]] = defaultdict(list)
        for path in files_in(self.folder):
            files[_stem(path.relative_to(self.folder).as_posix())].append(path)
        return files

    def check(self, images: Mapping[str, Sequence[str]], scale: float = 1) -> None:
        """Refuse images without a companion, and pictures that companions do not fit.

        Args:
            images: names of the images' files, as paths relative to their folder, by the names of the images;
                a volume of several files has a companion of its own name, or one for each of them.
            scale: pictures are so many times as high and wide as their images.

        Raises:
            FileNotFoundError: names the first of them.
            ValueError: the pictures are larger than what the companions were made for.
        """
        if scale != 1:
            raise ValueError(
                f"write_predictions.also_copy: what lies in {self.folder}, such as masks, fits the images, "
                f"and the pictures are {scale:g} times as high and wide. Leave also_copy out, and "
                f"enlarge the masks {scale:g} times without interpolation."
            )
        missing = [
            name
            for name, files in images.items()
            if _stem(name) not in self._files and not all(_stem(file) in self._files for file in files)
        ]
        if missing:
            raise FileNotFoundError(
                f"write_predictions.also_copy: {len(missing)} of {len(images)} images have no file of their "
                f"name in {self.folder}, the first is {missing[0]}."
            )

    def keep_apart(self, pictures: Iterable[str]) -> None:
        """Choose a folder for the copies that none of the pictures is in, whose names are given."""
        taken = {key_of(name.partition("/")[0]) for name in pictures}
        self.name = next(name for name in numbered(self.folder.resolve().name) if key_of(name) not in taken)

    def copies(self, name: str, picture: str, folder: Path) -> dict[Path, Path]:
        """Return where what goes along with an image is copied to, by what is copied.

        Args:
            name: of the image.
            picture: name of the picture made of it.
            folder: of the pictures; the copy has the same place in a folder beside them that is called
                like this one, under the name of the picture and with a suffix of its own.
        """
        begin = folder / self.name / renamed(picture, "")
        found = self._files.get(_stem(name), [])
        suffixes = [path.name.removeprefix(renamed(path.name, "")) for path in found]
        return {
            path: begin.with_name(fitting(begin.name, suffix) + suffix)
            for path, suffix in zip(found, suffixes, strict=True)
        }

    def copy(self, name: str, picture: str, folder: Path) -> None:
        """Copy what goes along with an image; see `copies`."""
        for path, copy in self.copies(name, picture, folder).items():
            with path.open("rb") as source, written_whole(copy) as target:
                shutil.copyfileobj(source, target)


def _stem(name: str) -> str:
    return composed(renamed(name, ""))
