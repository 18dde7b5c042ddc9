"""The parameters of Real-ESRGAN's degradation, and what they make of random numbers (arXiv:2107.10833)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import ClassVar, get_args

import torch
from torch import Tensor

from datamodules.degradations.kernels import generalised_gaussian, plateau, pulse, sinc
from datamodules.degradations.pipeline import Drawn, Pass
from datamodules.degradations.resizing import ResizeMode

Range = tuple[float, float]
Columns = Iterator[Tensor]
"""Random numbers (N,) of float64, uniform in [0, 1), one by one."""

LEAST = 0.01  # of what must be above 0
SIZES = (7, 9, 11, 13, 15, 17, 19, 21)  # of kernels, in pixels
MODES: tuple[ResizeMode, ...] = get_args(ResizeMode)
GAUSSIANS, GENERALISED = 2, 4  # kinds of kernels below these are Gaussian, and generalised Gaussians


def _check_probability(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"{name}: {value} is a probability, from 0 to 1.")


def _check_probabilities(name: str, values: tuple[float, ...], count: int) -> None:
    if len(values) != count or min(values) < 0 or not math.isclose(sum(values), 1, abs_tol=1e-6):
        raise ValueError(f"{name}: {values} must be {count} probabilities that add up to 1.")


def _check_range(name: str, limits: Range, least: float = 0.0, most: float = math.inf) -> None:
    low, high = limits
    if not least <= low <= high <= most:
        raise ValueError(f"{name}: {limits} must be two limits in order, from {least:g} to {most:g}.")


@dataclass(frozen=True)
class PassParameters:
    """How one pass is drawn; the defaults are the paper's first pass.

    Attributes:
        blur: probability that images are blurred at all.
        sinc: probability that a kernel is a sinc.
        kernels: probabilities of the other kinds: isotropic and anisotropic Gaussians, the same two of
            generalised Gaussians, and of plateaus.
        sigma: standard deviations of these in pixels.
        gaussian_shape: exponents of generalised Gaussians; those below 1 and above are equally likely.
        plateau_shape: exponents of plateaus, likewise.
        resize: probabilities that images become larger, smaller, or keep their size.
        factors: the least and the largest factor.
        gaussian: probability that noise is Gaussian, not that of photons.
        gaussian_noise: standard deviations in 0..255.
        photon_noise: scales of photon noise.
        grey: probability that noise is grey.
        quality: of JPEG, below 100.

    Raises:
        ValueError: probabilities that do not add up to 1, or are none; or a range that is out of bounds.
    """

    blur: float = 1.0
    sinc: float = 0.1
    kernels: tuple[float, ...] = (0.45, 0.25, 0.12, 0.03, 0.12, 0.03)
    sigma: Range = (0.2, 3.0)
    gaussian_shape: Range = (0.5, 4.0)
    plateau_shape: Range = (1.0, 2.0)
    resize: tuple[float, ...] = (0.2, 0.7, 0.1)
    factors: Range = (0.15, 1.5)
    gaussian: float = 0.5
    gaussian_noise: Range = (1.0, 30.0)
    photon_noise: Range = (0.05, 3.0)
    grey: float = 0.4
    quality: Range = (30.0, 95.0)

    def __post_init__(self) -> None:
        for name in ("blur", "sinc", "gaussian", "grey"):
            _check_probability(name, getattr(self, name))
        for name, count in (("kernels", 6), ("resize", 3)):
            _check_probabilities(name, getattr(self, name), count)
        _check_range("sigma", self.sigma, LEAST)
        for name in ("gaussian_shape", "plateau_shape", "factors"):
            _check_range(name, getattr(self, name), LEAST)
            if not getattr(self, name)[0] <= 1 <= getattr(self, name)[1]:
                raise ValueError(f"{name}: {getattr(self, name)} must have 1 between its limits.")
        for name in ("gaussian_noise", "photon_noise"):
            _check_range(name, getattr(self, name))
        _check_range("quality", self.quality, 1, 99.9)  # 100 would divide by 0

    def drawn(self, columns: Columns) -> Pass:
        """Make a pass over N images of random numbers; what they have in common is of those of the first."""
        blurred = bool(next(columns)[0] < self.blur)
        kernels = self._kernels(columns)
        larger, smaller, _ = self.resize
        kind, share = float(next(columns)[0]), float(next(columns)[0])
        least, most = self.factors
        enlarged, reduced = 1 + share * (most - 1), least + share * (1 - least)
        factor = enlarged if kind < larger else reduced if kind < larger + smaller else 1.0
        mode = MODES[int(len(MODES) * next(columns)[0])]
        gaussian = bool(next(columns)[0] < self.gaussian)
        strength = _between(next(columns), *(self.gaussian_noise if gaussian else self.photon_noise))
        grey = next(columns) < self.grey
        quality = _between(next(columns), *self.quality)
        return Pass(
            kernels if blurred else None, factor, mode, gaussian, strength.float(), grey, quality.float()
        )

    def _kernels(self, columns: Columns) -> Tensor:
        sizes, is_sinc = _sizes(columns), next(columns) < self.sinc
        sharpest = torch.where(sizes < SIZES[3], math.pi / 3, math.pi / 5).double()
        sincs = sinc(sizes, sharpest + (math.pi - sharpest) * next(columns))
        limits = torch.tensor(list(accumulate(self.kernels))[:-1], dtype=torch.float64)
        kind = torch.bucketize(next(columns), limits, right=True)
        sigma_x, other = _between(next(columns), *self.sigma), _between(next(columns), *self.sigma)
        sigma_y = torch.where(kind % 2 == 0, sigma_x, other)
        theta = _between(next(columns), -math.pi, math.pi)
        above, share = next(columns) >= 0.5, next(columns)
        exponents = torch.where(kind < GAUSSIANS, 1.0, _around_one(above, share, self.gaussian_shape))
        gaussians = generalised_gaussian(sizes, sigma_x, sigma_y, theta, exponents)
        plateaus = plateau(sizes, sigma_x, sigma_y, theta, _around_one(above, share, self.plateau_shape))
        others = torch.where(_of_each(kind < GENERALISED), gaussians, plateaus)
        return torch.where(_of_each(is_sinc), sincs, others).float()


@dataclass(frozen=True)
class SecondPassParameters(PassParameters):
    """The same with the defaults of the paper's second pass."""

    blur: float = 0.8
    sigma: Range = (0.2, 1.5)
    resize: tuple[float, ...] = (0.3, 0.4, 0.3)
    factors: Range = (0.3, 1.2)
    gaussian_noise: Range = (1.0, 25.0)
    photon_noise: Range = (0.05, 2.5)


@dataclass(frozen=True)
class Degradation:
    """How images are made small and spoilt; the defaults are the paper's.

    Attributes:
        first: the first pass.
        second: the second pass.
        sinc: probability that the last filter is a sinc, not nothing.
        sharpen: whether images are sharpened before, as the targets of Real-ESRGAN's losses are.

    Raises:
        ValueError: sinc is no probability.
    """

    first: PassParameters = PassParameters()
    second: SecondPassParameters = SecondPassParameters()
    sinc: float = 0.8
    sharpen: bool = True

    draws: ClassVar[int] = 40
    """Random numbers that an image takes."""

    def __post_init__(self) -> None:
        _check_probability("sinc", self.sinc)

    def drawn(self, numbers: Tensor) -> Drawn:
        """Turn random numbers into what is done to N images.

        Row i settles what is done to image i, but for what all images of a tensor have in common: the sizes
        on the way, the modes, the kind of noise and the order are as the first row has them, as there is one
        draw of these for a batch in the authors' program too.

        Args:
            numbers: (N, draws) of float64 and uniform in [0, 1), such as those of
                `datamodules.loading.uniform_draws`.
        """
        columns = iter(numbers.double().T.contiguous())
        first, second = self.first.drawn(columns), self.second.drawn(columns)
        is_sinc, sizes = next(columns) < self.sinc, _sizes(columns)
        sincs = sinc(sizes, _between(next(columns), math.pi / 3, math.pi)).float()
        kernels = torch.where(_of_each(is_sinc), sincs, pulse(len(sizes)))
        mode = MODES[int(len(MODES) * next(columns)[0])]
        jpeg_last = bool(next(columns)[0] < 0.5)
        return Drawn(
            first, second, kernels, mode, jpeg_last, [int(2**53 * number) for number in next(columns)]
        )


def _sizes(columns: Columns) -> Tensor:
    return torch.tensor(SIZES)[(len(SIZES) * next(columns)).long()]


def _between(numbers: Tensor, low: float, high: float) -> Tensor:
    return low + (high - low) * numbers


def _around_one(above: Tensor, numbers: Tensor, limits: Range) -> Tensor:
    """Return exponents between 1 and the upper limit, or between the lower one and 1."""
    low, high = limits
    return torch.where(above, _between(numbers, 1, high), _between(numbers, low, 1))


def _of_each(chosen: Tensor) -> Tensor:
    """Return (N,) as (N, 1, 1), to stand beside kernels."""
    return chosen.view(-1, 1, 1)
