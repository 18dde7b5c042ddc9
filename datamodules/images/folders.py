"""Which files are trained on and evaluated on, and their classes: plain folders, and folders of classes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from datamodules.image_sets import find_images, hold_out, limited
from datamodules.listing import Listing, composed, joined, sub_folders
from datamodules.reading import Reading
from datamodules.slices import Slices

# What is held out, in order of preference.
HELD_OUT = ("test", "val")


@dataclass(frozen=True)
class ImageSplits:
    """Files to train on and files to evaluate on.

    Attributes:
        train: to train on.
        held_out: to evaluate on.
        class_names: names of the folders that are classes, in the order of the labels; empty without classes.
    """

    train: Listing
    held_out: Listing
    class_names: Sequence[str] = ()

    def labels(self, names: Sequence[str]) -> Tensor | None:
        """Return the classes (N,) of int64 of images by their names, relative to their split's folder."""
        if not self.class_names:
            return None
        return torch.tensor([self.class_names.index(class_of(name)) for name in names])


def class_of(name: str) -> str:
    """Return the class of an image, which is the folder that its name begins with."""
    return composed(name.partition("/")[0])


def find_splits(folder: str, reading: Reading, *, whole: bool, classes: bool) -> ImageSplits:
    """Find the images of a data set.

    Args:
        folder: where the images are, sub-folders included.
        reading: which share is held out where there is no test folder (of each class), how volumes are cut,
            and how many images of each split are used at most.
        whole: take it as one folder of images, whatever its sub-folders are called. Otherwise, where it has a
            folder train, that is trained on, and its folder test (or val) is evaluated on if there is one.
        classes: whether each sub-folder is a class.

    Raises:
        FileNotFoundError: a folder is missing or has no images.
        ValueError: too few images to hold some out, fewer than two classes, images outside of the classes'
            folders, or classes to evaluate on that are not trained on.
    """
    train, test = (Path(folder), None) if whole else _split_folders(Path(folder))
    find, limit = _find_classes if classes else _find_plain, reading.max_images
    trained = find(train, "training", reading.cut)
    if classes and len(trained) < 2:
        raise ValueError(
            f"labels: folder needs two classes or more, and {train} has one: {min(trained).name}."
        )
    if test is None:
        tested = {}
        for place, listing in trained.items():
            learnt, kept = hold_out(listing.paths, place, reading.held_out_share)
            trained[place], tested[place] = listing._replace(paths=learnt), Listing(place, kept)
    else:
        tested = find(test, "evaluation", reading.cut)
        _refuse_new_classes(trained, tested, test)
    return ImageSplits(
        limited(joined(train, trained.values()), limit),
        limited(joined(test or train, tested.values()), limit),
        [composed(place.name) for place in trained] if classes else (),
    )


def _split_folders(root: Path) -> tuple[Path, Path | None]:
    """Return the folder to train on and the one to evaluate on, None where a share is to be held out."""
    if not root.is_dir():
        raise FileNotFoundError(f"root: {root} is no folder. Expected is a folder with images.")
    if not (root / "train").is_dir():
        return root, None
    return root / "train", next((root / name for name in HELD_OUT if (root / name).is_dir()), None)


def _find_plain(folder: Path, purpose: str, slices: Slices | None) -> dict[Path, Listing]:
    return {folder: find_images(folder, purpose, slices)}


def _find_classes(folder: Path, purpose: str, slices: Slices | None) -> dict[Path, Listing]:
    """Return the images of each class, by its folder, in the order of their names."""
    outside = sum(path.parent == folder for path in find_images(folder, purpose).paths)
    classes = {
        place: find_images(place, f"{purpose} of class {place.name}", slices) for place in sub_folders(folder)
    }
    if outside:
        raise ValueError(
            f"labels: folder takes the sub-folders of {folder} as classes, and {outside} images lie outside "
            "of them. Sort these into folders, or leave labels out."
        )
    return classes


def _refuse_new_classes(trained: Iterable[Path], tested: Iterable[Path], folder: Path) -> None:
    """Refuse classes that no training image shows; plain folders have none."""
    names = {composed(place.name) for place in trained}
    new = [place.name for place in tested if composed(place.name) not in names and place != folder]
    if new:
        raise ValueError(f"{folder}: there are no images to train on of class {', '.join(new)}.")
