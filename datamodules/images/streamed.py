"""Images with or without a class out of a packed set."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from datamodules.found import Found
from datamodules.image_sets import Split
from datamodules.images.sources import LabelledImages, fitted
from datamodules.reading import Reading
from datamodules.streaming.images import PackedSet, Pixels


class PackedImages:
    """A packed set, read item by item.

    Args:
        root: its folder or address.
        labels: `folder` for classes; None leaves them out.
        reading: how images are read.
        centre_crop: see `Square`.
        aspect: width of the images by their height.

    Raises:
        ValueError: it is no set of these, or has no classes.
        OSError: it cannot be read.
    """

    def __init__(
        self, root: str, labels: str | None, reading: Reading, centre_crop: bool, aspect: Fraction
    ) -> None:
        self._set, self._reading = PackedSet(root, "Images", reading), reading
        self._centre_crop, self._aspect = centre_crop, aspect
        packed = self._set.packed
        if labels is not None and (labels != "folder" or not packed.classes):
            raise ValueError(
                f"labels: {labels} is not known of {root}, which was packed "
                f"{'with' if packed.classes else 'without'} classes: a set has those of its folders if it "
                "is packed with --data.labels folder."
            )
        self.class_names = packed.classes if labels else []
        self.channels = reading.channels or packed.channels["images"]

    def found(self, side: int, read: Callable[[Split], LabelledImages] | None) -> list[Found]:
        """Describe all images."""
        return [self._set.found("images", "train", "test")]

    def prepare(self, split: Split, side: int) -> None:
        """Nothing: every process fetches what it needs."""

    def read(self, split: Split, side: int) -> LabelledImages:
        """Return the images of a split, each of which is read when it is asked for."""
        fit = fitted(side, self._aspect, self._centre_crop)
        images = self._set.part(split, Pixels(self.channels, fit, self._reading.values))
        return LabelledImages(images, images.labels if self.class_names else None)
