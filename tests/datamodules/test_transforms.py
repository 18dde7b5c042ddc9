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
        ("zoom_and_crop", (1152, 512), (1152, 512)),  # 16 times the window; evaluated as large as that
    ],
)
def test_sizes_of_oblong_images(kind: Any, training: tuple[int, int], evaluation: tuple[int, int]) -> None:
    preprocess = Preprocess(kind, size=32)
    assert preprocess.for_training(image(90, 40)).shape == (3, *training)
    assert preprocess.for_evaluation(image(90, 40)).shape == (3, *evaluation)


def test_flat_images_are_scaled_no_lower_than_the_window() -> None:
    assert Preprocess("scale_width_and_crop", size=32).for_training(image(10, 100)).shape == (3, 32, 36)


def zooming(size: int = 8, **options: Any) -> Preprocess:
    return Preprocess("zoom_and_crop", size, 48, **options)


def test_a_window_that_is_not_zoomed_is_a_plain_slice() -> None:
    whole = image(60, 48)
    draws = torch.tensor([[0.0, ALMOST_ONE, 0.0, 0.0, 0.0]], dtype=torch.float64)
    (window,) = zooming().zoomed([whole], draws)
    assert torch.equal(window, whole[:, :8, -8:])
    assert torch.equal(zooming().augmentation([window], draws)(window[None])[0], window.flip(2))


def test_a_zoomed_window_is_that_of_the_scaled_picture() -> None:
    whole = image(60, 48)
    draws = torch.tensor([[0.5, 0.5, 0.0, ALMOST_ONE, ALMOST_ONE]], dtype=torch.float64)
    (window,) = zooming().zoomed([whole], draws)
    scaled = resize(whole, 20, 16)
    top, left = int(0.5 * (60 - 24 + 1)) // 3, int(0.5 * (48 - 24 + 1)) // 3
    expected = scaled[:, top : top + 8, left : left + 8]
    assert (window.int() - expected.int())[:, 2:-2, 2:-2].abs().max() <= 1


def test_zooms_are_uniform_along_each_axis() -> None:
    ramps = torch.stack([torch.arange(60.0)[:, None].expand(60, 48), torch.arange(48.0).expand(60, 48)]) / 60
    draws = torch.rand(600, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    windows = torch.stack(zooming().zoomed([ramps] * 600, draws))
    down, across = windows[:, 0, :, 4], windows[:, 1, 4]
    for steps in (down[:, 5] - down[:, 2], across[:, 5] - across[:, 2]):
        scales = 3 / (60 * steps)
        assert 1 / 3 - 0.01 < scales.min() < 0.36
        assert 0.95 < scales.max() < 1.01
        assert (scales.mean() - 2 / 3).abs() < 0.03
        assert (scales.std() - (2 / 3) / 12**0.5).abs() < 0.02
    both = torch.stack([down[:, 5] - down[:, 2], across[:, 5] - across[:, 2]])
    assert torch.corrcoef(both)[0, 1].abs() < 0.15  # each axis by itself


def test_small_pictures_are_zoomed_no_lower_than_the_window() -> None:
    flat = zooming(32).for_training(image(10, 100))
    assert flat.shape == (3, 32, 48)
    (window,) = zooming(32).zoomed([flat], torch.full((1, 5), ALMOST_ONE, dtype=torch.float64))
    assert torch.equal(window, resize(flat, 32, 32))


def test_other_kinds_zoom_nothing() -> None:
    whole = image(60, 48)
    (same,) = Preprocess("crop", 8).zoomed([whole], torch.rand(1, 5))
    assert same is whole


def test_whole_images_have_the_size_of_the_window() -> None:
    preprocess = Preprocess(size=8, load_size=12, windows_until=0.5)
    assert preprocess.ends_windows
    assert preprocess.whole.for_training(image(20, 40)).shape == (3, 8, 8)
    assert preprocess.whole.flip
    assert not preprocess.whole.ends_windows
    assert not Preprocess(size=8, load_size="size", windows_until=0.5).ends_windows


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_windows_end_at_a_share_of_the_epochs(share: float) -> None:
    with pytest.raises(ValueError, match=rf"windows_until: {share} is a share of the epochs, from 0 to 1"):
        Preprocess(windows_until=share)


@pytest.mark.parametrize("kind", ["scale_width", "scale_width_and_crop", "crop", "none", "zoom_and_crop"])
def test_windows_end_where_images_have_one_size_without_them(kind: Any) -> None:
    with pytest.raises(ValueError, match=rf"windows_until: 0.5 .* resize_and_crop instead of {kind}"):
        Preprocess(kind, windows_until=0.5)


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


def resized(size: int = 32, **settings: Any) -> Preprocess:
    return Preprocess("resized_crop", size, **settings)


def test_resized_crops_are_nearly_the_whole_and_every_second_one_is() -> None:
    """Area and shape of windows, from which a ramp is told: its slope is that of what was resized."""
    rows, columns = torch.meshgrid(torch.linspace(-1, 1, 200), torch.linspace(-1, 1, 200), indexing="ij")
    ramps = torch.stack([rows, columns])
    draws = torch.rand(400, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    windows = torch.stack(resized().zoomed([ramps] * 400, draws))
    assert windows.shape == (400, 2, 32, 32)
    heights = (windows[:, 0, 24, 16] - windows[:, 0, 8, 16]) / (2 * 16 / 32)
    widths = (windows[:, 1, 16, 24] - windows[:, 1, 16, 8]) / (2 * 16 / 32)
    whole = draws[:, 5] >= 0.5
    torch.testing.assert_close(heights[whole], torch.ones(int(whole.sum())), atol=0.02, rtol=0)
    area, shape = heights[~whole] * widths[~whole], widths[~whole] / heights[~whole]
    assert 0.78 < area.min() < 0.82
    assert 0.95 < area.max() < 1.02
    assert 0.88 < shape.min() < 0.93
    assert 1.07 < shape.max() < 1.12
    middles = windows[~whole, :, 15:17, 15:17].mean((2, 3))
    assert middles.min() < -0.05
    assert middles.max() > 0.05


def test_resized_crops_make_squares_of_all_pictures() -> None:
    preprocess, oblong = resized(), torch.zeros(3, 40, 80)
    assert (preprocess.before_crop, preprocess.evaluated) == (32, 32)
    assert preprocess.for_training(oblong).shape == preprocess.for_evaluation(oblong).shape == (3, 32, 32)
    assert resized(load_size="3/2").for_training(oblong).shape == (3, 48, 48)
