from __future__ import annotations

import pytest
import torch
from support.parity import assert_parity
from torch import Tensor, nn

from gans.networks.multiscale import MultiScaleDiscriminator


class Recorded(nn.Module):
    """A discriminator with the outputs that were recorded of the official one."""

    def __init__(self) -> None:
        super().__init__()
        self.network = MultiScaleDiscriminator(3)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return {f"out_{scale}": scores for scale, scores in enumerate(self.network(images))}


def test_every_scale_equals_the_official_one() -> None:
    assert_parity(Recorded(), "munit_dis", "eval")


def test_batches_share_a_forward_where_their_sizes_agree() -> None:
    network = MultiScaleDiscriminator(3, width=2, layers=2, scales=2)
    sizes: list[int] = []
    for judge in network.judges:
        judge.register_forward_pre_hook(lambda _, entering: sizes.append(len(entering[0])))
    one, two, larger = torch.randn(2, 3, 16, 16), torch.randn(3, 3, 16, 16), torch.randn(1, 3, 20, 16)
    together = network.scores(one, two)
    assert sizes == [5, 5]
    for scale, alone in enumerate(network(two)):
        torch.testing.assert_close(together[scale][1], alone)
    sizes.clear()
    network.scores(one, larger)
    assert sizes == [2, 1, 2, 1]


@pytest.mark.parametrize(("layers", "scales", "smallest"), [(4, 3, 61), (2, 2, 7), (1, 1, 2)])
def test_the_smallest_size_is_the_smallest_that_passes(layers: int, scales: int, smallest: int) -> None:
    network = MultiScaleDiscriminator(1, width=1, layers=layers, scales=scales)
    assert network.smallest_size == smallest
    assert len(network(torch.randn(1, 1, smallest, smallest))) == scales
    wrong = torch.randn(1, 1, smallest + 5, smallest - 1)
    with pytest.raises(ValueError, match=f"at least {smallest}x{smallest}.*fewer scales"):
        network(wrong)
    network.smallest_size = 0
    with pytest.raises(RuntimeError):
        network(wrong)


def test_wrong_numbers_are_named() -> None:
    with pytest.raises(ValueError, match="scales 0"):
        MultiScaleDiscriminator(3, scales=0)
