from __future__ import annotations

import pytest
import torch
from support.parity import assert_parity
from torch import Tensor

from gans.networks.norms import Norm
from gans.networks.patch import RECEPTIVE_FIELDS, ImageDiscriminator, PatchDiscriminator, layers_for_patch


@pytest.mark.parametrize("mode", ["eval", "train"])
@pytest.mark.parametrize(("name", "layers"), [("nlayer_d_n3_batch", 3), ("pixel_d_batch", 0)])
def test_equals_the_official_network(name: str, layers: int, mode: str) -> None:
    assert_parity(PatchDiscriminator(6, layers=layers, norm="batch"), name, mode)


def test_cut_s_discriminator_equals_the_official_network() -> None:
    network = PatchDiscriminator(3, width=8, downsampling="antialiased")
    assert_parity(network, "cut_patchgan_antialias", "eval")


def seen_by_one_score(network: PatchDiscriminator, size: int) -> Tensor:
    """Return which of the pixels of a square image bear on the score in the middle."""
    for parameter in network.parameters():
        torch.nn.init.constant_(parameter, 0.1)  # all positive: no gradient cancels
    images = torch.ones(1, 1, size, size, requires_grad=True)
    scores = network(images)
    middle = scores.shape[-1] // 2
    (gradient,) = torch.autograd.grad(scores[0, 0, middle, middle], images)
    return gradient[0, 0] != 0


@pytest.mark.parametrize("patch", RECEPTIVE_FIELDS)
def test_a_score_sees_a_patch_of_the_stated_size(patch: int) -> None:
    network = PatchDiscriminator(1, width=1, layers=layers_for_patch(patch), norm="none")
    seen = seen_by_one_score(network, size=2 * patch + 64)
    assert (int(seen.any(0).sum()), int(seen.any(1).sum())) == (patch, patch)


def test_layers_of_the_paper_s_patches() -> None:
    assert [layers_for_patch(patch) for patch in (1, 16, 34, 70, 142, 286)] == [0, 1, 2, 3, 4, 5]
    with pytest.raises(ValueError, match=r"64 pixels.*1, 16, 34, 70, 142, 286"):
        layers_for_patch(64)


@pytest.mark.parametrize("norm", ["instance", "batch", "none"])
@pytest.mark.parametrize("layers", range(6))
def test_smallest_size_passes_and_a_smaller_one_is_refused(layers: int, norm: Norm) -> None:
    network = PatchDiscriminator(1, width=1, layers=layers, norm=norm)
    smallest = network.smallest_size
    assert network(torch.randn(2, 1, smallest, smallest + 5)).shape[-2] == 1
    if layers:
        with pytest.raises(ValueError, match=f"at least {smallest}x{smallest} pixels, got {smallest - 1}x"):
            network(torch.randn(2, 1, smallest - 1, 2 * smallest))


@pytest.mark.parametrize("layers", [-1, 6])
def test_unknown_number_of_layers_is_refused(layers: int) -> None:
    with pytest.raises(ValueError, match=f"0 to 5, got {layers}"):
        PatchDiscriminator(3, layers=layers)


@pytest.mark.parametrize(("channels", "width"), [(0, 8), (3, -2)])
def test_no_channels_are_refused(channels: int, width: int) -> None:
    with pytest.raises(ValueError, match=f"1 or more, got {channels} and {width}"):
        PatchDiscriminator(channels, width)


@pytest.mark.parametrize("size", [8, 31, 32, 48])
def test_the_whole_image_bears_on_its_one_score(size: int) -> None:
    network = ImageDiscriminator(1, image_size=size, width=2, norm="none")
    images = torch.randn(1, 1, size, size, requires_grad=True)
    score = network(images)
    assert score.shape == (1, 1, 1, 1)
    (gradient,) = torch.autograd.grad(score.sum(), images)
    assert bool((gradient != 0).all())


def test_the_whole_image_discriminator_states_its_sizes() -> None:
    with pytest.raises(ValueError, match="8 or more, got 7"):
        ImageDiscriminator(3, image_size=7)
    network = ImageDiscriminator(1, image_size=16, width=1)
    assert network(torch.randn(1, 1, 32, 16)).shape == (1, 1, 5, 1)
    with pytest.raises(ValueError, match="at least 16x16 pixels, got 16x15"):
        network(torch.randn(1, 1, 16, 15))
