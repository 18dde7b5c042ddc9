"""What all data modules share: shards and loaders, work on the device, and folders to predict."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, get_args

import lightning as L
from torch import Tensor

from datamodules.arguments import at_least
from datamodules.files.slice_names import shared_out
from datamodules.files.value_range import ValueRange
from datamodules.files.writers import Origin
from datamodules.found import Found
from datamodules.image_sets import ImageSet, Split, find_images
from datamodules.listing import Listing, holds, outside
from datamodules.loading import Batches, EpochSampler, EvaluationSampler, Order, ResumableLoader
from datamodules.prediction.batches import (
    PROBE_NAME,
    PredictionBatches,
    Taker,
    alike,
    chunks,
    prediction_batches,
    probe_of,
)
from datamodules.prediction.batches import PredictBatch as PredictBatch
from datamodules.prediction.tiles import Overlap, choose_tiling
from datamodules.reading import ImageFiles, MemoryBudget, Reading, load_images
from datamodules.streaming.order import PlaceOrder, StreamSampler
from datamodules.streaming.packed import ToPack
from datamodules.transforms import Preprocess, PreprocessKind, Side, unchanged

# Whole images per evaluation batch where their sizes agree.
EVAL_BATCH_SIZE = 16


class BatchDataModule(L.LightningDataModule):
    """Base of everything that delivers batches: sharded loaders that can be resumed, work on the device.

    A sub-class has `image_size` and its numbers of channels after its constructor. What its workers make
    has a method `finish()`, which does on the device what remains to be done (crop, flip, scale) and returns
    the typed batch.

    Args:
        batch_size: items per process and training batch.
        eval_batch_size: items per process and evaluation batch; None leaves it to the sub-class.
        workers: processes that make batches; 0 makes them in the training process.
        seed: of order and whatever else is drawn; not negative.

    Raises:
        ValueError: an argument is out of its range.
    """

    batch_type: ClassVar[type]
    """What training and evaluation batches are; a model that takes others refuses the data module."""

    def __init__(self, *, batch_size: int, eval_batch_size: int | None, workers: int, seed: int) -> None:
        super().__init__()
        # With fewer images to predict than processes some have none; evaluation gives every process a batch.
        self.allow_zero_length_dataloader_with_multiple_devices = True
        at_least("batch_size", batch_size, 1)
        at_least("eval_batch_size", eval_batch_size, 1)
        at_least("workers", workers, 0)
        at_least("seed", seed, 0)
        self.batch_size, self.eval_batch_size = batch_size, eval_batch_size
        self.workers, self.seed = workers, seed
        self._loaders: list[ResumableLoader] = []

    @property
    def rank(self) -> int:
        """Number of this process; 0 without a trainer."""
        return self.trainer.global_rank if self.trainer else 0

    @property
    def world(self) -> int:
        """Number of processes; 1 without a trainer."""
        return self.trainer.world_size if self.trainer else 1

    def training_loader(
        self, batches: Batches, length: int, order: PlaceOrder | None = None
    ) -> ResumableLoader:
        """Shuffled, sharded, resumable batches; they are asked for lists of (epoch, index).

        Args:
            batches: what makes them.
            length: items of an epoch.
            order: that of a packed set; None shuffles all items alike.
        """
        share = self.batch_size, self.rank, self.world
        if order is not None:
            return self._loader(batches, StreamSampler(order, length, *share))
        return self._loader(batches, EpochSampler(length, share[0], self.seed, *share[1:]))

    def ordered_loader(self, batches: Batches, lengths: Sequence[int], batch_size: int) -> ResumableLoader:
        """Every item of one or more sets once; they are asked for one list of indices per set."""
        return self._loader(batches, EvaluationSampler(lengths, batch_size, self.rank, self.world))

    def shared_loader(self, batches: Batches, items: Sequence[int], batch_size: int) -> ResumableLoader:
        """Batches of items, each item on one process only; a process may have none."""
        return self._loader(batches, chunks(items[self.rank :: self.world], batch_size))

    def _loader(self, batches: Batches, sampler: Order, workers: int | None = None) -> ResumableLoader:
        loader = ResumableLoader(batches, sampler, self.workers if workers is None else workers)
        self._loaders.append(loader)
        return loader

    def preview(self, count: int) -> Any:
        """Return `count` held-out items as an evaluation batch on the CPU, the same every time."""
        raise NotImplementedError

    @abstractmethod
    def found(self) -> list[Found]:
        """Return what was found of each domain, after `setup("fit")`.

        Headers of a few files are read for it; all images where bad ones are skipped, which are then there to
        train on.
        """

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Crop, flip and scale the whole batch where it now is: on the device."""
        return batch.finish()

    def teardown(self, stage: str) -> None:
        """End the worker processes, which would linger for seconds if left to the garbage collector."""
        for loader in self._loaders:
            loader.close()
        self._loaders.clear()

    def on_exception(self, exception: BaseException) -> None:
        """End the worker processes."""
        self.teardown("exception")


class ImageDataModule(BatchDataModule):
    """Base of the data modules of images, in files or drawn.

    A sub-class implements `draw`, and returns `training_loader(...)` and `evaluation_loader(...)` over
    batches of its own.

    Args:
        preprocess: how images become what the network sees.
        predict_dir: folder whose images `predict` takes, sub-folders included.
        tile: side in pixels of the tiles that `predict` cuts larger images of predict_dir into; None
            translates every image whole.
        overlap: pixels that neighbouring tiles have in common; `auto` takes what makes the tiles equal to
            the whole image, if the model allows it and half of a tile is enough.
        **reading: see `datamodules.reading.Reading`.

    Raises:
        ValueError: an argument is out of its range, or contradicts another.
        FileNotFoundError: predict_dir has no images.
    """

    own_kinds: ClassVar[tuple[str, ...]] = ()
    """What `preprocess` may be beside what all know: kinds that cut windows in many sizes."""

    def __init__(
        self,
        *,
        preprocess: Preprocess,
        predict_dir: str | None = None,
        tile: int | None = None,
        overlap: Overlap = "auto",
        **reading: Any,
    ) -> None:
        self.reading = Reading(**reading)
        super().__init__(
            batch_size=self.reading.batch_size,
            eval_batch_size=self.reading.eval_batch_size,
            workers=self.reading.workers,
            seed=self.reading.seed,
        )
        if preprocess.kind not in (*get_args(PreprocessKind), *self.own_kinds):
            raise ValueError(
                f"preprocess: {preprocess.kind} is not for {type(self).__name__}; choose another: "
                f"{', '.join((*get_args(PreprocessKind), *self.own_kinds))}."
            )
        if preprocess.zooms and tile is not None:
            raise ValueError(
                f"tile: {tile} cuts images in their own sizes, which preprocess: zoom_and_crop changes; "
                "leave it out."
            )
        self.preprocess = preprocess
        self.image_size: Side = preprocess.size
        at_least("tile", tile, 2)
        at_least("overlap", None if overlap == "auto" else overlap, 0)
        self.tile, self.overlap = tile, overlap
        self.taker: Taker | None = None  # who takes the predictions, if they want to be asked
        self._predict_folder = Path(predict_dir) if predict_dir else None
        self._origins = self._predict_folder  # of the files that are predicted
        self._predict_paths: Sequence[Path] = []
        if predict_dir:
            self._predict_paths = self.to_predict(
                find_images(
                    predict_dir, "prediction (predict_dir)", self.reading.cut and self.reading.cut.every
                )
            ).paths

    def to_predict(self, found: Listing) -> Listing:
        """Return what `predict` is to take of the images in its folder: all of them."""
        return found

    @property
    def slice_neighbours(self) -> int:
        """Slices of a volume on either side of each image, which are channels of it."""
        return self.reading.slice_neighbours

    def prepare_data(self) -> None:
        """Draw the faces that the command needs, once per machine, before its processes read them."""
        command = self.trainer.state.fn if self.trainer else None
        if command in (None, "fit"):
            self.draw("train")
        if command != "predict" or self._predict_folder is None:
            self.draw("test")

    @abstractmethod
    def draw(self, split: Split) -> None:
        """Draw the faces of a split into the cache on disk; nothing where images come from files."""

    def to_pack(self) -> ToPack:
        """Return what `gans.tools.pack` packs of these images.

        Raises:
            ValueError: they cannot be streamed; says why.
        """
        raise ValueError(
            f"{type(self).__name__} is not streamed: packed sets hold images with a class or without, two "
            "domains, or pairs, as Images, UnpairedImages and PairedImages read them from folders. Train on "
            "the folder."
        )

    def evaluation_loader(self, batches: Batches, sets: Sequence[ImageSet]) -> ResumableLoader:
        """Every image once; they are asked for one list of indices per set."""
        return self.ordered_loader(batches, [len(images) for images in sets], self._whole_batch(sets))

    def prediction_loader(
        self,
        otherwise: Callable[[], ImageSet],
        channels: int | None,
        prepare: Callable[[Tensor], Tensor] = unchanged,
        masks: Callable[[ImageSet], ImageSet | None] | None = None,
    ) -> ResumableLoader:
        """Batches of `predict_dir`, each of one size: the images' own, or the load size of zoomed ones.

        Without a `predict_dir`, where volumes are cut into slices, those of `otherwise` are taken whole.

        Args:
            otherwise: makes what to predict without a `predict_dir`.
            channels: number of channels of the images, for models that do not say; None takes the folder's.
            prepare: makes of each image (C, H, W) of the folder what is to be translated.
            masks: finds the masks (2, h, w) of images, which go along with them; None where none are wanted.

        Raises:
            ImageError: an image cannot be used.
        """
        if self._predict_folder is not None:
            return self._folder_loader(self._predict_folder, channels, prepare, masks)
        images = otherwise()
        self._origins = images.folder
        if self.reading.cut is not None and images.folder is not None:
            slices = [images.folder / name for name in images.names]
            self._predict_paths = self.reading.cut.of_wholes(slices)
            return self._folder_loader(images.folder, channels, prepare, masks)
        if self.taker is not None:
            self.taker.announce(images.names, images.folder)
        batches = PredictionBatches(images, masks=masks and masks(images))
        return self.shared_loader(batches, range(len(images)), self._whole_batch([images]))

    def origin(self, name: str) -> Origin | None:
        """Return the file that predictions of this name are written like; None without."""
        if self._origins is None:
            return None
        return Origin(self._origins / name, self.prediction_ranges()[1])

    def prediction_ranges(self) -> tuple[ValueRange, ValueRange]:
        """Return the values that are -1 and 1 of the images to predict, and of the pictures made of them."""
        return self.reading.values, self.reading.values

    def _folder_loader(
        self,
        folder: Path,
        channels: int | None,
        prepare: Callable[[Tensor], Tensor],
        masks: Callable[[ImageSet], ImageSet | None] | None = None,
    ) -> ResumableLoader:
        paths = self._paths_to_predict(folder)
        if self.taker is not None and prepare is unchanged:  # else the model sees something else
            channels = self.taker.channels or channels
        channels = channels or self.reading.channels_of(paths)
        shard_paths = shared_out(paths, self.rank, self.world)
        probe = PredictBatch(
            prepare(probe_of(channels))[None], [PROBE_NAME], masks=masks and probe_of(2)[None]
        ).finish()
        if self.taker is not None:
            names = [path.relative_to(folder).as_posix() for path in shard_paths]
            shard_paths = [folder / name for name in self.taker.pending(probe, names)]
        value_range, _ = self.prediction_ranges()
        scaled = self.preprocess.for_evaluation if self.preprocess.zooms else prepare
        keep_alpha = (
            self.taker is not None
            and self.taker.keeps_alpha
            and prepare is unchanged
            and value_range.by_type  # another range is one of brightness
        )
        files = ImageFiles(
            folder, shard_paths, channels, scaled, value_range=value_range, keep_alpha=keep_alpha
        )
        images: ImageSet = files
        if self.reading.skips and shard_paths:
            images = load_images(files, MemoryBudget(0), "skip")
        beside = masks and masks(images)
        groups = alike([folder / name for name in images.names], keep_alpha)
        tiling = None
        if self.tile is not None and any(max(height, width) > self.tile for height, width, _ in groups):
            reach = None if self.taker is None else self.taker.reach(probe)
            tiling = choose_tiling(self.tile, self.overlap, reach)
        batches = prediction_batches(groups, self.eval_batch_size or EVAL_BATCH_SIZE, tiling)
        # Every worker would hold a whole image of its own.
        workers = self.workers if tiling is None else min(self.workers, 1)
        return self._loader(PredictionBatches(images, tiling, beside), batches, workers)

    def _paths_to_predict(self, folder: Path) -> Sequence[Path]:
        """Return the images of the folder without what was predicted into it; tell the taker their names.

        Raises:
            FileNotFoundError: none is left.
        """
        paths = self._predict_paths
        if self.taker is None:
            return paths
        output = self.taker.folder
        if not holds(os.path.realpath(output), os.path.realpath(folder)):
            paths = outside(paths, output)
        if not paths:
            raise FileNotFoundError(
                f"{folder}: no images for prediction (predict_dir): all of them lie in {output}, where the "
                "predictions go."
            )
        self.taker.announce([path.relative_to(folder).as_posix() for path in paths], folder)
        return paths

    def _whole_batch(self, sets: Sequence[ImageSet]) -> int:
        if self.eval_batch_size is not None:
            return self.eval_batch_size
        fixed = self.preprocess.squares or all(images.one_size for images in sets)
        return EVAL_BATCH_SIZE if fixed else 1
