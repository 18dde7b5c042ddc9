from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from gans.losses.penalties import gradient_penalty, interpolate, r1_penalty, r2_penalty

Penalty = Callable[[Callable[[Tensor], Tensor], Tensor], Tensor]
PENALTIES: tuple[Penalty, ...] = (gradient_penalty, r1_penalty, r2_penalty)


def images(count: int = 3, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, 2, 4, 4, generator=generator, dtype=torch.float64)


def linear(weight: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda x: x.flatten(1) @ weight


def test_of_a_linear_discriminator_the_gradient_is_its_weight() -> None:
    weight = images(1).flatten()
    norm = weight.norm()
    torch.testing.assert_close(gradient_penalty(linear(weight), images()), (norm - 1) ** 2)
    torch.testing.assert_close(r1_penalty(linear(weight), images()), norm**2 / 2)
    torch.testing.assert_close(r2_penalty(linear(weight), images()), norm**2 / 2)


def test_of_a_quadratic_discriminator_the_gradient_is_the_image() -> None:
    x = images()
    norms = x.flatten(1).norm(dim=1)  # each image by itself, not all together

    def half_square(x: Tensor) -> Tensor:
        return x.flatten(1).square().sum(1) / 2

    torch.testing.assert_close(gradient_penalty(half_square, x), (norms - 1).square().mean())
    torch.testing.assert_close(r1_penalty(half_square, x), norms.square().mean() / 2)
    torch.testing.assert_close(r2_penalty(half_square, x), norms.square().mean() / 2)


def test_of_a_score_map_the_sum_counts() -> None:
    weight = images(1).flatten()

    def score_map(x: Tensor) -> Tensor:
        return (x.flatten(1) * weight).view(-1, 1, 4, 8)

    torch.testing.assert_close(
        gradient_penalty(score_map, images()), gradient_penalty(linear(weight), images())
    )


@pytest.mark.parametrize("penalty", PENALTIES)
def test_the_discriminator_s_gradient_equals_finite_differences(penalty: Penalty) -> None:
    x = images()

    def of_weight(weight: Tensor) -> Tensor:
        return penalty(lambda x: torch.tanh(x.flatten(1) @ weight), x)

    assert torch.autograd.gradcheck(of_weight, (images(1, seed=1).flatten().requires_grad_(),))


def test_a_flat_discriminator_has_finite_gradients() -> None:
    weight = torch.zeros(32, requires_grad=True)
    loss = gradient_penalty(linear(weight), images().float())
    (gradient,) = torch.autograd.grad(loss, weight)
    torch.testing.assert_close(loss, torch.ones(()), atol=1e-5, rtol=0)
    assert bool(gradient.isfinite().all())


@pytest.mark.parametrize("penalty", PENALTIES)
def test_it_leaves_images_and_weights_as_they_were(penalty: Penalty) -> None:
    network = nn.Conv2d(2, 1, 3).double()
    x = images()
    made = x * torch.ones((), dtype=x.dtype, requires_grad=True)  # a fake with a graph behind it
    assert penalty(network, made).requires_grad
    assert network.weight.grad is None
    assert not penalty(network, x).isnan()
    assert not x.requires_grad


@pytest.mark.parametrize("penalty", PENALTIES)
def test_under_autocast_it_is_computed_in_32_bits(penalty: Penalty) -> None:
    network = nn.Sequential(nn.Conv2d(2, 8, 3), nn.LeakyReLU(0.2), nn.Conv2d(8, 1, 2))
    x = images().bfloat16().float()
    expected = penalty(network, x)
    in_64_bits = penalty(copy.deepcopy(network).double(), x.double())
    torch.testing.assert_close(expected, in_64_bits.float(), rtol=1e-5, atol=1e-7)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert network(x).dtype == torch.bfloat16
        assert penalty(network, x).equal(expected)
        assert penalty(network, x.bfloat16()).equal(expected)  # as a generator under autocast hands them over


def test_a_compiled_discriminator_can_be_differentiated_twice() -> None:
    network = nn.Sequential(nn.Conv2d(2, 2, 3), nn.Tanh()).double()
    expected = gradient_penalty(network, images())
    network.compile(backend="aot_eager")
    penalty = gradient_penalty(network, images())
    penalty.backward()
    assert penalty.equal(expected)


def test_interpolation_draws_one_point_for_each_image() -> None:
    real, fake = torch.zeros(50, 2, 4, 4), torch.ones(50, 2, 4, 4)
    shares = interpolate(real, fake)
    per_image = shares[:, 0, 0, 0]
    assert shares.equal(per_image.view(-1, 1, 1, 1).expand_as(shares))
    assert len(set(per_image.tolist())) == 50
    assert 0 <= float(per_image.min()) < 0.2 < 0.8 < float(per_image.max()) < 1


def test_interpolation_lies_on_the_line_and_has_no_graph() -> None:
    real, fake = images(4), images(4, seed=1).requires_grad_()
    x_hat = interpolate(real, fake)
    share = (x_hat - fake) / (real - fake)
    torch.testing.assert_close(share, share[:, :1, :1, :1].expand_as(share))
    assert not x_hat.requires_grad


def test_interpolation_refuses_to_stretch() -> None:
    with pytest.raises(ValueError, match="shapes differ"):
        interpolate(images(1), images(3))


def critic(norm: nn.Module) -> nn.Sequential:
    torch.manual_seed(0)
    layers = [
        nn.Conv2d(2, 4, 3),
        nn.LeakyReLU(0.2, inplace=True),
        norm,
        nn.ReLU(),
        nn.Conv2d(4, 1, 2),
    ]
    return nn.Sequential(*layers).double()


@pytest.mark.parametrize("norm", [nn.Identity(), nn.GroupNorm(1, 4)])
def test_straight_pieces_change_no_gradient(norm: nn.Module) -> None:
    network = critic(norm)
    x = images().requires_grad_()
    (gradient,) = torch.autograd.grad(network(x).sum(), x, create_graph=True)
    expected = gradient.flatten(1).square().sum(1).mean() / 2
    penalty = r1_penalty(network, x)
    torch.testing.assert_close(penalty, expected, rtol=1e-14, atol=0)
    parameters = list(network.parameters())
    theirs = torch.autograd.grad(expected, parameters, allow_unused=True, materialize_grads=True)
    ours = torch.autograd.grad(penalty, parameters, allow_unused=True, materialize_grads=True)
    assert any(gradient.any() for gradient in theirs)
    for found, right in zip(ours, theirs, strict=True):
        torch.testing.assert_close(found, right, rtol=1e-12, atol=1e-14)


def test_no_zeros_are_carried_back_through_straight_pieces() -> None:
    network = critic(nn.Identity())
    first = network[0]
    assert isinstance(first, nn.Conv2d)
    assert first.bias is not None
    weight, bias = torch.autograd.grad(
        r1_penalty(network, images()), (first.weight, first.bias), allow_unused=True
    )
    assert weight.any()
    assert bias is None  # the penalty knows the scores' slopes, not their heights
