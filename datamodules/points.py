"""Points of the plane: distributions whose modes can be counted, so that mode collapse shows as a number.

The ring and the grid are those on which VEEGAN (arXiv:1705.07761) and Unrolled GANs (arXiv:1611.02163) count
the modes that a generator covers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from datamodules.arguments import at_least
from datamodules.base import BatchDataModule
from datamodules.found import Found
from datamodules.images.batches import ImageBatch, LoadedImages
from datamodules.loading import Key, ResumableLoader

Distribution = Literal["ring", "grid", "spiral"]
Places = npt.NDArray[np.float64]

PREVIEW = 1000
"""Points that a preview shows at least: fewer are no picture of a distribution."""

SPIRAL_TURNS = 2


def _ring(chance: Places) -> Places:
    """Return the nearest of 8 places on the circle of radius 1, for (N,) in [0, 1)."""
    angle = np.floor(8 * chance) * math.tau / 8
    return np.stack([np.cos(angle), np.sin(angle)], 1)


def _grid(chance: Places) -> Places:
    """Return one of the 25 places whose coordinates are -4, -2, 0, 2 or 4, for (N,) in [0, 1)."""
    row, column = np.divmod(np.floor(25 * chance), 5)
    return np.stack([2 * column - 4, 2 * row - 4], 1)


def _spiral(chance: Places) -> Places:
    """Return places on an arm that winds from the middle out to radius 1, for (N,) in [0, 1)."""
    radius = np.sqrt(chance)  # so that all pieces of the arm of one length are equally likely
    angle = SPIRAL_TURNS * math.tau * radius
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)


@dataclass(frozen=True)
class _Shape:
    """A distribution: places in the plane with normal noise about them.

    Attributes:
        place: maps chances (N,) in [0, 1) to places (N, 2).
        std: of the noise of each coordinate.
        modes: number of different places; 0 for a curve.
    """

    place: Callable[[Places], Places]
    std: float
    modes: int = 0

    def draw(self, key: tuple[int, ...], count: int) -> Tensor:
        """Return points (count, 2, 1, 1) of float32; row i depends on the key and on i alone."""
        chance, *uniform = np.random.default_rng(key).random((count, 3)).T
        # Box-Muller: of a fixed number of draws per point, so that rows stay what they are
        length, angle = np.sqrt(-2 * np.log1p(-uniform[0])), math.tau * uniform[1]
        noise = np.stack([length * np.cos(angle), length * np.sin(angle)], 1)
        points = self.place(chance) + self.std * noise
        return torch.from_numpy(points).float()[:, :, None, None]


_SHAPES = {"ring": _Shape(_ring, 0.01, 8), "grid": _Shape(_grid, 0.05, 25), "spiral": _Shape(_spiral, 0.02)}


class TrainingBatches:
    """Makes training batches of points that are new in each epoch."""

    def __init__(self, shape: _Shape, count: int, seed: int) -> None:
        self.shape, self.count, self.seed = shape, count, seed
        self._drawn: dict[int, Tensor] = {}

    def __getitem__(self, keys: list[Key]) -> LoadedImages:
        epoch, rows = keys[0][0], [index for _, index in keys]
        if epoch not in self._drawn:
            # all points of an epoch at once: one generator per point would take a thousand times as long
            self._drawn = {epoch: self.shape.draw((1, self.seed, epoch), self.count)}
        points = self._drawn[epoch][rows]
        return LoadedImages(ImageBatch(points, names=[f"train-{row:06d}" for row in rows]))


class HeldOutBatches:
    """Makes evaluation batches from lists with one list of indices."""

    def __init__(self, points: Tensor) -> None:
        self.points = points

    def __getitem__(self, indices: list[list[int]]) -> LoadedImages:
        (rows,) = indices
        return LoadedImages(ImageBatch(self.points[rows], names=[f"test-{row:06d}" for row in rows]))


class Points(BatchDataModule):
    """Points of the plane, each an image of one pixel with two channels, x and y, which are not scaled.

    * ring: 8 modes on the circle of radius 1, standard deviation 0.01;
    * grid: 25 modes whose coordinates are -4, -2, 0, 2 or 4, standard deviation 0.05;
    * spiral: an arm of two turns out to radius 1, standard deviation 0.02 about it.

    Modes are equally likely. The points to train on are new in each epoch, a function of (seed, epoch,
    index); those to evaluate on are the same for every seed.

    Args:
        distribution: ring, grid or spiral.
        count: points per epoch.
        test_count: points to evaluate on.
        batch_size: points per process and training batch.
        eval_batch_size: points per process and evaluation batch.
        workers: processes that make batches; 0 makes them in the training process.
        seed: of the points and their order.

    Raises:
        ValueError: an argument is unknown or out of its range.
    """

    batch_type = ImageBatch
    eval_batch_size: int

    channels = 2
    image_size = 1
    classes = 0

    def __init__(
        self,
        distribution: Distribution = "ring",
        count: int = 51_200,
        test_count: int = 2_500,
        batch_size: int = 512,
        eval_batch_size: int = 512,
        workers: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__(batch_size=batch_size, eval_batch_size=eval_batch_size, workers=workers, seed=seed)
        if distribution not in get_args(Distribution):
            raise ValueError(f"distribution: {distribution!r} is unknown; ring, grid and spiral are.")
        at_least("count", count, 1)
        at_least("test_count", test_count, 1)
        self.distribution, self.count, self.test_count = distribution, count, test_count
        self._shape = _SHAPES[distribution]

    @property
    def modes(self) -> Tensor | None:
        """The modes (K, 2), in the order of their numbers; None for a curve, which has none."""
        shape = self._shape
        places = shape.place((np.arange(shape.modes) + 0.5) / max(shape.modes, 1))
        return torch.from_numpy(places).float() if shape.modes else None

    @property
    def mode_std(self) -> float:
        """Standard deviation of each coordinate about its mode, or about the curve."""
        return self._shape.std

    def found(self) -> list[Found]:
        """Return how many points are drawn."""
        where, size = f"drawn: {self.distribution}", ((1, 1), (1, 1))
        return [Found("points", where, self.count, self.test_count, {}, size, 2, "32 bit float")]

    def train_dataloader(self) -> ResumableLoader:
        """Batches of `ImageBatch`: new points each epoch."""
        return self.training_loader(TrainingBatches(self._shape, self.count, self.seed), self.count)

    def val_dataloader(self) -> ResumableLoader:
        """Every held-out point exactly once."""
        batches = HeldOutBatches(self.held_out(self.test_count))
        return self.ordered_loader(batches, [self.test_count], self.eval_batch_size)

    def test_dataloader(self) -> ResumableLoader:
        """The same points as validation."""
        return self.val_dataloader()

    def predict_dataloader(self) -> ResumableLoader:
        """Refuse: one point is no picture to write.

        Raises:
            ValueError: always.
        """
        raise ValueError("predict writes pictures, and Points has none: look at the samples of the run.")

    def held_out(self, count: int) -> Tensor:
        """Return held-out points (count, 2, 1, 1); the first ones stay the same when more are asked for."""
        return self._shape.draw((0,), count)

    def preview(self, count: int) -> ImageBatch:
        """Return the same held-out points every time, at least 1000 however few are asked for."""
        count = max(count, PREVIEW)
        return HeldOutBatches(self.held_out(count))[[list(range(count))]].finish()
