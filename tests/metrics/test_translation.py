from __future__ import annotations

import pytest
import torch
from support.compared import random_images

from gans.metrics.translation import best_constant_l1, l1_255, level_counts, translation_errors


def test_errors_of_a_constant_difference_have_closed_forms() -> None:
    truth = torch.full((2, 3, 16, 16), 0.0)
    fake = truth + torch.tensor([0.2, -0.5]).view(2, 1, 1, 1)
    errors = translation_errors(fake, truth)
    torch.testing.assert_close(errors["l1"], torch.tensor([25.5, 63.75]))
    # In [0, 1] the differences are 0.1 and 0.25.
    torch.testing.assert_close(errors["psnr"], torch.tensor([20.0, 12.0411998]))
    means = [(0.5, 0.6), (0.5, 0.25)]
    expected = [(2 * a * b + 1e-4) / (a**2 + b**2 + 1e-4) for a, b in means]  # SSIM without contrast
    torch.testing.assert_close(errors["ssim"], torch.tensor(expected))


def test_a_copy_is_perfect_and_finite() -> None:
    images = random_images(2, size=16)
    errors = {name: values.tolist() for name, values in translation_errors(images, images).items()}
    assert errors == {"l1": [0, 0], "psnr": [100, 100], "ssim": pytest.approx([1, 1])}


def test_every_image_is_judged_by_itself() -> None:
    fake, truth = random_images(3, size=16), random_images(3, size=16, seed=1)
    together = translation_errors(fake, truth)
    alone = [translation_errors(fake[i : i + 1], truth[i : i + 1]) for i in range(3)]
    for name, values in together.items():
        torch.testing.assert_close(torch.cat([errors[name] for errors in alone]), values)


def test_small_images_have_no_ssim() -> None:
    assert set(translation_errors(random_images(1, size=10), random_images(1, size=10))) == {"l1", "psnr"}
    assert "ssim" in translation_errors(random_images(1, size=11), random_images(1, size=11))


def test_half_precision_is_measured_in_single() -> None:
    fake, truth = random_images(2), random_images(2, seed=1)
    torch.testing.assert_close(l1_255(fake.bfloat16(), truth), l1_255(fake.bfloat16().float(), truth))


def test_the_best_constant_colour_is_the_median_of_each_channel() -> None:
    images = random_images(3, size=9)
    constant = images.movedim(1, 0).flatten(1).median(dim=1).values.view(3, 1, 1).expand_as(images)
    counts = level_counts(images[:1]) + level_counts(images[1:])
    assert counts.sum(dim=1).tolist() == [3 * 81] * 3
    assert best_constant_l1(counts) == pytest.approx(float(l1_255(images, constant).mean()), rel=1e-5)


def test_a_constant_colour_is_no_error_for_images_of_one_colour() -> None:
    colour = torch.tensor([-1.0, 1.0]).view(1, 2, 1, 1)
    assert best_constant_l1(level_counts(colour.expand(4, 2, 5, 6))) == 0
    black_and_white = torch.cat([colour, -colour])  # half of the pixels differ by 255, whatever the colour
    assert best_constant_l1(level_counts(black_and_white)) == 127.5
