"""Unpaired images: two domains without correspondence (CycleGAN, arXiv:1703.10593)."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from datamodules.arguments import at_least
from datamodules.base import ImageDataModule
from datamodules.files.value_range import ValueRange
from datamodules.found import Found
from datamodules.image_sets import ImageSet, Split, evenly_spaced
from datamodules.loading import ResumableLoader
from datamodules.public_sets.known import UNPAIRED, root_of
from datamodules.transforms import LoadSize, Preprocess, PreprocessKind
from datamodules.unpaired.batches import EvaluationBatches, TrainingBatches, UnpairedBatch
from datamodules.unpaired.sources import DrawnDomains, FolderDomains, HeldOut


class UnpairedImages(ImageDataModule):
    """Two domains of images without correspondence: your own folders, or drawn faces where none are given.

    An epoch has as many items as the larger domain has images. Each takes the next image of A in shuffled
    order and a random image of B, cut and mirrored at random; all of that is a function of (seed, epoch,
    item), whatever the number of workers. Validation and test use the same held-out images, each exactly
    once, whole and unmirrored. `predict` takes the images of `predict_dir` in their own sizes, or the
    held-out images of A (of B where the model translates B2A).

    Args:
        root: folder with trainA and trainB, and testA and testB if there are any.
        folder_A: folder of domain A, instead of a root; sub-folders are included.
        folder_B: folder of domain B, instead of a root.
        name: a public set, such as horse2zebra, instead of a root; see `public_sets.known.UNPAIRED`.
        faces: style of the drawn faces: adventurer, big-ears, dylan, lorelei or toon-head.
        faces_A: what faces of domain A have in common: as_drawn, black_hair, brown_hair, blond_hair,
            red_hair, glasses, no_glasses or line_drawing; or who all of them are, with ever new expressions:
            person_1 or person_2 (not in style dylan).
        faces_B: the same for domain B; a person where A is one.
        faces_count: drawn faces per domain to train on.
        test_count: drawn faces per domain to evaluate on.
        size: side of the images in pixels as the network sees them.
        preprocess: resize_and_crop, scale_width, scale_width_and_crop, crop or none, as in the official
            programs.
        load_size: side or width in pixels before cutting; by default size * 286 / 256 where a window is cut;
            the word size cuts none.
        flip: mirror every second training image, at random.
        channels_A: channels of domain A; by default as its files say (1 grey, 3 colour, or more).
        channels_B: channels of domain B.
        value_range_A: the `value_range` of domain A alone.
        value_range_B: that of domain B alone; a translation to B is written in it.
        **reading: see `datamodules.reading.Reading`; and `predict_dir`, `tile` and `overlap`, see
            `ImageDataModule`.

    Raises:
        FileNotFoundError: a folder is missing or has no images.
        ValueError: an argument is out of its range, or contradicts another.
    """

    batch_type = UnpairedBatch

    def __init__(
        self,
        root: str | None = None,
        folder_A: str | None = None,
        folder_B: str | None = None,
        name: str | None = None,
        faces: str = "adventurer",
        faces_A: str = "black_hair",
        faces_B: str = "blond_hair",
        faces_count: int = 1000,
        test_count: int = 200,
        size: int = 256,
        preprocess: PreprocessKind = "resize_and_crop",
        load_size: LoadSize | None = None,
        flip: bool = True,
        channels_A: int | None = None,
        channels_B: int | None = None,
        value_range_A: list[float] | str | None = None,
        value_range_B: list[float] | str | None = None,
        **reading: Any,
    ) -> None:
        super().__init__(preprocess=Preprocess(preprocess, size, load_size, flip), channels=None, **reading)
        for argument, count in (
            ("faces_count", faces_count),
            ("test_count", test_count),
            ("channels_A", channels_A),
            ("channels_B", channels_B),
        ):
            at_least(argument, count, 1)
        A = self.reading.of_domain(channels_A, value_range_A)
        B = self.reading.of_domain(channels_B, value_range_B)
        self._value_ranges = A.values, B.values
        folders = {"root": root, "folder_A": folder_A, "folder_B": folder_B}
        root = root_of(name, UNPAIRED, self.reading, folders, quick_start="cyclegan")
        self._domains: DrawnDomains | FolderDomains
        if root is None and folder_A is None and folder_B is None:
            domains, counts = (faces_A, faces_B), (faces_count, test_count)
            channels = channels_A or 3, channels_B or 3
            self._domains = DrawnDomains(faces, *domains, *counts, self.preprocess, *channels)
        else:
            self._domains = FolderDomains(root, folder_A, folder_B, self.preprocess, A, B)
        self.channels_A, self.channels_B = self._domains.channels_A, self._domains.channels_B

    @cached_property
    def _training(self) -> TrainingBatches:
        return TrainingBatches(*self._domains.training(), self.preprocess, self.seed)

    @cached_property
    def _held_out(self) -> HeldOut:
        return self._domains.held_out()

    def found(self) -> list[Found]:
        """Return what was found of A and of B."""
        read = None
        if self.reading.skips:
            train, held_out = self._training, self._held_out
            read = (train.A.names, held_out.A.names), (train.B.names, held_out.B.names)
        return self._domains.found(read)

    def draw(self, split: Split) -> None:
        """Draw the faces of a split into the cache on disk; nothing where images come from files."""
        self._domains.prepare(split)

    def train_dataloader(self) -> ResumableLoader:
        """Batches of `UnpairedBatch`, in another order and pairing each epoch."""
        return self.training_loader(self._training, len(self._training))

    def val_dataloader(self) -> ResumableLoader:
        """Every held-out image of A and of B exactly once."""
        batches = EvaluationBatches(self._held_out, (self.channels_A, self.channels_B), self.image_size)
        return self.evaluation_loader(batches, [self._held_out.A, self._held_out.B])

    def test_dataloader(self) -> ResumableLoader:
        """The same images as validation."""
        return self.val_dataloader()

    def predict_dataloader(self) -> ResumableLoader:
        """Batches of `PredictBatch`: the images of `predict_dir`, or the held-out ones of A (or B)."""
        channels = self.channels_A if self.channels_A == self.channels_B else None
        return self.prediction_loader(self._to_predict, channels)

    def _to_predict(self) -> ImageSet:
        return self._held_out.B if self._backwards else self._held_out.A

    @property
    def _backwards(self) -> bool:
        return self.taker is not None and self.taker.backwards

    def prediction_ranges(self) -> tuple[ValueRange, ValueRange]:
        """Return the range of the domain that is translated, and of that to which it is."""
        A, B = self._value_ranges
        return (B, A) if self._backwards else (A, B)

    def preview(self, count: int) -> UnpairedBatch:
        """Return the same few held-out images every time, for sample grids; works without a trainer.

        Args:
            count: number of images of each domain, evenly spaced; fewer where a domain has fewer.

        Returns:
            A batch on the CPU, of whole images; made square where their sizes differ.
        """
        A, B = self._held_out.A, self._held_out.B
        count = min(count, len(A), len(B))
        batches = EvaluationBatches(
            self._held_out, (self.channels_A, self.channels_B), self.image_size, same_size=True
        )
        return batches[[evenly_spaced(len(A), count), evenly_spaced(len(B), count)]].finish()
