"""Paired images: inputs with their targets (pix2pix, arXiv:1611.07004)."""

from __future__ import annotations

from functools import partial
from typing import Any

from datamodules.base import ImageDataModule, at_least
from datamodules.files.value_range import ValueRange, ranges_of
from datamodules.found import Found
from datamodules.image_sets import ImageSet, OnBadImage, Split, evenly_spaced
from datamodules.loading import ResumableLoader
from datamodules.paired.batches import (
    EvaluationBatches,
    Inputs,
    PairedBatch,
    Separate,
    Square,
    TrainingBatches,
)
from datamodules.paired.colour import lightness, split_lab
from datamodules.paired.pair import Direction, separate, squared
from datamodules.paired.sources import FacePairs, FilePairs, PairSettings, Task, find_pairs
from datamodules.public_sets.known import PAIRED, root_of
from datamodules.transforms import LoadSize, Preprocess, PreprocessKind, unchanged


class PairedImages(ImageDataModule):
    """Pairs of images: your own folders, or drawn faces where none are given (line drawing to colour).

    Pairs come from one of these:

    * `root` with train, and val and test if there are any, of pictures that show A at the left and B at the
          right, as in the official data sets; or with trainA and trainB (or A/train and B/train), and so on,
          matched by file name without suffix;
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
    L and ab, which `datamodules.paired.colour.join_lab` joins to pictures. `scale` tells how many times as
    high and wide as inputs targets are; the model must make pictures of just this scale.

    Args:
        root: folder with the splits.
        folder_A: folder of A, instead of a root; sub-folders are included.
        folder_B: folder of B, instead of a root.
        folder: folder of plain pictures, instead of the others; sub-folders are included.
        task: colorise or edges; makes pairs of plain pictures.
        direction: AtoB takes A as input and B as target, BtoA the other way round.
        edge_sigma: blur before edges are drawn, in pixels; larger leaves out finer ones.
        edge_threshold: where an edge begins: 8 times the change of brightness (0 to 1) per pixel.
        name: a public set, such as facades, instead of a root; see `datamodules.public_sets.known.PAIRED`.
        data_dir: folder of public sets; this one lies in `data_dir`/`name`.
        download: fetch the public set if it is not there.
        faces: style of the drawn faces: adventurer, big-ears, dylan, lorelei or toon-head.
        faces_A: what faces of domain A have in common, see `datamodules.faces.faces.CHANGES`.
        faces_B: the same for domain B.
        faces_count: drawn pairs to train on.
        test_count: drawn pairs to evaluate on.
        size: side of the inputs in pixels as the network sees them.
        scale: targets are so many times as high and wide as inputs: in files of their own, or drawn so.
            `size` and `load_size` are those of inputs.
        preprocess: resize_and_crop, scale_width, scale_width_and_crop, crop or none, as in the official
            programs.
        load_size: side or width in pixels before cutting; by default size * 286 / 256 where a window is cut;
            the word size cuts none.
        flip: mirror every second training pair, at random.
        channels_A: channels of A; by default as its files say (1 grey, 3 colour, or more).
        channels_B: channels of B.
        batch_size: pairs per process and training batch.
        eval_batch_size: pairs per process and evaluation batch; by default 16, or 1 where sizes may differ.
        workers: processes that read images; 0 reads them in the training process.
        cache_gigabytes: memory for decoded pairs, per process; a set that fits is decoded once.
        held_out_share: part of the pairs held out, by their names, where there is neither val nor test.
        max_images: use at most so many pairs of each split.
        value_range: values read as -1 and 1: [low, high], or percentiles such as p1-p99; else by the depth.
        value_range_A: the same for A alone, where A and B are files of their own.
        value_range_B: the same for B alone.
        on_bad_image: raise, or skip the pair with one warning that counts and names the files.
        predict_dir: folder whose images `predict` translates, sub-folders included.
        seed: of order and augmentation.
        **prediction: `tile` and `overlap`, see `ImageDataModule`.

    Raises:
        FileNotFoundError: a folder is missing or has no images.
        ValueError: an argument is out of its range, or contradicts another; or files have no partner.
    """

    batch_type = PairedBatch

    def __init__(
        self,
        root: str | None = None,
        folder_A: str | None = None,
        folder_B: str | None = None,
        folder: str | None = None,
        task: Task | None = None,
        direction: Direction = "AtoB",
        edge_sigma: float = 1.0,
        edge_threshold: float = 0.4,
        name: str | None = None,
        data_dir: str = "data",
        download: bool = False,
        faces: str = "adventurer",
        faces_A: str = "line_drawing",
        faces_B: str = "as_drawn",
        faces_count: int = 1000,
        test_count: int = 200,
        size: int = 256,
        scale: int = 1,
        preprocess: PreprocessKind = "resize_and_crop",
        load_size: LoadSize | None = None,
        flip: bool = True,
        channels_A: int | None = None,
        channels_B: int | None = None,
        batch_size: int = 1,
        eval_batch_size: int | None = None,
        workers: int = 0,
        cache_gigabytes: float = 2.0,
        held_out_share: float = 0.1,
        max_images: int | None = None,
        value_range: list[float] | str | None = None,
        value_range_A: list[float] | str | None = None,
        value_range_B: list[float] | str | None = None,
        on_bad_image: OnBadImage = "raise",
        predict_dir: str | None = None,
        seed: int = 0,
        **prediction: Any,
    ) -> None:
        super().__init__(
            preprocess=Preprocess(preprocess, size, load_size, flip),
            batch_size=batch_size,
            eval_batch_size=eval_batch_size,
            workers=workers,
            cache_gigabytes=cache_gigabytes,
            on_bad_image=on_bad_image,
            predict_dir=predict_dir,
            seed=seed,
            **prediction,
        )
        at_least("faces_count", faces_count, 1)
        at_least("test_count", test_count, 1)
        at_least("max_images", max_images, 1)
        at_least("scale", scale, 1)
        at_least("channels_A", channels_A, 1)
        at_least("channels_B", channels_B, 1)
        folders = {"root": root, "folder_A": folder_A, "folder_B": folder_B, "folder": folder}
        root = root_of(name, PAIRED, data_dir, download, folders, quick_start="pix2pix")
        self._value_ranges = ranges_of(value_range, value_range_A, value_range_B)
        settings = PairSettings(
            direction,
            task,
            channels_A,
            channels_B,
            self._value_ranges,
            self.preprocess,
            scale,
            edge_sigma,
            edge_threshold,
            held_out_share,
            max_images,
            self.budget,
            on_bad_image,
        )
        files = find_pairs(root, folder_A, folder_B, folder, settings)
        self._pairs: FilePairs | FacePairs = files or FacePairs(
            faces, faces_A, faces_B, faces_count, test_count, settings
        )
        channels = self._pairs.channels_A, self._pairs.channels_B
        self.channels_in, self.channels_out = channels if direction == "AtoB" else channels[::-1]
        self.direction, self.lab, self.scale = direction, task == "colorise", scale
        as_joined = partial(separate, channels_in=self.channels_in, scale=scale)
        self._separate: Separate = split_lab if self.lab else as_joined
        self._square: Square = partial(
            squared, channels_in=self.channels_in, scale=scale, size=self.image_size
        )

    def found(self) -> list[Found]:
        """Return what was found of A and of B, or of the pictures that show both."""
        return self._pairs.found()

    def draw(self, split: Split) -> None:
        """Draw the faces of a split into the cache on disk; nothing where images come from files."""
        self._pairs.prepare(split)

    def train_dataloader(self) -> ResumableLoader:
        """Batches of `PairedBatch`, in another order each epoch."""
        pairs = self._pairs.training
        batches = TrainingBatches(pairs, self._separate, self.preprocess.enlarged(self.scale), self.seed)
        return self.training_loader(batches, len(pairs))

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
        return (A, B) if self.direction == "AtoB" else (B, A)

    def preview(self, count: int) -> PairedBatch:
        """Return the same few pairs of the validation every time, for sample grids; works without a trainer.

        Args:
            count: number of pairs, evenly spaced; fewer where there are fewer.

        Returns:
            A batch on the CPU, of whole images; made square where their sizes differ.
        """
        pairs = self._pairs.validation
        batches = EvaluationBatches(pairs, self._separate, self._square)
        return batches[[evenly_spaced(len(pairs), count)]].finish()
