from __future__ import annotations

import numpy as np
import pytest
import torch

from gans.losses.reconstruction import l1


def test_l1_is_the_mean_absolute_difference() -> None:
    first = torch.randn(2, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    second = torch.randn(2, 3, 4, 4, dtype=torch.float64)
    expected = np.abs(first.detach().numpy() - second.numpy()).mean()
    assert float(l1(first, second).detach()) == pytest.approx(expected)
    assert torch.autograd.gradcheck(lambda images: l1(images, second), (first,))


def test_l1_refuses_to_stretch() -> None:
    with pytest.raises(ValueError, match=r"\(1, 3, 4, 4\) and \(2, 3, 4, 4\)"):
        l1(torch.zeros(1, 3, 4, 4), torch.zeros(2, 3, 4, 4))
