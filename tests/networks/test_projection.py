from __future__ import annotations

import numpy as np
import torch
from support.parity import fill, vectors
from torch import Tensor, nn

from gans.networks.norms import InstanceNorm2d
from gans.networks.projection import PatchProjection, places_drawn, rows_at


def test_the_projection_equals_the_official_one() -> None:
    recorded = vectors("cut_f_mlp_sample")
    shapes = recorded.facts["shapes"]
    network = PatchProjection([shape[1] for shape in shapes], width=12).double()
    fill(network)
    maps = [
        torch.from_numpy(np.sin(0.37 * np.arange(np.prod(shape)) + layer).astype(np.float32)).double()
        for layer, shape in enumerate(shapes)
    ]
    rows = [
        rows_at(features.view(*shape), torch.tensor(places))
        for features, shape, places in zip(maps, shapes, recorded.facts["positions"], strict=True)
    ]
    for layer, made in enumerate(network(rows)):
        theirs = recorded.arrays[f"layer_{layer}"]
        np.testing.assert_allclose(made.detach().flatten(0, 1).numpy(), theirs, rtol=1e-10, atol=1e-14)


def test_rows_of_mirrored_features_are_those_of_the_mirrored_places() -> None:
    features = torch.randn(2, 3, 4, 5)
    places = torch.tensor([0, 7, 19])
    assert rows_at(features.flip(-1), places, mirrored=True).equal(rows_at(features, places))
    assert rows_at(features, places)[1, 1].equal(features[1, :, 1, 2])


def test_gradients_through_sampled_patches_are_right_for_a_single_image() -> None:
    network = nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), InstanceNorm2d(3)).double()
    places = torch.tensor([3, 8, 1])

    def sampled(images: Tensor) -> Tensor:
        return rows_at(network(images), places)

    images = torch.randn(1, 2, 4, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(sampled, (images,))


def test_places_differ_and_are_as_many_as_there_are() -> None:
    features = torch.zeros(1, 1, 3, 4)
    drawn = places_drawn(features, 5, torch.Generator().manual_seed(0))
    assert len(set(drawn.tolist())) == 5
    assert sorted(places_drawn(features, 50, torch.Generator()).tolist()) == list(range(12))
