"""Images by themselves, with a class or without: what models that make images from noise learn from."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from datamodules.arguments import at_least
from datamodules.found import Found
from datamodules.image_sets import Split, evenly_spaced
from datamodules.images.batches import EvaluationBatches, ImageBatch, SampleBatches, TrainingBatches
from datamodules.images.folders import find_splits
from datamodules.images.shapes import one_size, side_or_sides
from datamodules.images.sources import DrawnImages, FolderImages, ImageSource, LabelledImages, fitted
from datamodules.images.squares import SquareImages
from datamodules.images.streamed import PackedImages
from datamodules.images.torchvision import TorchvisionImages
from datamodules.loading import ResumableLoader
from datamodules.reading import Reading
from datamodules.streaming.images import StreamedImages
from datamodules.streaming.packed import ToPack, is_stream
from datamodules.transforms import LoadSize


class Images(SquareImages[LabelledImages]):
    """Images with or without a class: your own folders, known sets, or drawn faces where none are given.

    They come from one of these:

    * `root`, a folder of images, or one with folders train and test (or val); `labels: folder` takes the
          sub-folders of these as classes; or a packed set, in a folder or at s3:// or gs:// (docs/scale.md);
    * `folder`, a plain folder, whatever its sub-folders are called;
    * `name`, one of torchvision's sets mnist, cifar10, flowers102 (`labels: class`) and celeba (`labels`
          names one of its attributes, such as Smiling), with their own test images;
    * drawn faces of known attributes; `labels` names one of them: hair (black, brown, blond, red), skin
          (light, dark), glasses or long_hair (without, with).

    Every image becomes a square of `size` pixels, or an oblong of HEIGHTxWIDTH. Mirroring, and the window
    where `load_size` is larger, are a function of (seed, epoch, item), whatever the number of workers.
    Validation and test use the same held-out images, each exactly once, whole and unmirrored. `predict` takes
    the images of `predict_dir`, in that size too; or without it the seeds of `predict_count` samples.

    `channels`, `image_size` and `classes` (0 without labels) are what the model needs to know; `class_names`
    tells what the labels mean.

    Args:
        root: folder of images, sub-folders included, with or without folders for train and test.
        folder: plain folder of images, instead of a root; sub-folders are included.
        name: mnist, cifar10, flowers102 or celeba, instead of a root.
        labels: where the class of an image comes from, as above; by default there are no classes.
        faces: style of the drawn faces: adventurer, big-ears, dylan, lorelei or toon-head.
        faces_count: drawn faces to train on.
        test_count: drawn faces to evaluate on.
        size: side of the images in pixels as the network sees them, or HEIGHTxWIDTH, such as 64x96, for
            networks that make oblong images.
        centre_crop: cut the largest part of that shape in the middle of an image; otherwise it is stretched.
        load_size: side, or height, before a window is cut at random, in pixels or as a multiple of size such
            as 76/64; by default size, so that none is.
        flip: mirror every second training image, at random.
        batch_size: images per process and training batch.
        eval_batch_size: images per process and evaluation batch.
        predict_count: samples that `predict` makes without a `predict_dir`.
        **reading: see `datamodules.reading.Reading`; and `predict_dir`, see `ImageDataModule`.

    Raises:
        FileNotFoundError: a folder is missing or has no images, or a set is absent.
        ValueError: an argument is out of its range, or contradicts another.
    """

    batch_type = ImageBatch
    eval_batch_size: int

    def __init__(
        self,
        root: str | None = None,
        folder: str | None = None,
        name: str | None = None,
        labels: str | None = None,
        faces: str = "adventurer",
        faces_count: int = 1000,
        test_count: int = 200,
        size: int | str = 64,
        centre_crop: bool = True,
        load_size: LoadSize | None = None,
        flip: bool = True,
        batch_size: int = 64,
        eval_batch_size: int = 64,
        predict_count: int = 64,
        **reading: Any,
    ) -> None:
        super().__init__(
            preprocess=one_size(size, load_size, flip),
            batch_size=batch_size,
            eval_batch_size=eval_batch_size,
            **reading,
        )
        at_least("faces_count", faces_count, 1)
        at_least("test_count", test_count, 1)
        at_least("predict_count", predict_count, 1)
        self.image_size = side_or_sides(self.preprocess.window)
        self.centre_crop, self.predict_count = centre_crop, predict_count
        height, width = self.preprocess.window
        self._aspect = Fraction(width, height)
        files = open_files(
            root, folder, name, labels, self.reading, centre_crop=centre_crop, aspect=self._aspect
        )
        self._source: ImageSource = files or DrawnImages(
            faces, labels, faces_count, test_count, self.reading.channels or 3, self._aspect
        )
        self.channels, self.class_names = self._source.channels, list(self._source.class_names)
        self.classes = len(self.class_names)

    def found(self) -> list[Found]:
        """Return what was found of each class, or of all images without any."""
        read = self._read if self.reading.skips else None
        return self._source.found(self.preprocess.before_crop, read)

    def to_pack(self) -> ToPack:
        """Return what is trained on and what is held out, with its classes."""
        return self._source.to_pack() if isinstance(self._source, FolderImages) else super().to_pack()

    def prepare_data(self) -> None:
        """Draw the faces that the command needs, once per machine; samples need none."""
        if self.trainer is None or self.trainer.state.fn != "predict":
            super().prepare_data()

    def train_dataloader(self) -> ResumableLoader:
        """Batches of `ImageBatch`, in another order each epoch."""
        labelled = self._read("train")
        batches = TrainingBatches(labelled, self.preprocess, self.seed)
        order = labelled.images.order(self.seed) if isinstance(labelled.images, StreamedImages) else None
        return self.training_loader(batches, len(labelled.images), order)

    def val_dataloader(self) -> ResumableLoader:
        """Every held-out image exactly once."""
        return self.once("test")

    def test_dataloader(self) -> ResumableLoader:
        """The same images as validation."""
        return self.once("test")

    def once(self, split: Split) -> ResumableLoader:
        """Every image of a split exactly once, in order, whole and unmirrored; works without a trainer.

        A batch that comes from it is an `ImageBatch` after its `finish()`, which a trainer calls by itself.
        """
        labelled = self._read(split, self.preprocess.size)
        batches = EvaluationBatches(labelled, self.channels, self.preprocess.window)
        return self.evaluation_loader(batches, [labelled.images])

    def predict_dataloader(self) -> ResumableLoader:
        """Batches of `PredictBatch`, the images of `predict_dir`; or of `SampleBatch` without it."""
        if self._predict_folder is None:
            seeds = range(self.seed, self.seed + self.predict_count)
            return self.shared_loader(SampleBatches(), seeds, self.eval_batch_size)
        fit = fitted(self.preprocess.size, self._aspect, self.centre_crop)
        return self._folder_loader(self._predict_folder, self.channels, fit)

    def preview(self, count: int) -> ImageBatch:
        """Return the same few held-out images every time, for sample grids; works without a trainer.

        Args:
            count: number of images, evenly spaced; fewer where there are fewer.
        """
        labelled = self._read("test")
        batches = EvaluationBatches(labelled, self.channels, self.preprocess.window)
        return batches[[evenly_spaced(len(labelled.images), count)]].finish()

    def attribute_table(self, names: Sequence[str], split: Split = "test") -> npt.NDArray[np.float32]:
        """Return (N, K) of 0 and 1: attributes of the images in the order of `once(split)`.

        Args:
            names: of attributes: `datamodules.faces.attributes.ATTRIBUTES`, or celeba's.
            split: train or test.

        Raises:
            ValueError: the images are neither drawn faces nor celeba, or have no such attribute.
        """
        if not isinstance(self._source, DrawnImages | TorchvisionImages):
            raise ValueError("Attributes are known of drawn faces and celeba: leave out root and folder.")
        return self._source.table(split, names)


def open_files(
    root: str | None,
    folder: str | None,
    name: str | None,
    labels: str | None,
    reading: Reading,
    *,
    centre_crop: bool,
    aspect: Fraction = Fraction(1),
) -> FolderImages | PackedImages | TorchvisionImages | None:
    """Return the images that the user gave; None without any.

    Args:
        root: folder of images, perhaps with folders train and test.
        folder: plain folder of images.
        name: one of torchvision's sets.
        labels: where the classes come from.
        reading: how files are read.
        centre_crop: see `Oblong`.
        aspect: width of the images by their height.

    Raises:
        FileNotFoundError: a folder is missing or has no images, or a set is absent.
        ValueError: an argument is out of its range, or contradicts another.
    """
    sources = {"root": root, "folder": folder, "name": name}
    given = {argument: source for argument, source in sources.items() if source is not None}
    if not given:
        return None
    if len(given) > 1:
        raise ValueError(f"Give either {' or '.join(given)}, not both.")
    if name is not None:
        return TorchvisionImages(name, labels, reading, centre_crop, aspect)
    if root is not None and is_stream(root):
        return PackedImages(root, labels, reading, centre_crop, aspect)
    if labels not in (None, "folder"):
        raise ValueError(
            f"labels: {labels!r} is unknown for folders; folder takes their sub-folders as classes."
        )
    (place,) = given.values()
    splits = find_splits(place, reading, whole=root is None, classes=labels == "folder")
    return FolderImages(splits, reading, centre_crop=centre_crop, aspect=aspect)
