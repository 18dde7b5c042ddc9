from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from datamodules import Points
from datamodules.images.batches import ImageBatch
from datamodules.points import PREVIEW


def epoch(data: Points, number: int = 0) -> list[ImageBatch]:
    loader = data.train_dataloader()
    assert hasattr(loader.sampler, "set_epoch")
    loader.sampler.set_epoch(number)
    return [batch.finish() for batch in loader]


def by_name(batches: list[ImageBatch]) -> dict[str, Tensor]:
    return {name: point for batch in batches for name, point in zip(batch.names, batch.images, strict=True)}


@pytest.mark.parametrize(("name", "count", "std"), [("ring", 8, 0.01), ("grid", 25, 0.05)])
def test_points_lie_about_all_modes(name: Any, count: int, std: float) -> None:
    data = Points(name, test_count=4000)
    modes, points = data.modes, data.preview(4000).images.flatten(1)
    assert modes is not None
    assert (modes.shape, data.mode_std) == ((count, 2), std)
    distances, nearest = torch.cdist(points, modes).min(1)
    assert distances.max() < 5.5 * std
    offsets = points - modes[nearest]
    assert torch.allclose(offsets.std(0), torch.full((2,), std), rtol=0.05)
    assert torch.allclose(offsets.mean(0), torch.zeros(2), atol=0.06 * std)
    share = nearest.bincount(minlength=count) / 4000
    assert torch.allclose(share, torch.full((count,), 1 / count), atol=0.02)


def test_the_modes_are_those_of_the_papers() -> None:
    ring, grid = Points("ring").modes, Points("grid").modes
    assert ring is not None
    assert grid is not None
    turned = torch.stack(
        [ring[:, 0] * math.sqrt(0.5) - ring[:, 1] * math.sqrt(0.5), ring.sum(1) * 0.5**0.5], 1
    )
    assert torch.allclose(turned, ring.roll(-1, 0), atol=1e-6)  # an eighth of a turn leads to the next
    assert torch.equal(ring[0], torch.tensor([1.0, 0.0]))
    assert {tuple(mode) for mode in grid.tolist()} == {
        (x, y) for x in range(-4, 5, 2) for y in range(-4, 5, 2)
    }


def test_the_spiral_is_two_turns_of_an_even_arm() -> None:
    data = Points("spiral", test_count=4000)
    assert data.modes is None
    points = data.preview(4000).images.flatten(1)
    arm = torch.linspace(0, 1, 2000).sqrt()
    places = torch.stack([arm * (2 * math.tau * arm).cos(), arm * (2 * math.tau * arm).sin()], 1)
    distances, nearest = torch.cdist(points, places).min(1)
    assert distances.max() < 5.5 * data.mode_std
    assert torch.allclose((nearest // 500).bincount() / 4000, torch.full((4,), 0.25), atol=0.03)


def test_batches_are_images_of_one_pixel() -> None:
    data = Points(count=40, batch_size=16)
    assert (data.channels, data.image_size, data.classes) == (2, 1, 0)
    batches = epoch(data)
    assert [batch.images.shape for batch in batches] == [(16, 2, 1, 1)] * 2
    assert all(batch.images.dtype == torch.float32 and batch.labels is None for batch in batches)


def test_points_depend_on_seed_epoch_and_index_alone() -> None:
    small, large = (Points(count=64, batch_size=size) for size in (8, 32))
    first = by_name(epoch(small))
    assert len(first) == 64
    other = by_name(epoch(large))
    assert all(torch.equal(point, other[name]) for name, point in first.items())
    more = by_name(epoch(Points(count=128, batch_size=8)))
    assert all(torch.equal(point, more[name]) for name, point in first.items())
    for another in (epoch(small, 1), epoch(Points(count=64, batch_size=8, seed=1))):
        assert not any(torch.equal(point, first[name]) for name, point in by_name(another).items())


def test_held_out_points_occur_once_and_are_no_training_points() -> None:
    data = Points(test_count=21, eval_batch_size=8, count=64)
    batches = [batch.finish() for batch in data.val_dataloader()]
    assert [len(batch.images) for batch in batches] == [8, 8, 5]
    held_out = by_name(batches)
    assert sorted(held_out) == [f"test-{row:06d}" for row in range(21)]
    again = by_name([batch.finish() for batch in Points(test_count=21, seed=7).test_dataloader()])
    assert all(torch.equal(point, again[name]) for name, point in held_out.items())
    trained = torch.cat([batch.images for batch in epoch(data)])
    assert not any((trained == point).all(1).any() for point in held_out.values())


def test_a_preview_is_enough_for_a_picture() -> None:
    data = Points(test_count=5)
    preview = data.preview(4)
    assert len(preview.images) == PREVIEW == len(set(preview.names))
    assert torch.equal(preview.images[:5], data.held_out(5))
    assert torch.equal(data.preview(4).images, preview.images)


def test_workers_can_be_spawned() -> None:
    sent = pickle.loads(pickle.dumps(Points(count=8, batch_size=4).train_dataloader().batches))
    np.testing.assert_array_equal(
        sent[[(0, 3)]].batch.images, by_name(epoch(Points(count=8, batch_size=4)))["train-000003"][None]
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"distribution": "star"}, "distribution: 'star' is unknown; ring, grid and spiral are"),
        ({"count": 0}, "count: 0"),
        ({"test_count": 0}, "test_count: 0"),
        ({"batch_size": 0}, "batch_size: 0"),
    ],
)
def test_bad_arguments_are_named_at_once(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Points(**options)


def test_predict_is_refused() -> None:
    with pytest.raises(ValueError, match="Points has none"):
        Points().predict_dataloader()
