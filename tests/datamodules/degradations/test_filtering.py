from __future__ import annotations

import numpy as np
import pytest
import torch
from support.degrading import array
from support.parity import picture

from datamodules.degradations.filtering import SHARPENING_SIGMA, SHARPENING_TAPS, blur, gaussian, sharpen


def test_each_image_is_blurred_by_its_own_kernel() -> None:
    images = picture(2, 3, 12, 15)
    kernels = torch.stack([array("kernel/aniso"), array("kernel/sinc_21")]).float().double()
    torch.testing.assert_close(blur(images, kernels), array("filter2D/per_sample"), rtol=1e-11, atol=0)
    torch.testing.assert_close(blur(images, kernels[:1]), array("filter2D/one_for_all"), rtol=1e-11, atol=0)


@pytest.mark.parametrize(("weight", "threshold"), [(0.5, 10), (1.0, 5)])
def test_sharpening_equals_the_official_one(weight: float, threshold: float) -> None:
    height, width = 28, 34
    k = np.arange(3 * height * width)
    strength = np.where(k % width < 17, 0.45, 0.02)
    images = torch.from_numpy((0.5 + strength * np.sin(0.013 * k)).astype(np.float32)).double()
    sharp = sharpen(images.view(1, 3, height, width), weight, threshold)
    recorded = array(f"usm/weight{weight}_threshold{threshold}")
    torch.testing.assert_close(sharp, recorded, rtol=1e-10, atol=0)


def test_the_gaussian_of_sharpening_equals_opencvs() -> None:
    row = gaussian(SHARPENING_TAPS, SHARPENING_SIGMA)
    torch.testing.assert_close(row, array("usm/gaussian_51"), rtol=1e-11, atol=0)


@pytest.mark.parametrize("side", [1, 2, 5])
def test_images_smaller_than_a_kernel_are_mirrored_again_and_again(side: int) -> None:
    images = picture(1, 3, side, 40)
    padded = np.pad(
        images.numpy(), ((0, 0), (0, 0), (10, 10), (0, 0)), mode="reflect" if side > 1 else "edge"
    )
    torch.testing.assert_close(
        blur(images, torch.ones(1, 21, 1)),
        torch.from_numpy(padded).unfold(2, 21, 1).sum(dim=-1),
    )
    assert sharpen(images).shape == images.shape
