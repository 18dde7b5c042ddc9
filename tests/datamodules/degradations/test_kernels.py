from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from support.degrading import RECORDED, array, entry
from torch import Tensor

from datamodules.degradations.kernels import generalised_gaussian, plateau, pulse, sinc

NAMED = [name for name in RECORDED.facts["entries"] if name.startswith("kernel/")]


def made(function: str, arguments: dict[str, Any]) -> Tensor:
    size = torch.tensor([arguments["kernel_size"]])
    largest = max(arguments.get("pad_to", 0), int(size))
    if function == "circular_lowpass_kernel":
        return sinc(size, torch.tensor([arguments["cutoff"]], dtype=torch.float64), largest)
    across = arguments["sig_x" if arguments["isotropic"] else "sig_y"]
    values = arguments["sig_x"], across, arguments["theta"], arguments.get("beta", 1.0)
    make = plateau if function == "bivariate_plateau" else generalised_gaussian
    sigma_x, sigma_y, theta, shape = torch.tensor([values], dtype=torch.float64).T
    return make(size, sigma_x, sigma_y, theta, shape, largest)


@pytest.mark.parametrize("name", NAMED)
def test_kernels_equal_the_official_ones(name: str) -> None:
    (kernel,) = made(entry(name)["function"], entry(name)["arguments"])
    torch.testing.assert_close(kernel, array(name), rtol=1e-11, atol=1e-14)


def test_kernels_of_several_sizes_are_those_of_each() -> None:
    sizes, cutoffs = torch.tensor([7, 21, 13]), torch.tensor([2.5, math.pi / 3, math.pi])
    together = sinc(sizes, cutoffs)
    for size, cutoff, kernel in zip(sizes, cutoffs, together, strict=True):
        (alone,) = sinc(size[None], cutoff[None], largest=int(size))
        margin = (21 - int(size)) // 2
        torch.testing.assert_close(kernel[margin : 21 - margin, margin : 21 - margin], alone)
        assert kernel.count_nonzero() == alone.count_nonzero()


def test_a_pulse_is_the_kernel_of_an_item_without_sinc() -> None:
    torch.testing.assert_close(pulse(1)[0].double(), array("dataset_item/1/sinc_kernel"))
