from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from gans.networks.joined import forward_joined, has_batch_statistics
from gans.networks.norms import Norm
from gans.networks.patch import PatchDiscriminator


class Counted(nn.Module):
    """Counts the forwards of a network."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.calls = 0

    def forward(self, images: Tensor) -> Tensor:
        self.calls += 1
        scores: Tensor = self.network(images)
        return scores


def counted(norm: Norm) -> Counted:
    return Counted(PatchDiscriminator(1, width=2, layers=1, norm=norm).double())


def images(count: int, size: int = 8) -> Tensor:
    return torch.randn(count, 1, size, size, dtype=torch.float64)


@pytest.mark.parametrize("norm", ["instance", "none"])
def test_one_forward_gives_what_separate_ones_give(norm: Norm) -> None:
    network, inputs = counted(norm), (images(2), images(3), images(1))
    outputs = forward_joined(network, *inputs)
    assert network.calls == 1
    assert isinstance(outputs, tuple)
    for output, alone in zip(outputs, inputs, strict=True):
        torch.testing.assert_close(output, network(alone), rtol=1e-12, atol=1e-12)


def test_batch_norm_in_training_sees_its_batches_apart() -> None:
    network, twin = counted("batch"), counted("batch")
    twin.load_state_dict(network.state_dict())
    inputs = (images(2), 5 + 3 * images(2))
    outputs = forward_joined(network, *inputs)
    assert network.calls == 2
    for output, alone in zip(outputs, inputs, strict=True):
        assert output.equal(twin(alone))
    for ours, theirs in zip(network.buffers(), twin.buffers(), strict=True):
        assert ours.equal(theirs)


def test_batch_norm_in_evaluation_is_joined() -> None:
    network = counted("batch").eval()
    forward_joined(network, images(2), images(2))
    assert network.calls == 1


def test_other_shapes_go_one_by_one() -> None:
    network = counted("instance")
    small, large = forward_joined(network, images(1, 8), images(1, 16))
    assert network.calls == 2
    assert small.shape[-1] < large.shape[-1]


@pytest.mark.parametrize(
    ("layer", "training", "evaluating"),
    [
        (nn.InstanceNorm2d(2), False, False),
        (nn.InstanceNorm2d(2, affine=True), False, False),
        (nn.InstanceNorm2d(2, track_running_stats=True), True, False),
        (nn.BatchNorm2d(2), True, False),
        (nn.BatchNorm2d(2, track_running_stats=False), True, True),
        (nn.SyncBatchNorm(2), True, False),
        (nn.GroupNorm(1, 2), False, False),
    ],
)
def test_which_norms_look_at_the_batch(layer: nn.Module, training: bool, evaluating: bool) -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 1), layer)
    assert has_batch_statistics(network) is training
    assert has_batch_statistics(network.eval()) is evaluating


class Labelled(nn.Module):
    """Scores an image by its mean and its label; counts its forwards."""

    calls = 0

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        self.calls += 1
        return images.mean((1, 2, 3)) + 10 * labels


def test_each_input_meets_the_labels() -> None:
    network, inputs, labels = Labelled(), (images(3), images(3)), torch.tensor([0, 1, 2])
    outputs = forward_joined(network, *inputs, labels=labels)
    assert network.calls == 1
    for output, alone in zip(outputs, inputs, strict=True):
        torch.testing.assert_close(output, network(alone, labels))
