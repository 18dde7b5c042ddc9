from __future__ import annotations

import pytest
import torch
from support.degrading import array
from support.parity import picture

from datamodules.degradations.resizing import ResizeMode, resize_by, resize_to


@pytest.mark.parametrize("mode", ["area", "bilinear", "bicubic"])
def test_every_mode_equals_the_official_one(mode: ResizeMode) -> None:
    images = picture(1, 3, 15, 17)
    for factor in (0.37, 1.31):
        made = resize_by(images, factor, mode)
        torch.testing.assert_close(made, array(f"resize/{mode}_x{factor}"), rtol=1e-11, atol=1e-13)
    made = resize_to(images, 11, 19, mode)
    torch.testing.assert_close(made, array(f"resize/{mode}_size"), rtol=1e-11, atol=1e-13)
