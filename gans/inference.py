"""What using a trained variant takes, whichever it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby, islice
from typing import Any, TypeVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from datamodules.files.readers import pixels_of
from datamodules.files.value_range import from_unit
from datamodules.transforms import to_unit_range

AT_ONCE = 16  # pictures of a list: bounds the memory that a long one takes
SLACK = 0.01  # beyond [-1, 1]: what rounding in half precision and resizing leave

Images = Tensor | Image.Image | Sequence[Image.Image]
"""Images as they are given: (N, C, H, W) or (C, H, W) in [-1, 1] of any device and precision; or Pillow
images of 8 bit, one or a list, of any sizes and modes. Where the model takes grey images colours become grey,
and the other way round; transparent pictures are laid on white."""
Given = TypeVar("Given", Tensor, Image.Image, Sequence[Image.Image])
"""One form of `Images`, where the same one is returned."""


@contextmanager
def evaluating(*networks: nn.Module) -> Iterator[None]:
    """Put networks into evaluation mode for a while, then each of their parts back into its own mode."""
    modes = {part: part.training for network in networks for part in network.modules()}
    for network in networks:
        network.eval()
    try:
        yield
    finally:
        for part, training in modes.items():
            part.training = training


@torch.no_grad()
def mapped(
    images: Given, network: nn.Module, channels: int, function: Callable[..., Tensor], *beside: Tensor
) -> Given:
    """Return what a function makes of images, in the form in which they were given.

    It is called without a graph: once for a tensor, and for a list for every few neighbours of one size.

    Args:
        images: see `Images`.
        network: which is to take them, where it is and in its precision; meanwhile in evaluation mode.
        channels: how many channels it takes.
        function: makes images (n, ...) of a batch (n, channels, H, W) and its rows of `beside`.
        beside: what belongs to the images, a row for each (N, ...).

    Raises:
        ValueError: if the images are of another kind, shape, type or range, or have other channels.
    """
    made: list[Any] = []
    done = 0
    with evaluating(network):
        for batch in _batches(images, network, channels):
            rows = slice(done, done + len(batch))
            result = function(batch, *(part[rows].to(batch) for part in beside))
            made += [result] if isinstance(images, Tensor) else to_pil(result)
            done = rows.stop
    if isinstance(images, Tensor) and images.ndim == 3:
        made = list(made[0])
    returned: Given = made[0] if isinstance(images, Tensor | Image.Image) else made
    return returned


@torch.no_grad()
def coded(images: Images, network: nn.Module, channels: int, function: Callable[[Tensor], Tensor]) -> Tensor:
    """Return what a function says about images, a row for each: (N, ...), with N = 1 for a single one.

    Args:
        images: see `Images`.
        network: see `mapped`.
        channels: likewise.
        function: makes rows (n, ...) of a batch (n, channels, H, W).

    Raises:
        ValueError: as `mapped`, and if there is no picture in a list.
    """
    with evaluating(network):
        rows = [function(batch) for batch in _batches(images, network, channels)]
    if not rows:
        raise ValueError("There is no picture in the list.")
    return torch.cat(rows)


def how_many(images: Images) -> int:
    """Return the number of images; 1 for a single one.

    Raises:
        ValueError: if they are of another kind than `Images`.
    """
    if isinstance(images, Tensor):
        return len(images) if images.ndim == 4 else 1
    return len(_listed(images))


def one_for_each(styles: Tensor, count: int, size: int) -> Tensor:
    """Return styles (count, size), of which there were as many or one.

    Raises:
        ValueError: if they have another shape.
    """
    rows = styles if styles.ndim == 2 else styles[None]
    if rows.shape not in {(1, size), (count, size)}:
        raise ValueError(
            f"style has the shape {tuple(styles.shape)}: for {count} images it is ({size},) or ({count}, "
            f"{size}), of pictures whose style is taken as many or one."
        )
    return rows.expand(count, size)


def to_pil(images: Tensor) -> list[Image.Image]:
    """Return images as Pillow images of 8 bit, rounded as `predict` writes them.

    Args:
        images: (N, C, H, W) or (C, H, W) in [-1, 1], of any device and precision. C is 1 for grey, 2 for grey
            with alpha, 3 for RGB, 4 for RGBA.

    Returns:
        N pictures, one for (C, H, W).

    Raises:
        ValueError: if the images have another shape, type, range or number of channels.
    """
    batch = _checked(images)
    channels = batch.shape[1]
    if channels > 4:
        raise ValueError(f"Pillow has pictures of 1 to 4 channels; these images have {channels}.")
    values = batch.detach().permute(0, 2, 3, 1).float().cpu().numpy()
    pixels = from_unit(values, (0, 255), np.dtype(np.uint8))
    return [Image.fromarray(each[:, :, 0] if channels == 1 else each) for each in pixels]


def prepared(images: Tensor, network: nn.Module, channels: int) -> Tensor:
    """Return images as a batch where the network is, in its precision.

    Args:
        images: (N, C, H, W) or (C, H, W), in [-1, 1].
        network: which is to take them.
        channels: how many channels it takes.

    Returns:
        (N, C, H, W), with N = 1 for a single image.

    Raises:
        ValueError: if the images have another shape, type or range, or other channels.
    """
    batch = _checked(images)
    if batch.shape[1] != channels:
        raise ValueError(
            f"The images have {batch.shape[1]} channels, and the model takes {channels}: convert the "
            "images, or use a model that was trained on such ones."
        )
    return batch.to(next(network.parameters()))


def consecutive(count: int, seed: int) -> range:
    """Return the seeds of `count` samples, the first of which is that of `seed`.

    Raises:
        ValueError: if the count is negative.
    """
    if count < 0:
        raise ValueError(f"count is {count}: it is 0 or more.")
    return range(seed, seed + count)


def seeded_noise(seeds: Sequence[int], size: int) -> Tensor:
    """Return standard normal noise (N, size) in float32 on the CPU; row i depends on seed i alone.

    It is drawn in 64 bits: in 32, processors differ in the last digit of the logarithm that it takes.
    """
    rows = [
        torch.randn(size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        for seed in seeds
    ]
    return torch.stack(rows).float() if rows else torch.empty(0, size)


def _batches(images: Images, network: nn.Module, channels: int) -> Iterator[Tensor]:
    """Yield the images in their order as batches for a network."""
    if isinstance(images, Tensor):
        yield prepared(images, network, channels)
        return
    arrays = (pixels_of(picture, channels) for picture in _listed(images))
    for _, alike in groupby(arrays, key=np.shape):
        while some := list(islice(alike, AT_ONCE)):
            pixels = torch.from_numpy(np.stack(some)).permute(0, 3, 1, 2)
            yield prepared(to_unit_range(pixels), network, channels)


def _listed(images: Any) -> list[Image.Image]:
    """Return one picture or several as a list; refuse what are none."""
    several = isinstance(images, list | tuple)
    pictures = list(images) if several else [images]
    wrong = [type(one).__name__ for one in pictures if not isinstance(one, Image.Image)]
    if wrong:
        raise ValueError(
            f"Images are a tensor in [-1, 1], a Pillow image or a list of Pillow images, and this is a "
            f"{'list with a ' if several else ''}{wrong[0]}. Open files by PIL.Image.open."
        )
    return pictures


def _checked(images: Tensor) -> Tensor:
    """Return images as a batch (N, C, H, W), if they are such: numbers in [-1, 1]."""
    if images.ndim not in (3, 4) or 0 in images.shape[-3:]:
        raise ValueError(f"Images are (N, C, H, W) or (C, H, W), not of shape {tuple(images.shape)}.")
    if not images.is_floating_point():
        raise ValueError(
            f"Images are floating point numbers in [-1, 1], not {images.dtype}: give pixels / 127.5 - 1."
        )
    if images.numel() and (images.min() < -1 - SLACK or images.max() > 1 + SLACK):
        raise ValueError(
            f"Images are numbers in [-1, 1]; these reach from {images.min():.4g} to {images.max():.4g}. Of "
            "values from 0 to 255 give pixels / 127.5 - 1."
        )
    return images if images.ndim == 4 else images[None]
