from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gans.metrics.inception_score import inception_score


def certain(classes: list[int], count: int = 4) -> Tensor:
    """Return logits of images that are of one class for sure."""
    return torch.nn.functional.one_hot(torch.tensor(classes), count) * 200.0


def test_all_classes_for_sure_score_their_number() -> None:
    assert inception_score(certain([0, 1, 2, 3]), splits=1) == pytest.approx((4, 0))


def test_images_all_alike_or_all_unclear_score_1() -> None:
    assert inception_score(certain([2, 2, 2]), splits=1).mean == pytest.approx(1)
    assert inception_score(torch.full((3, 1008), 7.5), splits=1).mean == pytest.approx(1, abs=1e-12)


def test_splits_are_scored_by_themselves() -> None:
    # Two classes in the first split, one in the second: 2 and 1; in one split 3 to 1 of two classes.
    logits = certain([0, 1, 1, 1])
    assert inception_score(logits, splits=2) == pytest.approx((1.5, 0.5))
    entropy = -torch.tensor([0.75, 0.25]).double().log() @ torch.tensor([0.75, 0.25]).double()
    assert inception_score(logits, splits=1) == pytest.approx((float(entropy.exp()), 0))


def test_score_is_that_of_torch_fidelity() -> None:
    from torch_fidelity.metric_isc import isc_features_to_metric

    logits = 3 * torch.randn(40, 20, generator=torch.Generator().manual_seed(0))
    expected = isc_features_to_metric(logits, splits=4, shuffle=False)
    mean, deviation = inception_score(logits, splits=4)
    assert mean == pytest.approx(expected["inception_score_mean"], rel=1e-9)
    assert deviation == pytest.approx(expected["inception_score_std"], rel=1e-9)


def test_fewer_images_than_splits_are_refused() -> None:
    with pytest.raises(ValueError, match="3 images cannot be cut into 10 splits"):
        inception_score(certain([0, 1, 2]), splits=10)
