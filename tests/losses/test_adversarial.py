from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from gans.losses.adversarial import ObjectiveName, objective

Array = np.ndarray[Any, Any]
NAMES: tuple[ObjectiveName, ...] = (
    "minimax",
    "non_saturating",
    "least_squares",
    "hinge",
    "wasserstein",
    "relativistic",
    "relativistic_average",
)


def log_sigmoid(x: Array) -> Array:
    return -np.log1p(np.exp(-x))


def cross_entropy(real: Array, fake: Array) -> float:
    return float(-log_sigmoid(real).mean() - np.log(1 - 1 / (1 + np.exp(-fake))).mean())


CLOSED_FORMS: dict[ObjectiveName, tuple[Callable[[Array, Array], Any], Callable[[Array, Array], Any]]] = {
    "minimax": (cross_entropy, lambda real, fake: np.log(1 - 1 / (1 + np.exp(-fake))).mean()),
    "non_saturating": (cross_entropy, lambda real, fake: -np.log(1 / (1 + np.exp(-fake))).mean()),
    "least_squares": (
        lambda real, fake: ((real - 1) ** 2).mean() + (fake**2).mean(),
        lambda real, fake: ((fake - 1) ** 2).mean(),
    ),
    "hinge": (
        lambda real, fake: np.maximum(0, 1 - real).mean() + np.maximum(0, 1 + fake).mean(),
        lambda real, fake: -fake.mean(),
    ),
    "wasserstein": (lambda real, fake: fake.mean() - real.mean(), lambda real, fake: -fake.mean()),
    "relativistic": (
        lambda real, fake: np.log1p(np.exp(fake - real)).mean(),
        lambda real, fake: np.log1p(np.exp(real - fake)).mean(),
    ),
    "relativistic_average": (
        lambda real, fake: -(log_sigmoid(real - fake.mean()) + log_sigmoid(real.mean() - fake)).mean() / 2,
        lambda real, fake: -(log_sigmoid(fake - real.mean()) + log_sigmoid(fake.mean() - real)).mean() / 2,
    ),
}


def scores(seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.randn(2, 1, 3, 4, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("name", NAMES)
def test_both_losses_equal_their_closed_forms(name: ObjectiveName) -> None:
    real, fake = scores(0), scores(1)
    discriminator, generator = CLOSED_FORMS[name]
    losses = objective(name)
    assert float(losses.discriminator(real, fake)) == pytest.approx(discriminator(real.numpy(), fake.numpy()))
    assert float(losses.generator(fake, real)) == pytest.approx(generator(real.numpy(), fake.numpy()))


@pytest.mark.parametrize("name", NAMES)
def test_gradients_equal_finite_differences(name: ObjectiveName) -> None:
    real, fake = scores(0).requires_grad_(), scores(1).requires_grad_()
    losses = objective(name)
    if name == "relativistic_average":
        means = real.mean().detach(), fake.mean().detach()
        halves = -(F.logsigmoid(real - means[1]).mean() + F.logsigmoid(means[0] - fake).mean()) / 2
        expected = torch.autograd.grad(halves, (real, fake))
        found = torch.autograd.grad(losses.discriminator(real, fake), (real, fake))
        assert all(mine.allclose(theirs) for mine, theirs in zip(found, expected, strict=True))
    else:
        assert torch.autograd.gradcheck(losses.discriminator, (real, fake))
    assert torch.autograd.gradcheck(lambda fake: losses.generator(fake, real), (fake,))


@pytest.mark.parametrize("name", NAMES)
def test_who_wants_which_scores(name: ObjectiveName) -> None:
    real, fake = scores(0).requires_grad_(), scores(1).requires_grad_()
    for_real, for_fake = torch.autograd.grad(objective(name).discriminator(real, fake), (real, fake))
    (for_generator,) = torch.autograd.grad(objective(name).generator(fake, real), fake)
    assert bool((for_real[real < 1] <= 0).all()), "the discriminator raises scores of real images"
    assert bool((for_fake[fake > 0] >= 0).all()), "and lowers those of fakes"
    assert bool((for_generator[fake < 1] < 0).all()), "the generator raises them"


def test_minimax_is_the_same_game_from_both_sides() -> None:
    real, fake = scores(0), scores(1)
    fake_term = objective("minimax").discriminator(torch.full_like(real, 1e4), fake)
    torch.testing.assert_close(objective("minimax").generator(fake), -fake_term)


def test_minimax_saturates_where_non_saturating_does_not() -> None:
    lost = torch.full((1,), -20.0, dtype=torch.float64, requires_grad=True)  # the discriminator is sure
    (fading,) = torch.autograd.grad(objective("minimax").generator(lost), lost)
    (strong,) = torch.autograd.grad(objective("non_saturating").generator(lost), lost)
    assert abs(float(fading)) < 1e-8
    assert float(strong) == pytest.approx(-1, rel=1e-8)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [1e3, -1e3])
def test_extreme_scores_stay_finite(name: ObjectiveName, size: float) -> None:
    real = torch.full((2, 1), size, requires_grad=True)
    fake = torch.full((2, 1), -size, requires_grad=True)
    total = objective(name).discriminator(real, fake) + objective(name).generator(fake, real)
    gradients = torch.autograd.grad(total, (real, fake))
    assert all(bool(value.isfinite().all()) for value in (total, *gradients))


@pytest.mark.parametrize("name", ["minimax", "non_saturating", "least_squares"])
def test_smoothed_discriminator_rests_at_the_target(name: ObjectiveName) -> None:
    answer = torch.tensor([0.9], dtype=torch.float64)
    real = (answer if name == "least_squares" else answer.logit()).requires_grad_()
    fake = scores(1)
    (gradient,) = torch.autograd.grad(objective(name, real_target=0.9).discriminator(real, fake), real)
    assert float(gradient) == pytest.approx(0, abs=1e-12)
    assert objective(name, real_target=0.9).generator(fake).equal(objective(name).generator(fake))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("target", [1.0, 0.9])
def test_the_floor_is_the_loss_of_perfect_scores(name: ObjectiveName, target: float) -> None:
    if name not in ("minimax", "non_saturating", "least_squares"):
        target = 1.0
    losses = objective(name, target)
    answer = torch.tensor([target], dtype=torch.float64)
    crossed = name in ("minimax", "non_saturating")
    real = answer.logit(eps=1e-12) if crossed else answer if name == "least_squares" else 50 * answer
    fake = torch.tensor([0.0 if name == "least_squares" else -50.0], dtype=torch.float64)
    if name == "wasserstein":
        assert losses.floor is None
    else:
        assert losses.floor == pytest.approx(float(losses.discriminator(real, fake)), abs=1e-10)


def test_target_without_meaning_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'hinge' has no target.*minimax, non_saturating, least_squares"):
        objective("hinge", real_target=0.9)
    with pytest.raises(ValueError, match=r"real_target is 1\.2: cross-entropy needs a probability"):
        objective("minimax", real_target=1.2)


def test_unknown_objective_names_the_known_ones() -> None:
    unknown: Any = "lsgan"
    with pytest.raises(ValueError, match=r"'lsgan'.*minimax, .*least_squares, .*relativistic"):
        objective(unknown)


def test_only_the_relativistic_generators_need_real_scores() -> None:
    needing = [name for name in NAMES if objective(name).needs_real]
    assert needing == ["relativistic", "relativistic_average"]
    with pytest.raises(ValueError, match="real_scores"):
        objective("relativistic").generator(scores(0))


@pytest.mark.parametrize("name", NAMES)
def test_who_recognises_real_images_beside_fakes_alone(name: ObjectiveName) -> None:
    chosen, real = objective(name), scores(0)
    margins = [chosen.margins(real, scores(seed)) for seed in (1, 2)]
    assert chosen.compares != margins[0].equal(margins[1])


def test_relativistic_pairs_are_not_stretched() -> None:
    with pytest.raises(ValueError, match="shapes"):
        objective("relativistic").discriminator(scores(0), scores(1)[:1])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", NAMES)
def test_half_precision_scores_are_averaged_in_full(name: ObjectiveName, dtype: torch.dtype) -> None:
    real, fake = scores(0).to(dtype), scores(1).to(dtype)
    losses = objective(name)
    assert losses.discriminator(real, fake).equal(losses.discriminator(real.float(), fake.float()))
    assert losses.generator(fake, real).equal(losses.generator(fake.float(), real.float()))
