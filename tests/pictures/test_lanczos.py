"""Pictures in another size: against an independent program, and against what the kernel promises."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from gans.pictures.lanczos import resized, sides_of
from gans.srresnet import SRResNet

Array = np.ndarray[Any, Any]


def kernel(distance: float) -> float:
    """Return Lanczos's window of four lobes at a distance in pixels."""
    if abs(distance) >= 4:
        return 0.0
    x = np.pi * distance
    return 1.0 if distance == 0 else float(4 * np.sin(x) * np.sin(x / 4) / x**2)


def one_by_one(line: Array, new: int) -> Array:
    """Resize a line pixel by pixel, as the formula reads."""
    old, made = len(line), np.zeros(new)
    for pixel in range(new):
        centre = (pixel + 0.5) * old / new - 0.5
        taps = np.arange(int(np.floor(centre)) - 3, int(np.floor(centre)) + 5)
        weights = np.array([kernel(centre - tap) for tap in taps])
        made[pixel] = (line[taps.clip(0, old - 1)] * weights).sum() / weights.sum()
    return made


@pytest.mark.parametrize(("height", "width"), [(7, 25), (150, 3), (11, 9), (1, 1)])
def test_each_axis_is_what_the_formula_says(height: int, width: int) -> None:
    image = np.random.default_rng(0).normal(size=(11, 9, 2))
    wide = np.apply_along_axis(one_by_one, 1, image, width)
    np.testing.assert_allclose(
        resized(image, height, width), np.apply_along_axis(one_by_one, 0, wide, height), atol=1e-12
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_even_pictures_stay_even_and_the_same_size_the_same(dtype: Any) -> None:
    even = np.full((5, 6, 3), 200, dtype)
    assert (resized(even, 13, 4) == 200).all()
    image = np.random.default_rng(0).integers(0, 255, (70, 9)).astype(dtype)
    np.testing.assert_allclose(resized(image, 70, 9), image, rtol=0, atol=1e-9)
    edge = np.zeros((4, 40), dtype)
    edge[:, 20:] = 255 if dtype == np.uint8 else 65535
    assert resized(edge, 4, 100).max() >= edge.max()  # the kernel swings over; integers are kept in range
    assert resized(edge, 4, 100).dtype == dtype


def test_sizes_are_cut_off_as_the_authors_do() -> None:
    assert sides_of((40, 48), 4, 3.5) == (35, 42)
    assert sides_of((40, 44), 4, 1.19) == (11, 13)
    assert sides_of((4, 4), 4, 0.1) == (1, 1)


def test_python_gives_the_size_that_is_asked_for_in_every_form() -> None:
    torch.manual_seed(0)
    model = SRResNet(generator_width=4, blocks=1, scale=4)
    images = torch.rand(2, 3, 10, 12) * 2 - 1
    whole, made = model.upscale(images), model.upscale(images, outscale=3.5)
    assert made.shape == (2, 3, 35, 42)
    for one, other in zip(whole, made, strict=True):
        channel_by_channel = [resized(channel.double().numpy(), 35, 42) for channel in one]
        expected = torch.from_numpy(np.stack(channel_by_channel)).clamp(-1, 1)
        torch.testing.assert_close(other.double(), expected, rtol=0, atol=1e-6)
    assert model.upscale(images[0], outscale=3.5).equal(made[0])
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (10, 12, 3), np.uint8))
    several = model.upscale([picture, picture.resize((5, 6))], outscale=2)
    assert [one.size for one in several] == [(24, 20), (10, 12)]
    pixels = np.asarray(model.upscale(picture))
    np.testing.assert_array_equal(np.asarray(several[0]), resized(pixels, 20, 24))
    assert model.upscale(images, outscale=4).equal(whole)
    with pytest.raises(ValueError, match="outscale is 0: it is a number above 0"):
        model.upscale(images, outscale=0)
