"""Which source of images the arguments of `Images` ask for."""

from __future__ import annotations

from datamodules.class_folders import find_splits
from datamodules.image_sets import MemoryBudget, OnBadImage
from datamodules.image_sources import FaceImages, FolderImages, ImageSource
from datamodules.torchvision_sets import TorchvisionImages
from datamodules.value_range import ValueRange


def choose_source(
    *,
    root: str | None,
    folder: str | None,
    name: str | None,
    data_dir: str,
    download: bool,
    labels: str | None,
    faces: str,
    faces_count: int,
    test_count: int,
    channels: int | None,
    centre_crop: bool,
    held_out_share: float,
    max_images: int | None,
    budget: MemoryBudget,
    on_bad: OnBadImage,
    value_range: ValueRange,
) -> ImageSource:
    """Return where images come from; the arguments are those of `datamodules.images.Images`.

    Raises:
        FileNotFoundError: a folder is missing or has no images, or a set is absent.
        ValueError: an argument is out of its range, or contradicts another.
    """
    if not 0 < held_out_share < 1:
        raise ValueError(f"held_out_share: {held_out_share} must be above 0 and below 1.")
    sources = {"root": root, "folder": folder, "name": name}
    given = {argument: source for argument, source in sources.items() if source is not None}
    if len(given) > 1:
        raise ValueError(f"Give either {' or '.join(given)}, not both.")
    if name is not None:
        return TorchvisionImages(
            name, data_dir, download, labels, channels, centre_crop, max_images, budget, on_bad
        )
    if not given:
        return FaceImages(faces, labels, faces_count, test_count, channels or 3)
    if labels not in (None, "folder"):
        raise ValueError(
            f"labels: {labels!r} is unknown for folders; folder takes their sub-folders as classes."
        )
    (place,) = given.values()
    splits = find_splits(
        place, whole=root is None, classes=labels == "folder", share=held_out_share, limit=max_images
    )
    return FolderImages(
        splits,
        channels=channels,
        centre_crop=centre_crop,
        budget=budget,
        on_bad=on_bad,
        value_range=value_range,
    )
