from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gans.sampling.langevin import DivergedError, DivergenceGuard, Langevin, Score


def towards(target: float) -> Score:
    """Return a score whose slope at any pixel is (target - pixel)."""
    return lambda images: -(images - target).square().flatten(1).sum(1) / 2


def test_a_step_is_half_its_size_up_the_slope() -> None:
    images = torch.tensor([0.0, 0.5]).view(2, 1, 1, 1)
    climbed = Langevin(0.2, 0.0, 10.0).climb(towards(1.0), images, steps=1)
    torch.testing.assert_close(climbed.images.flatten(), torch.tensor([0.1, 0.55]))
    torch.testing.assert_close(climbed.scores, torch.tensor([-0.5, -0.125]))
    assert not climbed.images.requires_grad
    assert not climbed.scores.requires_grad


def test_many_steps_reach_the_top() -> None:
    climbed = Langevin(0.5, 0.0, 10.0).climb(towards(0.3), torch.rand(3, 2, 4, 4) * 2 - 1, steps=60)
    torch.testing.assert_close(climbed.images, torch.full((3, 2, 4, 4), 0.3))


def test_slopes_are_clamped_and_images_stay_in_range() -> None:
    images = torch.zeros(1, 1, 2, 2)
    one = Langevin(2.0, 0.0, 0.03).climb(lambda x: 1000 * x.flatten(1).sum(1), images, steps=1)
    torch.testing.assert_close(one.images, torch.full_like(images, 0.03))
    many = Langevin(2.0, 0.0, 0.03).climb(lambda x: 1000 * x.flatten(1).sum(1), images, steps=50)
    assert torch.equal(many.images, torch.ones_like(images))
    noisy = Langevin(2.0, 5.0, 0.03).climb(lambda x: x.flatten(1).sum(1), torch.zeros(1, 1, 9, 9), steps=3)
    assert float(noisy.images.abs().max()) <= 1


def test_with_matching_noise_the_chains_follow_the_density() -> None:
    """Of the score -x^2 / (2 * 0.04): a Gaussian of deviation 0.2, which [-1, 1] does not cut."""
    torch.manual_seed(0)
    langevin = Langevin(0.004, 0.004**0.5, 1e3)
    starts = torch.zeros(2000, 1, 1, 1)
    climbed = langevin.climb(lambda x: -x.square().flatten(1).sum(1) / 0.08, starts, steps=150)
    assert float(climbed.images.std()) == pytest.approx(0.2, rel=0.07)


def test_slopes_are_there_in_inference_mode_and_under_autocast() -> None:
    network = torch.nn.Linear(4, 1)
    seen = []

    def score(images: Tensor) -> Tensor:
        scores: Tensor = network(images.flatten(1)).squeeze(1)
        seen.append(scores.dtype)
        return scores

    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        starts = torch.zeros(2, 1, 2, 2)
        climbed = Langevin(1.0, 0.0, 10.0).climb(score, starts, steps=2)
    torch.testing.assert_close(climbed.images[0].flatten(), network.weight[0].detach())
    assert seen == [torch.float32, torch.float32]
    assert torch.equal(starts, torch.zeros(2, 1, 2, 2)), "the starts are left as they were"
    assert all(parameter.grad is None for parameter in network.parameters())


def test_given_noise_is_used_in_every_step() -> None:
    draws = iter([torch.full((1, 1, 1, 1), 1.0), torch.full((1, 1, 1, 1), 2.0)])
    climbed = Langevin(1.0, 0.1, 1.0).climb(
        lambda x: 0 * x.flatten(1).sum(1), torch.zeros(1, 1, 1, 1), 2, lambda: next(draws)
    )
    assert float(climbed.images) == pytest.approx(0.3)


@pytest.mark.parametrize("values", [(0.0, 0.1, 1.0), (1.0, -0.1, 1.0), (1.0, 0.1, 0.0)])
def test_wrong_values_are_refused(values: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="the first two are above 0, the noise 0 or more"):
        Langevin(*values)


def test_no_steps_are_refused() -> None:
    with pytest.raises(ValueError, match="0 Langevin steps"):
        Langevin(1.0, 0.0, 1.0).climb(lambda x: x.flatten(1).sum(1), torch.zeros(1, 1, 1, 1), steps=0)


def test_scores_beyond_the_bound_are_found_and_counted() -> None:
    guard = DivergenceGuard(bound=10)
    strays = guard.strays(torch.tensor([9.0, -11.0, float("nan"), float("inf"), -9.0]))
    assert strays.tolist() == [False, True, True, True, False]
    guard.strays(torch.tensor([0.0, 12.0]))
    assert int(guard.restarted) == 4


def test_a_few_strays_now_and_then_are_no_divergence() -> None:
    guard = DivergenceGuard(bound=10)
    for step in range(300):
        guard.strays(torch.tensor([0.0, 0.0, 0.0, 99.0] if step % 50 else [99.0] * 4))
        guard.check()


def test_lasting_divergence_stops_with_advice() -> None:
    guard = DivergenceGuard(bound=10)
    for _ in range(20):
        guard.strays(torch.full((4,), 99.0))
        guard.check()
    for _ in range(40):
        guard.strays(torch.full((4,), 99.0))
    with pytest.raises(
        DivergedError, match=r"scores beyond 10: the discriminator diverges\. A lower --model"
    ):
        guard.check()
