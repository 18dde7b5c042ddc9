from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gans.sampling.augmentation import DiffAugment, instance_noise

ALL = ("color", "translation", "cutout")
DRAWS = 2000


def images(count: int = 4, channels: int = 3, size: int = 16) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return 2 * torch.rand(count, channels, size, size, generator=generator, dtype=torch.float64) - 1


def delta(count: int, row: int, column: int, size: int = 16) -> Tensor:
    """Return images of two channels, 1 and 2 in one pixel."""
    made = torch.zeros(count, 2, size, size)
    made[:, 0, row, column], made[:, 1, row, column] = 1, 2
    return made


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
@pytest.mark.parametrize("size", [1, 7, 16])
@pytest.mark.parametrize("policy", ALL)
def test_images_of_any_shape_pass(policy: str, channels: int, size: int) -> None:
    augmented = DiffAugment([policy])(images(channels=channels, size=size).float()[..., : size // 2 + 1])
    assert augmented.shape == (4, channels, size, size // 2 + 1)
    assert augmented.dtype == torch.float32


def test_color_is_brightness_then_saturation_then_contrast() -> None:
    torch.manual_seed(0)
    x = images(DRAWS, size=2)
    augmented = DiffAugment(["color"])(x)

    def parts(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        grey = x.mean(1, keepdim=True)
        mean = x.mean((1, 2, 3), keepdim=True)
        return mean, grey - mean, x - grey

    (mean, light, hue), (new_mean, new_light, new_hue) = parts(x), parts(augmented)
    brightness = (new_mean - mean).flatten()
    contrast = ((new_light * light).sum((1, 2, 3)) / light.square().sum((1, 2, 3))).view(-1, 1, 1, 1)
    saturation = (new_hue * hue).sum((1, 2, 3)) / hue.square().sum((1, 2, 3)) / contrast.flatten()
    torch.testing.assert_close(new_light, contrast * light)  # one number for all of an image
    torch.testing.assert_close(new_hue, contrast * saturation.view(-1, 1, 1, 1) * hue)
    for drawn, low, high in ((brightness, -0.5, 0.5), (saturation, 0, 2), (contrast.flatten(), 0.5, 1.5)):
        quantiles = torch.quantile(drawn, torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0], dtype=drawn.dtype))
        torch.testing.assert_close(
            quantiles, torch.linspace(low, high, 5, dtype=drawn.dtype), atol=0.05 * (high - low), rtol=0
        )


def test_color_of_grey_images_leaves_the_saturation() -> None:
    x = images(channels=1)
    augmented = DiffAugment(["color"])(x)
    mean = x.mean((1, 2, 3), keepdim=True)
    slope = (augmented - augmented.mean((1, 2, 3), keepdim=True)) / (x - mean)
    torch.testing.assert_close(slope, slope[..., :1, :1].expand_as(slope))
    assert 0.5 <= float(slope.min()) < float(slope.max()) <= 1.5


def test_translation_moves_a_pixel_by_up_to_an_eighth() -> None:
    torch.manual_seed(0)
    moved = DiffAugment(["translation"])(delta(DRAWS, 8, 5))
    assert moved[:, 0].sum() == DRAWS
    assert moved[:, 1].equal(2 * moved[:, 0])  # all channels go together
    _, rows, columns = moved[:, 0].nonzero(as_tuple=True)
    places, counts = torch.unique(torch.stack([rows - 8, columns - 5], 1), dim=0, return_counts=True)
    assert places.tolist() == [[down, right] for down in range(-2, 3) for right in range(-2, 3)]
    assert float(counts.min()) > 0.5 * DRAWS / 25


def test_translation_lets_zeros_in_and_nothing_round_the_corner() -> None:
    torch.manual_seed(0)
    moved = DiffAugment(["translation"])(delta(DRAWS, 15, 15))
    _, rows, columns = moved[:, 0].nonzero(as_tuple=True)
    assert (int(rows.min()), int(columns.min())) == (13, 13)
    assert len(rows) / DRAWS == pytest.approx(9 / 25, abs=0.05)
    ones = DiffAugment(["translation"])(torch.ones(DRAWS, 1, 16, 16))
    assert set(ones.sum((1, 2, 3)).tolist()) == {
        down * right for down in (14, 15, 16) for right in (14, 15, 16)
    }


def test_cutout_hides_a_square_of_half_a_side() -> None:
    torch.manual_seed(0)
    x = images(DRAWS)
    augmented = DiffAugment(["cutout"])(x)
    seen = augmented != 0
    assert augmented[seen].equal(x[seen])
    assert seen.equal(seen[:, :1].expand_as(seen))  # the same in all channels
    hidden = ~seen[:, 0]
    rows, columns = hidden.any(2), hidden.any(1)
    assert hidden.equal(rows[:, :, None] & columns[:, None, :])
    inside = ~(hidden[:, [0, -1]].any((1, 2)) | hidden[:, :, [0, -1]].any((1, 2)))
    assert bool((hidden[inside].sum((1, 2)) == 16 * 16 // 4).all())  # a quarter
    assert 0.1 < float(inside.float().mean()) < 0.5
    assert int(hidden.sum((1, 2)).min()) == 4 * 4  # at a corner a quarter of the square


def test_cutout_hides_no_pixel_always() -> None:
    torch.manual_seed(0)
    shares = (DiffAugment(["cutout"])(torch.ones(DRAWS, 1, 16, 16)) == 0).float().mean((0, 1))
    assert float(shares.max()) < 0.3
    torch.testing.assert_close(shares, shares.flip(0, 1), atol=0.06, rtol=0)


@pytest.mark.parametrize("policy", ALL)
def test_gradients_equal_finite_differences(policy: str) -> None:
    augment = DiffAugment([policy])

    def of_images(x: Tensor) -> Tensor:
        torch.manual_seed(0)
        return augment(x)

    assert torch.autograd.gradcheck(of_images, (images(2, 2, 8).requires_grad_(),))
    (gradient,) = torch.autograd.grad(of_images(x := images(2, 2, 8).requires_grad_()).sum(), x)
    assert bool((gradient != 0).any())


@pytest.mark.parametrize("policy", ALL)
def test_draws_come_from_the_global_generator_and_do_not_look_at_the_images(policy: str) -> None:
    augment = DiffAugment([policy])
    real, fake = images(), -images().flip(3)
    torch.manual_seed(0)
    shown, after = augment(real), torch.rand(1)
    torch.manual_seed(0)
    assert augment(fake).isfinite().all()
    assert torch.rand(1).equal(after)  # as many draws, whatever the pictures show
    torch.manual_seed(0)
    assert augment(real).equal(shown)
    assert not augment(real).equal(shown)


@pytest.mark.parametrize("policy", ALL)
def test_real_and_fake_of_a_joined_batch_are_augmented_alike(policy: str) -> None:
    torch.manual_seed(0)
    x = images(1, size=8)
    joined = DiffAugment([policy])(x.expand(2 * DRAWS, -1, -1, -1))
    real, fake = joined.chunk(2)
    slack = 5 * (joined.var(0) * 2 / DRAWS).sqrt() + 1e-12
    assert bool(((real.mean(0) - fake.mean(0)).abs() < slack).all())
    assert not real.equal(fake)  # by draws of their own


def test_policies_are_applied_one_after_the_other() -> None:
    x = images()
    torch.manual_seed(0)
    together = DiffAugment(ALL)(x)
    torch.manual_seed(0)
    for policy in ALL:
        x = DiffAugment([policy])(x)
    assert together.equal(x)
    assert DiffAugment([])(x) is x


def test_unknown_policies_name_the_known_ones() -> None:
    with pytest.raises(
        ValueError, match="policy 'flip' of DiffAugment: choose from color, translation, cutout"
    ):
        DiffAugment(["color", "flip"])


def test_instance_noise_is_normal_and_lets_the_gradient_through() -> None:
    torch.manual_seed(0)
    x = images(100).requires_grad_()
    noisy = instance_noise(x, 0.3)
    added = (noisy - x).detach()
    assert float(added.mean()) == pytest.approx(0, abs=0.01)
    assert float(added.std()) == pytest.approx(0.3, rel=0.02)
    assert len(set(added.flatten().tolist())) == added.numel()
    (gradient,) = torch.autograd.grad(noisy.sum(), x)
    assert gradient.equal(torch.ones_like(x))
    assert instance_noise(x, 0.0).equal(x)
    with pytest.raises(ValueError, match=r"0 or more, got -0\.1"):
        instance_noise(x, -0.1)
