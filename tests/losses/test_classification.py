from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F

from gans.losses.classification import attribute_loss, domain_loss

LOGITS = torch.tensor([[1.0, -2.0, 0.5], [0.0, 3.0, -1.0]])
LABELS = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])


def test_attributes_are_summed_and_images_averaged() -> None:
    chances = torch.sigmoid(LOGITS)
    right = torch.where(LABELS == 1, chances, 1 - chances)
    torch.testing.assert_close(attribute_loss(LOGITS, LABELS), -right.log().sum() / 2)


def test_domains_exclude_each_other() -> None:
    one_hot = torch.eye(3)[[2, 1]]
    expected = F.cross_entropy(LOGITS, torch.tensor([2, 1]))
    torch.testing.assert_close(domain_loss(LOGITS, one_hot), expected)
    assert float(domain_loss(torch.zeros(1, 3), one_hot[:1])) == pytest.approx(math.log(3))


@pytest.mark.parametrize("loss", [attribute_loss, domain_loss])
def test_images_of_another_data_set_do_not_count(loss: Callable[..., torch.Tensor]) -> None:
    one_hot = torch.eye(3)[[2, 1]]
    logits = LOGITS.clone().requires_grad_()
    only_first = loss(logits, one_hot, torch.tensor([1.0, 0.0]))
    torch.testing.assert_close(only_first, loss(LOGITS[:1], one_hot[:1]) / 2)
    (gradient,) = torch.autograd.grad(only_first, logits)
    assert gradient[0].abs().sum() > 0
    assert gradient[1].abs().sum() == 0


def test_sixteen_bits_are_widened() -> None:
    loss = attribute_loss(LOGITS.bfloat16(), LABELS)
    assert loss.dtype == torch.float32
