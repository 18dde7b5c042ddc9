from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from support.pictures import random_pixels
from torch import Tensor

from datamodules.transforms import (
    Augmentation,
    Preprocess,
    resize,
    stack_equal,
    stack_padded,
    to_unit_range,
)

ALMOST_ONE = 1 - 1e-9


def image(height: int, width: int, channels: int = 3, seed: int = 0) -> Tensor:
    return torch.from_numpy(random_pixels(height, width, channels, seed)).permute(2, 0, 1)


def test_cutting_and_mirroring_equal_a_plain_slice() -> None:
    images = torch.stack([image(9, 11, seed=seed) for seed in range(4)])
    top, left, flip = [0, 2, 5, 3], [0, 6, 1, 4], [False, True, False, True]
    cut = Augmentation(torch.tensor(top), torch.tensor(left), torch.tensor(flip), 4, 5)(images)
    assert cut.shape == (4, 3, 4, 5)
    assert cut.dtype == torch.uint8
    for i in range(4):
        window = images[i, :, top[i] : top[i] + 4, left[i] : left[i] + 5]
        assert torch.equal(cut[i], window.flip(2) if flip[i] else window)


def test_windows_reach_all_corners_and_never_the_padding() -> None:
    preprocess = Preprocess("crop", size=8, flip=False)
    images = [image(8, 20), image(15, 9, seed=1)]
    batch = stack_padded(images)
    assert batch.shape == (2, 3, 15, 20)
    first = preprocess.augmentation(images, torch.zeros(2, 3))
    last = preprocess.augmentation(images, torch.full((2, 3), ALMOST_ONE, dtype=torch.float64))
    for i, whole in enumerate(images):
        assert torch.equal(first(batch)[i], whole[:, :8, :8])
        assert torch.equal(last(batch)[i], whole[:, -8:, -8:])


def test_offsets_are_uniform() -> None:
    draws = torch.rand(4000, 3, generator=torch.Generator().manual_seed(0))
    augmentation = Preprocess("crop", size=8).augmentation([image(10, 11)] * 4000, draws)
    for offsets, choices in ((augmentation.top, 3), (augmentation.left, 4), (augmentation.flip.long(), 2)):
        shares = torch.bincount(offsets) / 4000
        assert len(shares) == choices
        assert (shares - 1 / choices).abs().max() < 0.03


def test_mirroring_can_be_switched_off() -> None:
    draws = torch.zeros(2, 3)
    assert Preprocess("crop", size=8).augmentation([image(9, 9)] * 2, draws).flip.all()
    assert not Preprocess("crop", size=8, flip=False).augmentation([image(9, 9)] * 2, draws).flip.any()


@pytest.mark.parametrize(
    ("kind", "training", "evaluation"),
    [
        ("resize_and_crop", (36, 36), (32, 32)),
        ("scale_width", (72, 32), (72, 32)),
        ("scale_width_and_crop", (81, 36), (72, 32)),
        ("crop", (90, 40), (88, 40)),  # whole images have sides that divide by four
        ("none", (88, 40), (88, 40)),
    ],
)
def test_sizes_of_oblong_images(kind: Any, training: tuple[int, int], evaluation: tuple[int, int]) -> None:
    preprocess = Preprocess(kind, size=32)
    assert preprocess.for_training(image(90, 40)).shape == (3, *training)
    assert preprocess.for_evaluation(image(90, 40)).shape == (3, *evaluation)


def test_flat_images_are_scaled_no_lower_than_the_window() -> None:
    assert Preprocess("scale_width_and_crop", size=32).for_training(image(10, 100)).shape == (3, 32, 36)


def test_load_size_is_as_official() -> None:
    assert Preprocess(size=256).before_crop == 286
    assert Preprocess(size=256, load_size=300).before_crop == 300
    assert [Preprocess(size=size, load_size="76/64").before_crop for size in (64, 128, 100)] == [76, 152, 119]
    with pytest.raises(ValueError, match="load_size: '76:64' is unknown"):
        Preprocess(load_size="76:64")
    assert Preprocess("scale_width", size=256).before_crop == 256


def test_impossible_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="size: 1 must be at least 2 pixels"):
        Preprocess(size=1)
    assert Preprocess(size=2).for_training(image(20, 40)).shape == (3, 2, 2)
    with pytest.raises(ValueError, match="load_size: 100 is smaller than size: 128"):
        Preprocess(size=128, load_size=100)
    with pytest.raises(ValueError, match=r"preprocess: 'squash' is unknown; resize_and_crop, .*none"):
        Preprocess("squash")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"40x20 pixels are too few for a window of 32"):
        Preprocess("crop", size=32).for_training(image(20, 40))


def test_resizing_is_pillows_bicubic_for_any_channels() -> None:
    pixels = random_pixels(40, 30)
    expected = np.asarray(Image.fromarray(pixels).resize((17, 23), Image.Resampling.BICUBIC)).astype(int)
    ours = resize(torch.from_numpy(pixels).permute(2, 0, 1), 23, 17)
    assert np.abs(ours.permute(1, 2, 0).numpy() - expected).max() <= 1
    five = torch.cat([torch.from_numpy(pixels).permute(2, 0, 1)] * 2)[:5]
    assert torch.equal(resize(five, 23, 17)[:3], ours)


def test_resizing_deep_images_stays_within_their_range() -> None:
    edge = torch.full((1, 16, 16), -1.0)
    edge[:, :, 8:] = 1.0
    small = resize(edge, 16, 9)
    assert small.dtype == torch.float32
    assert small.min() == -1
    assert small.max() == 1


def test_unit_range() -> None:
    scaled = to_unit_range(torch.tensor([0, 255, 51], dtype=torch.uint8))
    assert torch.allclose(scaled, torch.tensor([-1.0, 1.0, -0.6]))
    deep = torch.tensor([0.3])
    assert to_unit_range(deep) is deep


@pytest.mark.parametrize("stack", [stack_padded, lambda images: stack_equal(images, ["a", "b"])])
def test_8_bit_and_deeper_images_share_a_batch(stack: Any) -> None:
    eight = image(4, 4)
    batch = stack([eight, torch.zeros(3, 4, 4)])
    assert torch.equal(batch[0], to_unit_range(eight))
    assert (batch[1] == 0).all()


def test_whole_images_of_two_sizes_share_no_batch() -> None:
    with pytest.raises(
        ValueError, match=r"a\.png \(5x4\) and b\.png \(5x6\) cannot share.*eval_batch_size to 1"
    ):
        stack_equal([image(4, 5), image(6, 5)], ["a.png", "b.png"])
