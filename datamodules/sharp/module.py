"""Sharp images, and the small ones that super-resolution has to enlarge to them."""

from __future__ import annotations

from typing import Any, Literal, get_args

from datamodules.arguments import at_least
from datamodules.base import ImageDataModule
from datamodules.degradations.parameters import Degradation
from datamodules.found import Found
from datamodules.image_sets import ImageSet, Split, evenly_spaced
from datamodules.loading import ResumableLoader
from datamodules.paired.batches import PairedBatch
from datamodules.sharp.batches import EvaluationBatches, SmallImages, Spoiling, TrainingBatches, Windows
from datamodules.sharp.pair import AtLeast, MirroredTo, Multiples, WithSmaller
from datamodules.sharp.sources import DrawnFaces, Make, SharpSource, open_files
from datamodules.streaming.packed import refuse_stream
from datamodules.transforms import LoadSize, Preprocess, unchanged

Task = Literal["bicubic", "area", "real"]

AS_PUBLISHED = Degradation()
SPOILT_SHARE = "100/64"
"""Of the window's side: the authors of Real-ESRGAN spoil 400 pixels and keep 256."""


class SharpImages(ImageDataModule):
    """Sharp images with small ones made of them: your own folder, a public set, or drawn faces without any.

    Sharp images come from one of these:

    * `root`, a folder of images, or one with folders train and test (or val);
    * `folder`, a plain folder, whatever its sub-folders are called;
    * `name`, a public set, see `datamodules.public_sets.sharp.SHARP`;
    * drawn faces.

    The `task` makes the small images, `scale` times smaller: `bicubic` by MATLAB's imresize, as all published
    numbers ask for, and `area` by means, both of the whole image before windows are cut; `real` by the
    degradations of Real-ESRGAN (arXiv:2107.10833), of windows in batches on the device that trains, as
    `degradation` says. Or small ones are given in a folder of their own, `small`.

    Training sees windows of size x size pixels of small images and what belongs to them in the sharp ones,
    mirrored and turned. Whatever is drawn for an image is a function of (seed, epoch, item); of a batch that
    is spoilt all images have in common what the authors draw once for a batch, as drawn for the first.
    Evaluation takes each image exactly once, whole, and never resizes; sides that the scale does not divide
    lose up to scale - 1 pixels below and at the right, in training too. With `real` images to evaluate on are
    spoilt alike in every epoch, and images to train on that are too small are mirrored at their edges.
    `predict` takes the images of `predict_dir` as they are, or the small images of the test.

    `channels_in` and `channels_out` are those of the images; `scale` the model has to have, too.

    Args:
        root: folder of sharp images, sub-folders included, with or without folders for train and test.
        folder: plain folder of sharp images, instead of a root; sub-folders are included.
        small: folder of small images, which then are not made: under the names of the sharp ones, or with x
            and the scale before the suffix, as DIV2K has them; in folders train and test if root has such.
        name: a public set such as DIV2K, instead of a root. Set5, Set14, BSD100, Urban100 and Manga109 are to
            evaluate on alone.
        task: bicubic, area or real.
        degradation: how `real` spoils images; the paper's parameters by default.
        faces: style of the drawn faces: adventurer, big-ears, dylan, lorelei or toon-head.
        faces_count: drawn faces to train on.
        test_count: drawn faces to evaluate on.
        size: side of the windows in the small images in pixels.
        scale: sharp images are so many times as high and wide as small ones.
        load_size: side of drawn faces, and with `real` of what is spoilt before a window is cut from it, both
            in pixels of small images, or as a multiple of size such as 100/64, which it is by default with
            `real`; else size.
        flip: mirror every second training image, at random.
        turn: stand every second training image upside down, and turn every second one by a right angle; by
            default so, but with `real` not, as in the papers.
        **reading: see `datamodules.reading.Reading`; and `predict_dir`, `tile` and `overlap`, see
            `ImageDataModule`.

    Raises:
        FileNotFoundError: a folder is missing or has no images, or a set is absent.
        ValueError: an argument is out of its range, or contradicts another; or images have no small ones.
    """

    batch_type = PairedBatch

    def __init__(
        self,
        root: str | None = None,
        folder: str | None = None,
        small: str | None = None,
        name: str | None = None,
        task: Task = "bicubic",
        degradation: Degradation = AS_PUBLISHED,
        faces: str = "adventurer",
        faces_count: int = 1000,
        test_count: int = 200,
        size: int = 32,
        scale: int = 4,
        load_size: LoadSize | None = None,
        flip: bool = True,
        turn: bool | None = None,
        **reading: Any,
    ) -> None:
        if task not in get_args(Task):
            raise ValueError(f"task: {task!r} is unknown; {', '.join(get_args(Task))} are.")
        spoils = task == "real" and small is None
        load_size = load_size or (SPOILT_SHARE if spoils else "size")
        super().__init__(preprocess=Preprocess("crop", size, load_size, flip), **reading)
        at_least("faces_count", faces_count, 1)
        at_least("test_count", test_count, 1)
        at_least("scale", scale, 1)
        at_least("load_size", self.preprocess.before_crop, size)
        self.scale, self.task, self._given = scale, task, small is not None
        self._degradation = degradation if spoils else None
        if spoils and self.reading.channels not in (None, 3):
            raise ValueError(f"channels: task real spoils images of 3 channels, not {self.reading.channels}.")
        shared = self.reading.of_domain(3, None) if spoils else self.reading
        side = scale * self.preprocess.before_crop
        refuse_stream(root, type(self).__name__)
        files = open_files(root, folder, small, name, scale, shared)
        drawn = faces, faces_count, test_count, side, shared.channels or 3
        self._source: SharpSource = files or DrawnFaces(*drawn)
        self.channels_in = self.channels_out = self._source.channels
        window, step = (side, 1) if spoils else (scale * size, scale)
        self._windows = Windows(window, step, flip, not spoils if turn is None else turn)
        self._sets: dict[Split, ImageSet] = {}

    def found(self) -> list[Found]:
        """Return what was found of the sharp images."""
        return self._source.found(self._read if self.reading.skips else None)

    def draw(self, split: Split) -> None:
        """Draw the faces of a split into the cache on disk; nothing where images come from files."""
        if isinstance(self._source, DrawnFaces):
            self._read(split)

    def train_dataloader(self) -> ResumableLoader:
        """Batches of `PairedBatch`, in another order each epoch."""
        images = self._read("train")
        spoiling = Spoiling(self._degradation, self.preprocess.size) if self._degradation else None
        batches = TrainingBatches(images, self._windows, self.scale, self.seed, spoiling)
        return self.training_loader(batches, len(images))

    def val_dataloader(self) -> ResumableLoader:
        """Every held-out image exactly once."""
        images = self._read("test")
        return self.evaluation_loader(EvaluationBatches(images, self.scale, self._degradation), [images])

    def test_dataloader(self) -> ResumableLoader:
        """The same images as validation."""
        return self.val_dataloader()

    def predict_dataloader(self) -> ResumableLoader:
        """Batches of `PredictBatch`: the images of `predict_dir`, or the small images of the test."""

        def small() -> ImageSet:
            return SmallImages(EvaluationBatches(self._read("test"), self.scale, self._degradation))

        return self.prediction_loader(small, self.channels_in)

    def preview(self, count: int) -> PairedBatch:
        """Return the same few held-out images every time, for sample grids; works without a trainer.

        Args:
            count: number of images, evenly spaced; fewer where there are fewer.

        Returns:
            A batch on the CPU, of whole images, or of windows in their middle where sizes differ.
        """
        images, side = self._read("test"), self.scale * self.preprocess.size
        batches = EvaluationBatches(images, self.scale, self._degradation, side)
        return batches[[evenly_spaced(len(images), count)]].finish()

    def _read(self, split: Split) -> ImageSet:
        """Return what batches are made of: pairs, or with `real` sharp images."""
        if split not in self._sets:
            self._sets[split] = self._source.read(split, self._make(split))
        return self._sets[split]

    def _make(self, split: Split) -> Make:
        """Return what makes a pair, or what is spoilt, of a sharp image."""
        training = split == "train"
        if self._degradation is not None:
            return MirroredTo(self._windows.side) if training else Multiples(self.scale)
        refuse = AtLeast(self._windows.side) if training else unchanged
        if self._given or self.task == "real":
            return refuse
        return WithSmaller(self.scale, self.task, refuse)
