"""Images with captions (GAN-CLS, arXiv:1605.05396)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any, get_args

import torch

from datamodules.arguments import at_least
from datamodules.captioned.batches import (
    CaptionedBatch,
    CaptionedSet,
    EvaluationBatches,
    PromptBatch,
    TrainingBatches,
)
from datamodules.captioned.embeddings import Embed, StoredEmbeddings, write_embeddings
from datamodules.captioned.layouts import OnMissing, find_captioned
from datamodules.captioned.sources import CaptionSource, DrawnCaptions, FolderCaptions
from datamodules.found import Found
from datamodules.image_sets import evenly_spaced
from datamodules.images.sources import DrawnImages
from datamodules.images.squares import SquareImages
from datamodules.loading import ResumableLoader
from datamodules.public_sets.known import CAPTIONED, root_of
from datamodules.streaming.packed import refuse_stream
from datamodules.transforms import LoadSize, Preprocess

LONGEST_NAME = 60  # characters of a caption in the name of a file,
MOST_BYTES = 200  # and bytes, of which a letter may have four

__all__ = ["CaptionedBatch", "CaptionedImages", "PromptBatch"]


class CaptionedImages(SquareImages[CaptionedSet]):
    """Images with captions: your own, or drawn faces where none are given.

    `root` has a table of image and caption, or the layout of CUB or Oxford-102; see
    `datamodules.captioned.layouts.find_captioned`. Captions of drawn faces are made from their attributes by
    templates; see `datamodules.faces.captions`.

    Every image becomes a square of `size` pixels. Which of its captions it comes with, and which caption that
    does not describe it, are functions of (seed, epoch, item), as are mirroring and the window where
    `load_size` is larger, whatever the number of workers. A wrong caption is never one of the same image, of
    the same class in sets with classes, or of a text that the image has too; of drawn faces it is never true.
    Validation and test use the same held-out images, each exactly once, with the same captions every time.
    `predict` takes `prompts`, or the captions of the held-out images.

    `channels`, `image_size` and `embedding_size` (None without embeddings) are what the model needs to know.

    Args:
        root: folder of images with captions.
        name: cub, in place of a root; its captions (text_c10) come apart from it.
        captions: the table of captions, or the folder text_c10, where it is not in `root`.
        embeddings: file of embeddings computed beforehand, relative to `root`; see `write_embeddings`.
        on_missing_caption: raise, or skip with one warning, images that no caption describes.
        faces: style of the drawn faces: adventurer, big-ears, dylan, lorelei or toon-head.
        attributes: what captions of drawn faces tell, of `datamodules.faces.attributes.ATTRIBUTES`; by
            default all that the style can show.
        captions_per_face: captions of each drawn face.
        faces_count: drawn faces to train on.
        test_count: drawn faces to evaluate on.
        size: side of the images in pixels as the network sees them.
        centre_crop: cut the largest square in the middle of an image; otherwise it is stretched.
        load_size: side before a window is cut at random, in pixels or as a multiple of size such as 76/64;
            by default size, so that none is.
        flip: mirror every second training image, at random.
        batch_size: images per process and training batch.
        eval_batch_size: images per process and evaluation batch.
        prompts: captions to `predict` images for.
        predict_count: images for each of the prompts, of the seeds from `seed`.
        **reading: see `datamodules.reading.Reading`.

    Raises:
        FileNotFoundError: a folder, a table, an image that a caption names, or the embeddings are missing.
        ValueError: an argument is out of its range, or contradicts another; a malformed table; or an image
            without a caption.
    """

    batch_type = CaptionedBatch
    eval_batch_size: int

    def __init__(
        self,
        root: str | None = None,
        name: str | None = None,
        captions: str | None = None,
        embeddings: str | None = None,
        on_missing_caption: OnMissing = "raise",
        faces: str = "adventurer",
        attributes: list[str] | None = None,
        captions_per_face: int = 10,
        faces_count: int = 1000,
        test_count: int = 200,
        size: int = 64,
        centre_crop: bool = True,
        load_size: LoadSize | None = None,
        flip: bool = True,
        batch_size: int = 64,
        eval_batch_size: int = 64,
        prompts: list[str] | None = None,
        predict_count: int = 1,
        **reading: Any,
    ) -> None:
        super().__init__(
            preprocess=Preprocess("resize_and_crop", size, load_size or "size", flip),
            predict_dir=None,
            batch_size=batch_size,
            eval_batch_size=eval_batch_size,
            **reading,
        )
        for argument in ("captions_per_face", "faces_count", "test_count", "predict_count"):
            at_least(argument, locals()[argument], 1)
        if on_missing_caption not in get_args(OnMissing):
            raise ValueError(f"on_missing_caption: {on_missing_caption!r} is unknown; raise and skip are.")
        root = root_of(name, CAPTIONED, self.reading, {"root": root}, quick_start="gan_cls")
        refuse_stream(root, type(self).__name__)
        self._root = None if root is None else Path(root)
        self._prompts, self.predict_count = _checked_prompts(prompts, embeddings), predict_count
        self._source: CaptionSource
        if root is None:
            if captions is not None or embeddings is not None:
                raise ValueError("captions and embeddings belong to a root; drawn faces have templates.")
            drawn = DrawnImages(faces, None, faces_count, test_count, self.reading.channels or 3)
            self._source = DrawnCaptions(drawn, attributes, captions_per_face)
        else:
            files = find_captioned(
                root, captions, self.reading.held_out_share, on_missing_caption, self.reading.cut
            )
            stored = None if embeddings is None else StoredEmbeddings(Path(root) / embeddings)
            self._source = FolderCaptions(files, stored, self.reading, centre_crop=centre_crop)
        self.channels = self._source.channels

    @property
    def embedding_size(self) -> int | None:
        """Numbers in an embedding of a caption; None where none are computed beforehand."""
        return None if self._source.embeddings is None else self._source.embeddings.size

    @property
    def attribute_names(self) -> list[str]:
        """What the columns of `labels` and `claims` mean; empty for images that are no drawn faces."""
        return list(self._source.attributes)

    def found(self) -> list[Found]:
        """Return what was found of the images that have captions."""
        read = self._read if self.reading.skips else None
        return self._source.found(self.preprocess.before_crop, read)

    def training_captions(self) -> list[str]:
        """Return every caption of the training images; no image is read for that."""
        return list(chain.from_iterable(self._source.texts("train").values()))

    def write_embeddings(self, path: str, embed: Embed, batch_size: int = 256) -> None:
        """Compute the embeddings of all captions, to train and to evaluate on, and store them.

        Args:
            path: where to, relative to `root`, such as `clip.npy`; give it as the argument `embeddings`.
            embed: any model: a list of texts -> (texts, size).
            batch_size: texts at once.

        Raises:
            ValueError: these are drawn faces, or as `datamodules.captioned.embeddings.write_embeddings`.
        """
        if self._root is None:
            raise ValueError("Embeddings are stored beside images in a root; drawn faces have none.")
        captions = {**self._source.texts("train"), **self._source.texts("test")}
        write_embeddings(self._root / path, captions, embed, batch_size)

    def train_dataloader(self) -> ResumableLoader:
        """Batches of `CaptionedBatch`, in another order and with other captions each epoch."""
        described = self._read("train")
        batches = TrainingBatches(described, self.preprocess, self.seed)
        return self.training_loader(batches, len(described.images))

    def val_dataloader(self) -> ResumableLoader:
        """Every held-out image exactly once."""
        described = self._read("test")
        return self.evaluation_loader(self._ordered(described), [described.images])

    def test_dataloader(self) -> ResumableLoader:
        """The same images as validation."""
        return self.val_dataloader()

    def predict_dataloader(self) -> ResumableLoader:
        """Batches of `PromptBatch`: the prompts, or the first captions of the held-out images."""
        if self._prompts is None:
            described = self._read("test")
            rows = range(len(described.images))
            return self.shared_loader(_HeldOutPrompts(described, self.seed), rows, self.eval_batch_size)
        rows = range(len(self._prompts) * self.predict_count)
        return self.shared_loader(
            _GivenPrompts(self._prompts, self.predict_count, self.seed), rows, self.eval_batch_size
        )

    def preview(self, count: int) -> CaptionedBatch:
        """Return the same few held-out images every time, for sample grids; works without a trainer.

        Args:
            count: number of images, evenly spaced; fewer where there are fewer.
        """
        described = self._read("test")
        return self._ordered(described)[[evenly_spaced(len(described.images), count)]].finish()

    def _ordered(self, described: CaptionedSet) -> EvaluationBatches:
        return EvaluationBatches(described, self.channels, self.preprocess.size)


class _HeldOutPrompts:
    """Makes batches of the captions of held-out images, with one seed."""

    def __init__(self, described: CaptionedSet, seed: int) -> None:
        self.described, self.seed = described, seed

    def __getitem__(self, rows: list[int]) -> PromptBatch:
        return self.described.prompts(rows, self.seed)


class _GivenPrompts:
    """Makes batches of given captions, each with several seeds."""

    def __init__(self, prompts: Sequence[str], count: int, seed: int) -> None:
        self.prompts, self.count, self.seed = prompts, count, seed

    def __getitem__(self, rows: list[int]) -> PromptBatch:
        captions = [self.prompts[row // self.count] for row in rows]
        seeds = [self.seed + row % self.count for row in rows]
        names = [
            f"{row // self.count:03d}_{_file_name(caption)}_seed{seed}.png"
            for row, caption, seed in zip(rows, captions, seeds, strict=True)
        ]
        return PromptBatch(captions, torch.tensor(seeds), names)


def _file_name(caption: str) -> str:
    """Return what of a caption can be part of a file's name on any system."""
    words = re.sub(r"\W+", "_", caption.lower()).strip("_")[:LONGEST_NAME]
    return words.encode()[:MOST_BYTES].decode(errors="ignore")


def _checked_prompts(prompts: list[str] | None, embeddings: str | None) -> list[str] | None:
    if prompts is None:
        return None
    if embeddings is not None:
        raise ValueError(
            "prompts: they have no embeddings in the file, which holds those of the captions only."
        )
    if not prompts or not all(prompt.strip() for prompt in prompts):
        raise ValueError("prompts: one is empty, or there are none. Say what to draw.")
    return prompts
