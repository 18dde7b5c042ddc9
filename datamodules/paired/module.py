"""Paired images: inputs with their targets (pix2pix, arXiv:1611.07004)."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

from datamodules.arguments import at_least
from datamodules.base import ImageDataModule
from datamodules.files.value_range import ValueRange
from datamodules.found import Found
from datamodules.image_sets import ImageSet, Split, evenly_spaced
from datamodules.loading import ResumableLoader
from datamodules.paired.batches import (
    EvaluationBatches,
    Inputs,
    PairedBatch,
    Separate,
    TrainingBatches,
)
from datamodules.paired.colour import lightness, split_lab
from datamodules.paired.pair import GivenDirection, one_spelling, separate
from datamodules.paired.sources import DrawnPairs, FolderPairs, Pairing, Task, find_pairs
from datamodules.paired.streamed import PackedPairs
from datamodules.public_sets.known import PAIRED, root_of
from datamodules.streaming.images import StreamedImages
from datamodules.streaming.packed import ToPack, is_stream
from datamodules.transforms import LoadSize, Preprocess, PreprocessKind, resize, unchanged


class PairedImages(ImageDataModule):
    """Pairs of images: your own folders, or drawn faces where none are given (line drawing to colour).

    Pairs come from one of these:

    * `root` with train, and val and test if there are any, of pictures that show A at the left and B at the
          right, as in the official data sets; or with trainA and trainB (or A/train and B/train), and so on,
          matched by file name without suffix; or a packed set of either, in a folder or at s3:// or gs://
          (docs/scale.md);
    * `folder_A` and `folder_B`, matched likewise;
    * `folder` of plain pictures, of which `task` makes pairs: colorise takes the lightness L as A and the
          colour ab as B (see `datamodules.paired.colour`), edges takes the edges in the picture as A (dark
          lines, -1 and 1 only) and the picture as B;
    * drawn faces, as they are in the two domains `faces_A` and `faces_B`, or those of `faces_B` with a task.

    Window and mirroring are drawn once for both images of a pair, as a function of (seed, epoch, item),
    whatever the number of workers. Evaluation takes each pair exactly once, whole and unmirrored: `val` for
    validation and `test` for the test, one for the other where only one is there, and a share of the
    training pairs where neither is. `predict` takes the images of `predict_dir` in their own sizes, which are
    inputs alone (for colorise, pictures whose lightness is the input), or the inputs of the test.

    `channels_in` and `channels_out` are those of the batches' input and target; `lab` tells whether these are
    L and ab, which `datamodules.paired.colour.join_lab` joins to pictures.

    Args:
        root: folder with the splits.
        folder_A: folder of A, instead of a root; sub-folders are included.
        folder_B: folder of B, instead of a root.
        folder: folder of plain pictures, instead of the others; sub-folders are included.
        task: colorise or edges; makes pairs of plain pictures.
        direction: A2B takes A as input and B as target, B2A the other way round; AtoB and BtoA are the same.
        edge_sigma: blur before edges are drawn, in pixels; larger leaves out finer ones.
        edge_threshold: where an edge begins: 8 times the change of brightness (0 to 1) per pixel.
        name: a public set, such as facades, instead of a root; see `datamodules.public_sets.known.PAIRED`.
        faces: style of the drawn faces: adventurer, big-ears, dylan, lorelei or toon-head.
        faces_A: what faces of domain A have in common, see `faces_A` of `datamodules.UnpairedImages`.
        faces_B: the same for domain B.
        faces_count: drawn pairs to train on.
        test_count: drawn pairs to evaluate on.
        size: side of the images in pixels as the network sees them.
        preprocess: resize_and_crop, scale_width, scale_width_and_crop, crop or none, as in the official
            programs.
        load_size: side or width in pixels before cutting; by default size * 286 / 256 where a window is cut;
            the word size cuts none.
        flip: mirror every second training pair, at random.
        channels_A: channels of A; by default as its files say (1 grey, 3 colour, or more).
        channels_B: channels of B.
        value_range_A: the `value_range` of A alone, where A and B are files of their own.
        value_range_B: that of B alone.
        **reading: see `datamodules.reading.Reading`; and `predict_dir`, `tile` and `overlap`, see
            `ImageDataModule`.

    Raises:
        FileNotFoundError: a folder is missing or has no images.
        ValueError: an argument is out of its range, or contradicts another; or files have no partner.
    """

    batch_type = PairedBatch
    scale: ClassVar[int] = 1

    def __init__(
        self,
        root: str | None = None,
        folder_A: str | None = None,
        folder_B: str | None = None,
        folder: str | None = None,
        task: Task | None = None,
        direction: GivenDirection = "A2B",
        edge_sigma: float = 1.0,
        edge_threshold: float = 0.4,
        name: str | None = None,
        faces: str = "adventurer",
        faces_A: str = "line_drawing",
        faces_B: str = "as_drawn",
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
        at_least("faces_count", faces_count, 1)
        at_least("test_count", test_count, 1)
        at_least("channels_A", channels_A, 1)
        at_least("channels_B", channels_B, 1)
        A = self.reading.of_domain(channels_A, value_range_A)
        B = self.reading.of_domain(channels_B, value_range_B)
        self._value_ranges = A.values, B.values
        self.direction = one_spelling(direction)
        folders = {"root": root, "folder_A": folder_A, "folder_B": folder_B, "folder": folder}
        root = root_of(name, PAIRED, self.reading, folders, quick_start="pix2pix")
        pairing = Pairing(self.direction, task, edge_sigma, edge_threshold, self.preprocess, A, B)
        self._pairs: FolderPairs | DrawnPairs | PackedPairs
        if root is not None and folder_A is None and folder_B is None and folder is None and is_stream(root):
            self._pairs = PackedPairs(root, pairing)
        else:
            files = find_pairs(root, folder_A, folder_B, folder, pairing)
            self._pairs = files or DrawnPairs(faces, faces_A, faces_B, faces_count, test_count, pairing)
        channels = self._pairs.channels_A, self._pairs.channels_B
        self.channels_in, self.channels_out = channels if self.direction == "A2B" else channels[::-1]
        self.lab = task == "colorise"
        self._separate: Separate = split_lab if self.lab else partial(separate, channels_in=self.channels_in)

    def found(self) -> list[Found]:
        """Return what was found of A and of B, or of the pictures that show both."""
        return self._pairs.found()

    def to_pack(self) -> ToPack:
        """Return what is trained on, validated on and tested on."""
        return self._pairs.to_pack() if isinstance(self._pairs, FolderPairs) else super().to_pack()

    def draw(self, split: Split) -> None:
        """Draw the faces of a split into the cache on disk; nothing where images come from files."""
        self._pairs.prepare(split)

    def train_dataloader(self) -> ResumableLoader:
        """Batches of `PairedBatch`, in another order each epoch."""
        pairs = self._pairs.training
        batches = TrainingBatches(pairs, self._separate, self.preprocess, self.seed)
        order = pairs.order(self.seed) if isinstance(pairs, StreamedImages) else None
        return self.training_loader(batches, len(pairs), order)

    def val_dataloader(self) -> ResumableLoader:
        """Every pair to validate on exactly once."""
        return self._evaluation(self._pairs.validation)

    def test_dataloader(self) -> ResumableLoader:
        """Every pair of the test exactly once."""
        return self._evaluation(self._pairs.test)

    def _evaluation(self, pairs: ImageSet) -> ResumableLoader:
        batches = EvaluationBatches(pairs, self._separate)
        return self.evaluation_loader(batches, [pairs])

    def predict_dataloader(self) -> ResumableLoader:
        """Batches of `PredictBatch`: the images of `predict_dir`, or the inputs of the test."""
        channels, prepare = (3, lightness) if self.lab else (self.channels_in, unchanged)
        return self.prediction_loader(lambda: Inputs(self._pairs.test, self._separate), channels, prepare)

    def prediction_ranges(self) -> tuple[ValueRange, ValueRange]:
        """Return the ranges of inputs and of targets."""
        A, B = self._value_ranges
        return (A, B) if self.direction == "A2B" else (B, A)

    def preview(self, count: int) -> PairedBatch:
        """Return the same few pairs of the validation every time, for sample grids; works without a trainer.

        Args:
            count: number of pairs, evenly spaced; fewer where there are fewer.

        Returns:
            A batch on the CPU, of whole images; made square where their sizes differ.
        """
        pairs = self._pairs.validation
        square = partial(resize, height=self.preprocess.size, width=self.preprocess.size)
        batches = EvaluationBatches(pairs, self._separate, square)
        return batches[[evenly_spaced(len(pairs), count)]].finish()
