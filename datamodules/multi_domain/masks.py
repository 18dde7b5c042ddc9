"""Masks in files beside images: where in a face what is, for models that let some of an image pass by.

Beside `NAME.jpg` lies `NAME.masks.png`: its red channel is the first mask, its green one the second, 255
where all passes. Such files are no images of a domain.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

from torch import Tensor

from datamodules.image_sets import ImageSet
from datamodules.listing import Listing, list_images
from datamodules.reading import ImageFiles, Reading
from datamodules.slices import Slices
from datamodules.transforms import unchanged

SUFFIX = ".masks.png"
LEFT_OUT = "masks of images beside them"
OTHERWISE = (
    "Where images have no masks a network makes them of faces: the official one by --model.landmarks "
    "wing.ckpt, or a callable of your own by the callback gans.callbacks.face_masks.FaceMaskSource. For "
    "other pictures than faces set --model.high_pass 0."
)
"""What to do without these files."""


def without_masks(found: Listing) -> Listing:
    """Return a listing without the masks of its images."""
    stems = {(path.parent, path.stem) for path in found.paths}
    images = [path for path in found.paths if not _is_of(path, stems)]
    left_out = Counter(found.left_out) + Counter({LEFT_OUT: len(found.paths) - len(images)})
    return found._replace(paths=images, left_out=left_out)


def images_without_masks(folder: Path, slices: Slices | None = None) -> Listing:
    """List the images of a folder that are no masks of others."""
    return without_masks(list_images(folder, slices))


def _is_of(path: Path, stems: set[tuple[Path, str]]) -> bool:
    return path.name.endswith(SUFFIX) and (path.parent, path.name.removesuffix(SUFFIX)) in stems


def masks_beside(images: ImageSet, reading: Reading, prepare: Callable[[Tensor], Tensor]) -> ImageSet:
    """Return the masks (2, H, W) of images, in their order.

    Args:
        images: from files.
        reading: how files are kept; masks are read by their own depth, whatever the range of the images.
        prepare: cuts and resizes (3, H, W), as those of the images.

    Raises:
        ValueError: if an image has no masks.
    """
    return reading.keep(mask_files(images, prepare))


def mask_files(images: ImageSet, prepare: Callable[[Tensor], Tensor] = unchanged) -> ImageFiles:
    """Return the same, read when asked for."""
    assert images.folder is not None
    files = [_beside(images.folder / name) for name in images.names]
    return ImageFiles(images.folder, files, 3, partial(_red_and_green, prepare=prepare))


def _red_and_green(image: Tensor, prepare: Callable[[Tensor], Tensor]) -> Tensor:
    return prepare(image)[:2]


def _beside(image: Path) -> Path:
    masks = image.with_name(image.stem + SUFFIX)
    if not masks.is_file():
        raise ValueError(
            f"masks: there is no {masks.name} beside {image}, with the first mask in red and the second in "
            f"green. {OTHERWISE}"
        )
    return masks
