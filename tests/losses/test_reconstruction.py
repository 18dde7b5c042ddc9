from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import Bernoulli, Distribution, Laplace, Normal, kl_divergence

from gans.losses.reconstruction import (
    ReconstructionName,
    kl_from_standard_normal,
    l1,
    negative_log_likelihood,
)


def test_l1_is_the_mean_absolute_difference() -> None:
    first = torch.randn(2, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    second = torch.randn(2, 3, 4, 4, dtype=torch.float64)
    expected = np.abs(first.detach().numpy() - second.numpy()).mean()
    assert float(l1(first, second).detach()) == pytest.approx(expected)
    assert torch.autograd.gradcheck(lambda images: l1(images, second), (first,))


def test_l1_refuses_to_stretch() -> None:
    with pytest.raises(ValueError, match=r"\(1, 3, 4, 4\) and \(2, 3, 4, 4\)"):
        l1(torch.zeros(1, 3, 4, 4), torch.zeros(2, 3, 4, 4))


DENSITIES: dict[ReconstructionName, Callable[[Tensor], Distribution]] = {
    "l1": lambda images: Laplace(images, 1.0),
    "l2": lambda images: Normal(images, 1.0),
    "bce": lambda images: Bernoulli(probs=(images + 1) / 2),
}


@pytest.mark.parametrize("name", DENSITIES)
def test_a_reconstruction_is_judged_by_its_density(name: ReconstructionName) -> None:
    """Constants aside: what is equal is the difference between two reconstructions of the same image."""
    targets = torch.randint(0, 2, (3, 2, 4, 4)).double() * 2 - 1
    one, other = (torch.rand(3, 2, 4, 4, dtype=torch.float64) * 1.8 - 0.9 for _ in range(2))

    def expected(images: Tensor) -> Tensor:
        values = (targets + 1) / 2 if name == "bce" else targets
        return -DENSITIES[name](images).log_prob(values).sum((1, 2, 3)).mean()

    ours = negative_log_likelihood(name, one, targets) - negative_log_likelihood(name, other, targets)
    torch.testing.assert_close(ours, expected(one) - expected(other))


@pytest.mark.parametrize("name", DENSITIES)
def test_under_autocast_reconstructions_are_summed_in_full_precision(name: ReconstructionName) -> None:
    images = (torch.rand(1, 1, 64, 64) * 1.8 - 0.9).bfloat16()
    targets = torch.rand(1, 1, 64, 64) * 2 - 1
    expected = negative_log_likelihood(name, images.double(), targets.double())
    with torch.autocast("cpu", torch.bfloat16):
        ours = negative_log_likelihood(name, images, targets)
    torch.testing.assert_close(ours.double(), expected, rtol=1e-5, atol=0)


def test_a_saturated_reconstruction_has_finite_cross_entropy_and_gradients() -> None:
    images = torch.tensor([[1.0, -1.0]], requires_grad=True)
    loss = negative_log_likelihood("bce", images, torch.tensor([[-1.0, -1.0]]))
    loss.backward()
    assert images.grad is not None
    assert loss.isfinite()
    assert images.grad.isfinite().all()


def test_unknown_reconstructions_and_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="'ssim' is no reconstruction loss: choose from l1, l2, bce"):
        negative_log_likelihood("ssim", torch.zeros(1, 2), torch.zeros(1, 2))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"bce compares images of one shape, got \(1, 2\) and \(2, 2\)"):
        negative_log_likelihood("bce", torch.zeros(1, 2), torch.zeros(2, 2))


def test_the_divergence_is_that_of_two_gaussians() -> None:
    mean, log_deviation = (torch.randn(5, 7, dtype=torch.float64) for _ in range(2))
    ours = kl_from_standard_normal(mean, log_deviation)
    closed_form = (torch.exp(2 * log_deviation) - 2 * log_deviation - 1 + mean**2).sum(1).mean() / 2
    torch.testing.assert_close(ours, closed_form)
    theirs = kl_divergence(Normal(mean, log_deviation.exp()), Normal(0.0, 1.0)).sum(1).mean()
    torch.testing.assert_close(ours, theirs)


def test_the_divergence_of_the_standard_normal_is_zero_and_its_least() -> None:
    mean, log_deviation = torch.zeros(1, 3, requires_grad=True), torch.zeros(1, 3, requires_grad=True)
    divergence = kl_from_standard_normal(mean, log_deviation)
    gradients = torch.autograd.grad(divergence, (mean, log_deviation))
    assert float(divergence.detach()) == 0
    assert all(float(gradient.abs().max()) == 0 for gradient in gradients)
    assert kl_from_standard_normal(mean + 0.1, log_deviation) > 0
    assert kl_from_standard_normal(mean, log_deviation - 0.1) > 0
