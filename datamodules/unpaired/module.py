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
from datamodules.streaming.order import by_place
from datamodules.streaming.packed import ToPack, is_stream
from datamodules.transforms import LoadSize, Preprocess, UnpairedKind
from datamodules.unpaired.batches import EvaluationBatches, TrainingBatches, UnpairedBatch
from datamodules.unpaired.sources import DrawnDomains, FolderDomains, HeldOut
from datamodules.unpaired.streamed import PackedDomains


class UnpairedImages(ImageDataModule):
    """Two domains of images without correspondence: your own folders, or drawn faces where none are given.

    Each item of an epoch takes the next image of A in shuffled order and a random image of B, cut and
    mirrored at random; all of that is a function of (seed, epoch, item), whatever the number of workers.
    Validation and test use the same held-out images, each exactly once, whole and unmirrored. `predict` takes
    the images of `predict_dir` in their own sizes, or the held-out images of A (of B where the model
    translates B2A).

    With preprocess zoom_and_crop a domain may be a single picture, as in SinCUT (arXiv:2007.15651). Fewer
    than ten pictures of a domain, in files without a test folder or drawn, are evaluated on themselves; and
    what is evaluated or predicted is as wide as `load_size`, since the result is to be a whole picture.

    Args:
        root: folder with trainA and trainB, and testA and testB if there are any; or a packed set, in a
            folder or at s3:// or gs://, see docs/scale.md.
        folder_A: folder of domain A, instead of a root; sub-folders are included.
        folder_B: folder of domain B, instead of a root.
        name: a public set, such as horse2zebra, instead of a root; see `public_sets.known.UNPAIRED`.
        faces: style of the drawn faces: adventurer, big-ears, dylan, lorelei or toon-head.
        faces_A: what faces of domain A have in common: as_drawn, black_hair, brown_hair, blond_hair,
            red_hair, glasses, no_glasses or line_drawing; or who all of them are, with ever new expressions:
            person_1 or person_2 (not in style dylan).
        faces_B: the same for domain B; a person where A is one.
        faces_count: drawn faces per domain to train on.
        test_count: drawn faces per domain to evaluate on; fewer than ten zoomed ones are evaluated on
            themselves.
        size: side of the images in pixels as the network sees them in training.
        preprocess: resize_and_crop, scale_width, scale_width_and_crop, crop or none, as in the official
            programs; or zoom_and_crop, for one picture per domain. See `datamodules.transforms.Preprocess`.
        load_size: side or width in pixels before cutting; by default size * 286 / 256 where a window is cut,
            and size * 16 where it is zoomed; the word size cuts none.
        windows_until: share of the epochs, from 0 to 1, in which windows are cut; in those after it images
            are resized to `size` and only mirrored, as in CUT's program once the learning rate falls. Below 1
            it needs resize_and_crop, and (but for 0) a training with `max_epochs`.
        flip: mirror every second training image, at random.
        epoch_length: items of an epoch; by default as many as the larger domain has images.
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
    own_kinds = ("zoom_and_crop",)

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
        preprocess: UnpairedKind = "resize_and_crop",
        load_size: LoadSize | None = None,
        windows_until: float = 1.0,
        flip: bool = True,
        epoch_length: int | None = None,
        channels_A: int | None = None,
        channels_B: int | None = None,
        value_range_A: list[float] | str | None = None,
        value_range_B: list[float] | str | None = None,
        **reading: Any,
    ) -> None:
        resized = Preprocess(preprocess, size, load_size, flip, windows_until=windows_until)
        treated = resized.whole if windows_until == 0 else resized
        super().__init__(preprocess=treated, channels=None, **reading)
        for argument, count in (
            ("epoch_length", epoch_length),
            ("faces_count", faces_count),
            ("test_count", test_count),
            ("channels_A", channels_A),
            ("channels_B", channels_B),
        ):
            at_least(argument, count, 1)
        A = self.reading.of_domain(channels_A, value_range_A)
        B = self.reading.of_domain(channels_B, value_range_B)
        self._value_ranges = A.values, B.values
        self._epoch_length = epoch_length
        folders = {"root": root, "folder_A": folder_A, "folder_B": folder_B}
        root = root_of(name, UNPAIRED, self.reading, folders, quick_start="cyclegan")
        self._domains: DrawnDomains | FolderDomains | PackedDomains
        if root is None and folder_A is None and folder_B is None:
            domains, counts = (faces_A, faces_B), (faces_count, test_count)
            channels = channels_A or 3, channels_B or 3
            self._domains = DrawnDomains(faces, *domains, *counts, self.preprocess, *channels)
        elif root is not None and folder_A is None and folder_B is None and is_stream(root):
            self._domains = PackedDomains(root, self.preprocess, A, B)
        else:
            self._domains = FolderDomains(root, folder_A, folder_B, self.preprocess, A, B)
        self.channels_A, self.channels_B = self._domains.channels_A, self._domains.channels_B

    @cached_property
    def _training(self) -> TrainingBatches:
        domains, length = self._domains, self._epoch_length
        choose = domains.in_turn(self.seed) if isinstance(domains, PackedDomains) else None
        return TrainingBatches(domains.training, self.preprocess, self.seed, length, choose)

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

    def to_pack(self) -> ToPack:
        """Return what is trained on and what is held out of both domains."""
        return self._domains.to_pack() if isinstance(self._domains, FolderDomains) else super().to_pack()

    def draw(self, split: Split) -> None:
        """Draw the faces of a split into the cache on disk; nothing where images come from files."""
        self._domains.prepare(split)

    def train_dataloader(self) -> ResumableLoader:
        """Batches of `UnpairedBatch`, in another order and pairing each epoch.

        Raises:
            ValueError: windows are to end at a share of the epochs, and nothing says how many there are.
        """
        if self.preprocess.ends_windows:
            self._training.windows_end = self._epochs_with_windows()
        order = by_place if isinstance(self._domains, PackedDomains) else None
        return self.training_loader(self._training, len(self._training), order)

    def _epochs_with_windows(self) -> int:
        """Return after how many epochs windows end, as rates begin to fall over the share that is left."""
        epochs = self.trainer.max_epochs if self.trainer else None
        until = self.preprocess.windows_until
        if epochs is None or epochs < 0:
            raise ValueError(
                f"windows_until: {until} is a share of the epochs, and nothing says how many there are: set "
                "--trainer.max_epochs, or leave windows_until out."
            )
        return epochs - round(epochs * (1 - until))

    def val_dataloader(self) -> ResumableLoader:
        """Every held-out image of A and of B exactly once."""
        batches = EvaluationBatches(
            self._held_out, (self.channels_A, self.channels_B), self.preprocess.evaluated
        )
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
            self._held_out, (self.channels_A, self.channels_B), self.preprocess.evaluated, same_size=True
        )
        return batches[[evenly_spaced(len(A), count), evenly_spaced(len(B), count)]].finish()
