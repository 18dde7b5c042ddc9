from __future__ import annotations

import pytest
import torch
from support.compared import random_images

from gans.metrics.translation import l1_255, translation_errors


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
