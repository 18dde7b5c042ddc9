from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from datamodules.multi_domain.attributes import Attributes
from datamodules.multi_domain.batches import MultiDomainBatch
from gans.losses.classification import attribute_loss, classification, domain_loss
from gans.metrics.attribute_classifier import AttributeClassifier

TWO = Attributes([["bright", "wide"], ["cat", "dog"]], [["cat", "dog"]])
LABELS = torch.tensor([[1.0, 1, 0, 0], [0, 0, 0, 1]])


def test_attributes_and_domains_of_two_data_sets_each_have_their_loss() -> None:
    logits = torch.randn(2, 4, generator=torch.Generator().manual_seed(0))
    loss = classification(TWO.groups, logits, LABELS, torch.eye(2))
    attributes = attribute_loss(logits[:1, :2], LABELS[:1, :2]) / 2
    domains = domain_loss(logits[1:, 2:], LABELS[1:, 2:]) / 2
    torch.testing.assert_close(loss, attributes + domains)


def pictures(labels: Tensor) -> Tensor:
    """Return pictures whose first channel is bright where the first attribute is there."""
    shown = torch.rand(len(labels), 3, 16, 16, generator=torch.Generator().manual_seed(0)) - 0.5
    shown[:, 0] += labels[:, 0, None, None] - 0.5
    return shown


def test_it_learns_to_see_an_attribute() -> None:
    torch.manual_seed(0)
    classifier = AttributeClassifier([["bright"]], [], image_size=16)
    labels = (torch.arange(16.0) % 2)[:, None]
    batch = MultiDomainBatch(pictures(labels), labels, torch.ones(16, 1))
    optimizer: Any = classifier.configure_optimizers()
    for _ in range(10):
        optimizer.zero_grad()
        classifier.training_step(batch, 0).backward()
        optimizer.step()
    other = labels.flip(0)
    seen = classifier.recognise(pictures(other))
    assert float((seen == other).float().mean()) > 0.9


@pytest.mark.parametrize("size", [16, 96])
@pytest.mark.parametrize("channels", [1, 3])
def test_images_of_any_size_and_channels_have_one_answer(size: int, channels: int) -> None:
    classifier = AttributeClassifier([["a", "b"]], [], channels, size)
    assert classifier(torch.rand(2, channels, size, size)).shape == (2, 2)


def test_accuracy_counts_only_what_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    classifier = AttributeClassifier([["bright", "wide"], ["cat", "dog"]], [["cat", "dog"]])
    logged = {}
    monkeypatch.setattr(classifier, "recognise", lambda _: torch.tensor([[1.0, 0, 1, 0], [1, 1, 1, 0]]))
    monkeypatch.setattr(classifier, "log", lambda name, value, **_: logged.update({name: float(value)}))
    classifier.validation_step(MultiDomainBatch(torch.zeros(2, 3, 8, 8), LABELS, torch.eye(2)), 0)
    assert logged == {
        f"val/accuracy/{name}": right for name, right in zip(TWO.flat, [1, 0, 0, 0], strict=True)
    }
