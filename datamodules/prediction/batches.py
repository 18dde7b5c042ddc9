"""Batches of `predict`: whole images of one size, or tiles of one image."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from datamodules.files.readers import read_header, read_stored
from datamodules.image_sets import ImageSet
from datamodules.prediction.tiles import Reach, Tile, Tiling
from datamodules.transforms import one_type, resize, stack_equal, to_shares, to_unit_range

PROBE_NAME = "probe"
PROBE_SIZE = 64  # side in pixels of the image that the model is tried with


class PredictBatch(NamedTuple):
    """Images to be translated, (N, C, H, W) in [-1, 1], all of one size, and their names.

    For a model that keeps transparency, transparent ones have their alpha as a further channel. `masks`,
    (N, 2, H, W) in [0, 1], are there for a model that asks for them.

    Names are paths relative to the folder they come from. Where the images are tiles, all of one image whose
    name each of them has, `tiles` says where they lie and `tiling` how they were cut.
    """

    images: Tensor
    names: list[str]
    tiles: Sequence[Tile] = ()
    tiling: Tiling | None = None
    masks: Tensor | None = None

    def finish(self) -> PredictBatch:
        """Scale what a worker delivered, on whatever device it is now."""
        return self._replace(
            images=to_unit_range(self.images), masks=None if self.masks is None else to_shares(self.masks)
        )


class Taker(Protocol):
    """Whoever takes the predictions of a folder, as the data module asks before it reads any image."""

    @property
    def folder(self) -> Path:
        """Where the predictions go: what lies in it is not to be predicted."""
        ...

    def announce(self, names: Sequence[str], folder: Path | None) -> None:
        """Be told the names of all images, of whatever process, and their folder if they are in one."""
        ...

    def pending(self, probe: PredictBatch, names: Sequence[str]) -> list[str]:
        """Return which of the images are still to be predicted; the probe is one image like them."""
        ...

    def reach(self, probe: PredictBatch) -> Reach:
        """Return how far the model sees."""
        ...

    @property
    def backwards(self) -> bool:
        """Whether a model of two domains translates images of B, to A."""
        ...

    @property
    def channels(self) -> int | None:
        """Channels of the images that the model translates; None where it does not say."""
        ...

    @property
    def keeps_alpha(self) -> bool:
        """Whether the model takes transparency as a further channel, of images that have it."""
        ...


class PredictionBatches:
    """Makes prediction batches of indices, or of an index and tiles of that image.

    The image that is being cut is kept until its last tile.

    Args:
        images: to be translated.
        tiling: how large ones are cut; None where all are whole.
        masks: of the images, (2, h, w) each, which are resized to their images; None without.
    """

    def __init__(self, images: ImageSet, tiling: Tiling | None = None, masks: ImageSet | None = None) -> None:
        self.images, self.masks = images, masks
        self._tiling = tiling
        self._cut: tuple[int, Tensor, Tensor | None] | None = None

    def __getitem__(self, keys: list[int] | tuple[int, list[Tile]]) -> PredictBatch:
        if isinstance(keys, tuple):
            return self._tiles(*keys)
        names = [self.images.names[index] for index in keys]
        images, masks = zip(*(self._with_masks(index) for index in keys), strict=True)
        return PredictBatch(stack_equal(images, names), names, masks=_stacked(masks))

    def _with_masks(self, index: int) -> tuple[Tensor, Tensor | None]:
        image = self.images[index]
        height, width = image.shape[1:]
        return image, None if self.masks is None else resize(self.masks[index], height, width)

    def _tiles(self, index: int, tiles: list[Tile]) -> PredictBatch:
        assert self._tiling is not None
        if self._cut is None or self._cut[0] != index:
            self._cut = None  # one image is held at a time
            self._cut = index, *self._with_masks(index)
        _, image, masks = self._cut
        parts = [self._tiling.cut(image, tile) for tile in tiles]
        beside = [None if masks is None else self._tiling.cut(masks, tile) for tile in tiles]
        if tiles[-1] == self._tiling.tiles(tiles[-1].height, tiles[-1].width)[-1]:
            self._cut = None  # not beside the picture while that is written
        names = [self.images.names[index]] * len(tiles)
        return PredictBatch(torch.stack(parts), names, tiles, self._tiling, _stacked(beside))


def _stacked(masks: Sequence[Tensor | None]) -> Tensor | None:
    there = [mask for mask in masks if mask is not None]
    return torch.stack(one_type(there)) if there else None


def probe_of(channels: int) -> Tensor:
    """Return a grey image (channels, H, W) of uint8 to try a model with; or masks of one."""
    return torch.full((channels, PROBE_SIZE, PROBE_SIZE), 127, dtype=torch.uint8)


Alike = tuple[int, int, bool]
"""Height and width of the images of a batch, and whether they have an alpha channel."""


def alike(paths: Sequence[Path], keep_alpha: bool = False) -> dict[Alike, list[int]]:
    """Return, by the headers, the indices of the images that may share a batch."""
    groups: defaultdict[Alike, list[int]] = defaultdict(list)
    for index, path in enumerate(paths):
        header = read_header(path)
        alpha = keep_alpha and read_stored(path).alpha
        groups[header.height, header.width, alpha].append(index)
    return groups


def prediction_batches(
    groups: Mapping[Alike, list[int]], batch_size: int, tiling: Tiling | None
) -> list[list[int] | tuple[int, list[Tile]]]:
    """Put images of equal size together; cut those larger than a tile."""
    batches: list[list[int] | tuple[int, list[Tile]]] = []
    for (height, width, _), group in groups.items():
        if tiling is None or max(height, width) <= tiling.size:
            batches += chunks(group, batch_size)
            continue
        tiles = tiling.tiles(height, width)
        starts = range(0, len(tiles), batch_size)
        batches += [(index, tiles[start : start + batch_size]) for index in group for start in starts]
    return batches


def chunks(indices: Sequence[int], size: int) -> list[list[int]]:
    """Cut a sequence into lists of so many items, the last one of what remains."""
    return [list(indices[start : start + size]) for start in range(0, len(indices), size)]
