"""Which files make up the pairs of a folder: the official layouts, the splits, and partners by name."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from datamodules.files.readers import ImageError
from datamodules.files.slice_names import slice_of, volume_of
from datamodules.files.volumes.opening import open_volume
from datamodules.files.writers import renamed
from datamodules.image_sets import find_images, hold_out, limited
from datamodules.listing import Listing, composed, is_hidden
from datamodules.reading import OnBadImage
from datamodules.slices import Slices

SPLITS = ("train", "val", "test")

LONELY = "without a partner"

# Names that a message lists before it only counts.
NAMED = 5


class Splits(NamedTuple):
    """Files to train on, to validate on and to test with."""

    train: Listing
    validation: Listing
    test: Listing


def find_folders(root: str | Path) -> dict[str, tuple[Path, ...]]:
    """Find out how a data set lies on disk.

    Args:
        root: folder with train (and val, test) of side-by-side pictures; or with trainA and trainB; or with
            A/train and B/train.

    Returns:
        By split, its folder, or its folders of A and of B. There is always one of `train`.

    Raises:
        FileNotFoundError: none of these layouts is there.
    """
    base = Path(root)
    for pattern in (("{}A", "{}B"), ("A/{}", "B/{}"), ("{}",)):
        folders = {split: tuple(base / part.format(split) for part in pattern) for split in SPLITS}
        there = {split: paths for split, paths in folders.items() if any(path.is_dir() for path in paths)}
        if "train" in there:
            return there
    shown = [path.name for path in base.iterdir() if not is_hidden(path.name)] if base.is_dir() else []
    found = ", ".join(sorted(shown)[:8])
    raise FileNotFoundError(
        f"root: {root} {f'has {found}' if found else 'is empty or no folder'}. Expected is a folder train "
        "with side-by-side pictures, or folders trainA and trainB (or A/train and B/train) with matching "
        "names, and likewise val and test if there are any; or give folder_A and folder_B."
    )


def split_files(listings: Mapping[str, Listing], share: float, limit: int | None) -> Splits:
    """Choose the files of each split.

    Args:
        listings: files of `train`, and of `val` and `test` where there are any. One stands in for the
            other; without both, some training files are held out by their names.
        share: part to hold out.
        limit: use at most so many files of each split, evenly spaced.

    Raises:
        ValueError: there are too few files to hold any out.
    """
    train = listings["train"]
    validation = listings.get("val") or listings.get("test")
    if validation is None:
        rest, held_out = hold_out(train.paths, train.folder, share)
        train, validation = train._replace(paths=rest), Listing(train.folder, held_out)
    test = listings.get("test", validation)
    return Splits(limited(train, limit), limited(validation, limit), limited(test, limit))


def list_folder(folder: Path, slices: Slices | None = None) -> Listing:
    """List the images of a folder that must have some.

    Raises:
        FileNotFoundError: there is no such folder, or no image in it.
    """
    return find_images(folder, "pairs", slices)


def match_folders(
    folder_A: Path, folder_B: Path, on_bad: OnBadImage = "raise", slices: Slices | None = None
) -> tuple[Listing, dict[Path, Path]]:
    """Match the images of two folders by their names without suffix, sub-folders included.

    Args:
        folder_A: images of A.
        folder_B: images of B.
        on_bad: raise where images have no partner, or skip these with one warning.
        slices: how volumes are cut; those of A tell which slices are taken.

    Returns:
        The images of A that have a partner, and what is left out of both folders; and the partner of each.

    Raises:
        FileNotFoundError: a folder is missing or has no images.
        ValueError: images without a partner, or two of one name; tells how many and names the first. Or none
            has a partner.
    """
    found_A = find_images(folder_A, "pairs", slices)
    found_B = find_images(folder_B, "pairs", slices and slices.every)
    A, B = _by_stem(found_A), _by_stem(found_B)
    B = _of_slices_taken(A, B)
    _warn_of_misplaced(A, B)
    lonely = [A[stem] for stem in sorted(A.keys() - B.keys())] + [
        B[stem] for stem in sorted(B.keys() - A.keys())
    ]
    partners = {path: B[stem] for stem, path in A.items() if stem in B}
    if lonely:
        said = (
            f"{folder_A} and {folder_B}: {len(lonely)} of {len(A) + len(B)} images have no partner of "
            f"the same name in the other folder: {_first(lonely)}."
        )
        if on_bad == "raise" or not partners:
            raise ValueError(
                f"{said} Add the partners, rename or remove these, or leave them out with on_bad_image: skip."
            )
        warnings.warn(f"{said} They are left out.", stacklevel=4)
    left_out = Counter(found_A.left_out) + Counter(found_B.left_out) + Counter({LONELY: len(lonely)})
    return Listing(folder_A, list(partners), left_out), partners


def _by_stem(listing: Listing) -> dict[str, Path]:
    by_stem: dict[str, Path] = {}
    twice: list[Path] = []
    for name, path in zip(listing.names, listing.paths, strict=True):
        if by_stem.setdefault(composed(renamed(name, "")), path) is not path:
            twice.append(path)
    if twice:
        raise ValueError(
            f"{listing.folder}: {len(twice)} images have the name of another one but for the suffix, so that "
            f"their partners are not known: {_first(twice)}. Rename or remove these."
        )
    return by_stem


def _of_slices_taken(A: Mapping[str, Path], B: Mapping[str, Path]) -> dict[str, Path]:
    """Return B without the slices that A left out of a volume which both have."""
    both = {_volume(stem) for stem, path in A.items() if slice_of(path)}
    return {
        stem: path for stem, path in B.items() if stem in A or not slice_of(path) or _volume(stem) not in both
    }


def _volume(stem: str) -> str:
    return stem.rpartition("/")[0]


def _warn_of_misplaced(A: Mapping[str, Path], B: Mapping[str, Path]) -> None:
    """Say which volumes of pairs do not lie alike in the body, so that their slices show different places."""
    pairs = {(volume_of(path), volume_of(B[stem])) for stem, path in A.items() if stem in B}
    for volume_A, volume_B in sorted((one, other) for one, other in pairs if one and other):
        with suppress(ImageError):  # whoever reads it is told
            one, other = open_volume(volume_A), open_volume(volume_B)
            if one is None or other is None or one.affine is None or other.affine is None:
                continue
            if not np.allclose(one.affine, other.affine, atol=1e-2):
                warnings.warn(
                    f"{volume_A} and {volume_B} lie differently in the body, by their affines: their slices "
                    "of one number show different places, unless one is resampled to the other.",
                    stacklevel=5,
                )


def _first(paths: Iterable[Path]) -> str:
    names = [str(path) for path in paths]
    return ", ".join(names[:NAMED]) + (" and more" if len(names) > NAMED else "")
