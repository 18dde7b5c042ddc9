"""The two passes of Real-ESRGAN, from a sharp image to a small, spoilt one, given what was drawn for them.

Wang et al. 2021, arXiv:2107.10833: blur, resizing, noise and JPEG, twice; the second JPEG comes before or
after the image is brought to its last size and filtered with a sinc.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from datamodules.degradations.filtering import blur
from datamodules.degradations.jpeg import jpeg
from datamodules.degradations.noise import gaussian_noise, poisson_noise
from datamodules.degradations.resizing import ResizeMode, resize_by, resize_to


class Pass(NamedTuple):
    """What was drawn for one pass over N images.

    Attributes:
        kernels: of the blur, (N, K, K); None leaves it out.
        factor: of the resizing, common to all as they share one tensor.
        mode: of the resizing.
        gaussian: whether noise is Gaussian, not that of photons.
        strength: of the noise, (N,): a standard deviation in 0..255, or the scale of photon noise.
        grey: whose noise is grey, bool (N,).
        quality: of JPEG, (N,).
    """

    kernels: Tensor | None
    factor: float
    mode: ResizeMode
    gaussian: bool
    strength: Tensor
    grey: Tensor
    quality: Tensor


class Drawn(NamedTuple):
    """What was drawn for the whole way of N images.

    Attributes:
        first: the first pass.
        second: the second pass.
        kernels: of the last filter, (N, K, K).
        mode: of the last resizing.
        jpeg_last: whether the second JPEG comes after the last filter.
        seeds: of the noise in the pixels, one for each.
    """

    first: Pass
    second: Pass
    kernels: Tensor
    mode: ResizeMode
    jpeg_last: bool
    seeds: Sequence[int]


class PixelNoise(Protocol):
    """Draws the noise of single pixels."""

    def normal(self, channels: int, height: int, width: int) -> Tensor:
        """Return standard normal numbers (N, channels, height, width), or (1, ...) that all images share."""
        ...

    def poisson(self, rates: Tensor) -> Tensor:
        """Return counts from Poisson distributions with rates (N, C, H, W)."""
        ...


class SeededNoise:
    """Noise that depends, image by image, on a seed alone, not on what else is in the batch.

    Args:
        seeds: one for each image.
        device: where to draw; another kind of device draws other numbers.
    """

    def __init__(self, seeds: Sequence[int], device: torch.device) -> None:
        self._generators = [torch.Generator(device).manual_seed(seed) for seed in seeds]

    def normal(self, channels: int, height: int, width: int) -> Tensor:
        """Return standard normal numbers (N, channels, height, width)."""
        shape = channels, height, width
        return torch.stack([torch.randn(shape, generator=g, device=g.device) for g in self._generators])

    def poisson(self, rates: Tensor) -> Tensor:
        """Return counts from Poisson distributions with rates (N, C, H, W)."""
        each = zip(rates, self._generators, strict=True)
        return torch.stack([torch.poisson(rate, generator=generator) for rate, generator in each])


def degrade(images: Tensor, drawn: Drawn, scale: int, noise: PixelNoise | None = None) -> Tensor:
    """Make small, spoilt images of sharp ones.

    Args:
        images: RGB (N, 3, H, W) in [0, 1], sharpened if the network is to sharpen.
        drawn: for these N images.
        scale: the results are so many times smaller.
        noise: of the pixels; that of the seeds that were drawn if None.

    Returns:
        (N, 3, H // scale, W // scale) in [0, 1], rounded to 8 bits.
    """
    height, width = images.shape[-2:]
    noise = noise or SeededNoise(drawn.seeds, images.device)
    first, second = drawn.first, drawn.second

    spoilt = resize_by(_blurred(images, first), first.factor, first.mode)
    spoilt = _compressed(_noisy(spoilt, first, noise), first)

    rows, columns = (max(1, int(side / scale * second.factor)) for side in (height, width))
    spoilt = resize_to(_blurred(spoilt, second), rows, columns, second.mode)
    spoilt = _noisy(spoilt, second, noise)
    if not drawn.jpeg_last:
        spoilt = _compressed(spoilt, second)
    spoilt = blur(resize_to(spoilt, height // scale, width // scale, drawn.mode), drawn.kernels)
    if drawn.jpeg_last:
        spoilt = _compressed(spoilt, second)
    return (spoilt * 255).round().clamp(0, 255) / 255


def _blurred(images: Tensor, drawn: Pass) -> Tensor:
    return images if drawn.kernels is None else blur(images, drawn.kernels)


def _noisy(images: Tensor, drawn: Pass, noise: PixelNoise) -> Tensor:
    strength = drawn.strength.to(images)
    if drawn.gaussian:
        _, channels, height, width = images.shape
        grey, colour = (noise.normal(count, height, width).to(images) for count in (1, channels))
        added = gaussian_noise(strength, drawn.grey, colour, grey)
    else:
        added = poisson_noise(images, strength, drawn.grey, noise.poisson)
    return (images + added).clamp(0, 1)


def _compressed(images: Tensor, drawn: Pass) -> Tensor:
    return jpeg(images.clamp(0, 1), drawn.quality)
