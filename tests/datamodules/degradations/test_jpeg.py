from __future__ import annotations

import numpy as np
import pytest
import torch
from support.degrading import RECORDED, array
from support.parity import picture
from torch import Tensor

from datamodules.degradations.jpeg import CHROMINANCE, LUMINANCE, jpeg, smooth_round

IMAGES = picture(2, 3, 18, 20)


def quality(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def test_tables_are_the_official_ones() -> None:
    assert np.array_equal(RECORDED.arrays["jpeg/y_table"], LUMINANCE)
    assert np.array_equal(RECORDED.arrays["jpeg/c_table"], CHROMINANCE)


def test_every_image_has_its_own_quality() -> None:
    given = quality(20, 73.5)
    torch.testing.assert_close(jpeg(IMAGES, given), array("jpeg/per_sample"), rtol=0, atol=1e-10)
    assert torch.equal(given, quality(20, 73.5))


@pytest.mark.parametrize("level", [10, 50, 95])
def test_every_quality_equals_the_official_one(level: int) -> None:
    made = jpeg(IMAGES[:1], quality(level))
    torch.testing.assert_close(made, array(f"jpeg/scalar_{level}"), rtol=0, atol=1e-10)


def test_smooth_rounding_has_the_official_gradient() -> None:
    images = IMAGES[:1].clone().requires_grad_()
    made = jpeg(images, quality(40), smooth_round)
    torch.testing.assert_close(made, array("jpeg/differentiable"), rtol=0, atol=1e-10)
    weights = torch.from_numpy(np.cos(0.013 * np.arange(made.numel()))).view(made.shape)
    (made * weights).sum().backward()
    torch.testing.assert_close(images.grad, array("jpeg/differentiable_gradient"), rtol=0, atol=1e-8)


def test_grey_images_are_refused() -> None:
    with pytest.raises(ValueError, match="3 channels"):
        jpeg(IMAGES[:, :1], quality(50, 50))
