"""What data modules share whose images are squares of one size, read or drawn split by split."""

from __future__ import annotations

from typing import Any, Generic, Protocol, TypeVar

from datamodules.base import ImageDataModule
from datamodules.image_sets import Split
from datamodules.transforms import Preprocess

Read = TypeVar("Read")
Read_co = TypeVar("Read_co", covariant=True)


class SplitSource(Protocol[Read_co]):
    """Where the images of a data module come from."""

    def prepare(self, split: Split, side: int) -> None:
        """Draw or fetch a split, before several processes read it."""
        ...

    def read(self, split: Split, side: int) -> Read_co:
        """Return the images of a split, side x side pixels, and what is known of them."""
        ...


class SquareImages(ImageDataModule, Generic[Read]):
    """Base of data modules that read each split once, in each size that is asked for.

    A sub-class gives itself a `_source`.

    Args:
        preprocess: how images become what the network sees.
        **reading: see `Reading`, and `predict_dir` of `ImageDataModule`.
    """

    _source: SplitSource[Read]

    def __init__(self, *, preprocess: Preprocess, **reading: Any) -> None:
        super().__init__(preprocess=preprocess, tile=None, overlap="auto", **reading)
        self._sets: dict[tuple[Split, int], Read] = {}

    def draw(self, split: Split) -> None:
        """Draw the faces of a split into the cache on disk; nothing where images come from files."""
        self._source.prepare(split, self._side(split))

    def _read(self, split: Split, side: int | None = None) -> Read:
        """Return a split, by default in the size that it is trained on or evaluated in."""
        side = self._side(split) if side is None else side
        if (split, side) not in self._sets:
            self._sets[split, side] = self._source.read(split, side)
        return self._sets[split, side]

    def _side(self, split: Split) -> int:
        return self.preprocess.before_crop if split == "train" else self.preprocess.size
