"""The training images that samples are nearest to: what was memorised, and what was made up."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from datamodules.images.module import Images
from gans.cli.errors import UsageError
from gans.metrics.features import load_extractor
from gans.metrics.statistics_cache import RealFeatures
from gans.tools.latents.decoder import Decoder
from gans.tools.latents.run_data import every_image
from gans.tools.latents.sheet import Sheet

HELD_OUT = 64  # images that the model cannot have memorised, for comparison

Measure = Callable[[Tensor], Tensor]  # images (N, C, H, W) in [-1, 1] -> points (N, D)


class Nearest:
    """Keeps the nearest of all images it is shown to some queries, by one measure.

    Args:
        measure: makes points of images; the distance is Euclidean.
        queries: images (Q, C, H, W) in [-1, 1].
        count: neighbours K of each query.

    Attributes:
        distances: (Q, K) ascending.
        images: (Q, K, C, H, W).
        names: (Q, K) of the images.
    """

    def __init__(self, measure: Measure, queries: Tensor, count: int) -> None:
        self._measure, self._count = measure, count
        self._points = measure(queries)
        self.distances = torch.empty(len(queries), 0)
        self.images = queries[:, None][:, :0]
        self.names = np.empty((len(queries), 0), dtype=object)

    def show(self, images: Tensor, names: Sequence[str]) -> None:
        """Take a batch of images into account."""
        queries = len(self._points)
        joined = torch.cat([self.distances, torch.cdist(self._points, self._measure(images))], dim=1)
        order = joined.argsort(dim=1, stable=True)[:, : self._count]
        self.distances = joined.gather(1, order)
        offered = np.broadcast_to(np.array(names, dtype=object), (queries, len(names)))
        self.names = np.take_along_axis(np.concatenate([self.names, offered], axis=1), order.numpy(), axis=1)
        kept = self.images.shape[1]
        self.images = torch.stack(
            [
                torch.stack([mine[i] if i < kept else images[i - kept] for i in row])
                for mine, row in zip(self.images, order.tolist(), strict=True)
            ]
        )


def neighbours(decoder: Decoder, data: Images, seeds: Sequence[int] = range(8), nearest: int = 3) -> Sheet:
    """Set samples beside the training images nearest to them, in features and in pixels.

    A sample that the model has memorised is nearer to a training image than images are that it never saw:
    so the findings compare the samples' distances with those of held-out images. Distances in Lite0 features
    tell what looks alike; those in pixels, the root of the mean square in levels of 0 to 255, copies.
    In pixels training images count mirrored too where the training mirrored them; features hardly differ.

    Raises:
        UsageError: if `nearest` is below 1.
        ValueError: if the model and the data differ in the shape of their images.
    """
    if nearest < 1:
        raise UsageError(f"--nearest {nearest}: at least 1.")
    samples = decoder(decoder.latents(seeds))
    unseen = next(every_image(data, "test")).images[:HELD_OUT]
    if unseen.shape[1:] != samples.shape[1:]:
        raise ValueError(
            f"The model makes images of shape {tuple(samples.shape[1:])}, but those of the data have "
            f"{tuple(unseen.shape[1:])}: name the config it was trained with by --config."
        )
    remembered = RealFeatures(load_extractor("lite0"))
    measures: dict[str, Measure] = {"lite0": lambda images: remembered(images)[0], "pixels": _levels}
    found = {
        name: Nearest(measure, torch.cat([samples, unseen]), nearest) for name, measure in measures.items()
    }
    for batch in every_image(data, "train", "Comparing with training images"):
        for nearest_by in found.values():
            nearest_by.show(batch.images, batch.names)
        if data.preprocess.flip:
            found["pixels"].show(batch.images.flip(3), [f"{name} (mirrored)" for name in batch.names])
    remembered.finish()
    return _sheet(decoder.latents(seeds), seeds, found)


def _levels(images: Tensor) -> Tensor:
    """Return points whose distance is the root of the mean squared difference, in levels of 0 to 255."""
    points = images.flatten(1) * 127.5
    return points / math.sqrt(points.shape[1])


def _sheet(latents: Tensor, seeds: Sequence[int], found: dict[str, Nearest]) -> Sheet:
    beside, numbers, findings = {}, {"seeds": np.array(seeds)}, []
    rows = [f"seed {seed}:" for seed in seeds]
    for name, near in found.items():
        own, unseen = near.distances[: len(seeds)], near.distances[len(seeds) :, 0]
        for i in range(own.shape[1]):
            beside[f"{name} {i + 1}"] = near.images[: len(seeds), i]
        rows = [
            f"{row} {name} {distance:.1f}" for row, distance in zip(rows, own[:, 0].tolist(), strict=True)
        ]
        numbers[f"{name}_distances"] = own.numpy()
        numbers[f"{name}_held_out_distances"] = unseen.numpy()
        numbers[f"{name}_names"] = near.names[: len(seeds)].astype(str)
        findings.append(
            f"{name}: the samples lie {own[:, 0].median():.1f} from their nearest training image, held-out "
            f"images {unseen.median():.1f} (medians)."
        )
    return Sheet(
        latents[:, None], columns=["sample"], rows=rows, beside=beside, numbers=numbers, findings=findings
    )
