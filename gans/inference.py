"""What using a trained variant takes, whichever it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Put a network into evaluation mode for a while, and back into the mode it was in."""
    training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(training)


def prepared(images: Tensor, network: nn.Module, channels: int) -> Tensor:
    """Return images as a batch where the network is, in its precision.

    Args:
        images: (N, C, H, W) or (C, H, W), in [-1, 1].
        network: which is to take them.
        channels: how many channels it takes.

    Returns:
        (N, C, H, W), with N = 1 for a single image.

    Raises:
        ValueError: if the images have another shape or type, or other channels.
    """
    if images.ndim not in (3, 4):
        raise ValueError(f"Images are (N, C, H, W) or (C, H, W), not of shape {tuple(images.shape)}.")
    if not images.is_floating_point():
        raise ValueError(f"Images are floating point numbers in [-1, 1], not {images.dtype}.")
    if images.shape[-3] != channels:
        raise ValueError(
            f"The images have {images.shape[-3]} channels, and the model takes {channels}: convert the "
            "images, or use a model that was trained on such ones."
        )
    batch = images if images.ndim == 4 else images[None]
    return batch.to(next(network.parameters()))


def seeded_noise(seeds: Sequence[int], size: int) -> Tensor:
    """Return standard normal noise (N, size) in float32 on the CPU; row i depends on seed i alone.

    It is drawn in 64 bits: in 32, processors differ in the last digit of the logarithm that it takes.
    """
    rows = [
        torch.randn(size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        for seed in seeds
    ]
    return torch.stack(rows).float() if rows else torch.empty(0, size)
