from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from lightning.pytorch.strategies import DDPStrategy, Strategy
from support.processes import run_together
from support.tiny import trainer
from support.toys import make_data, make_model
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector

from gans.losses.penalties import gradient_penalty
from gans.networks.norms import spectral_normalised
from gans.networks.patch import PatchDiscriminator
from gans.networks.residual import ResidualCritic
from gans.networks.resnet import ResNetGenerator
from gans.networks.stargan import StarGANGenerator
from gans.networks.unet import UNetGenerator
from gans.training.acceleration import Acceleration
from gans.training.recomputation import recompute
from gans.training.strategy import GANDDPStrategy

IMAGES = torch.linspace(-1, 1, 2 * 3 * 16 * 16, dtype=torch.float64).view(2, 3, 16, 16).sin()
LABELS = torch.tensor([[1.0, 0.0], [0.0, 1.0]], dtype=torch.float64)

NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "resnet": lambda: ResNetGenerator(3, 3, width=2, blocks=2, dropout=True),
    "resnet with batch norm": lambda: ResNetGenerator(3, 3, width=2, blocks=2, norm="batch"),
    "unet": lambda: UNetGenerator(3, 3, image_size=16, width=2),  # with batch norm and dropout
    "stargan": lambda: StarGANGenerator(3, labels=2, width=2, blocks=1),
    "patch": lambda: PatchDiscriminator(3, width=8, layers=1),
}


def twins(make: Callable[[], nn.Module]) -> tuple[nn.Module, nn.Module]:
    """Return a network and an equal one that recomputes."""
    torch.manual_seed(0)
    plain = make().double()
    recomputing = copy.deepcopy(plain)
    recompute(recomputing)
    return plain, recomputing


def train(network: nn.Module, loss: Callable[[], Tensor]) -> None:
    """Give the network gradients, with the same chance each time."""
    torch.manual_seed(1)
    loss().backward()


def run(network: nn.Module) -> Tensor:
    inputs = (IMAGES, LABELS) if isinstance(network, StarGANGenerator) else (IMAGES,)
    output: Tensor = network(*inputs)
    return output


def assert_same(plain: nn.Module, recomputing: nn.Module) -> None:
    for (name, expected), found in zip(plain.named_parameters(), recomputing.parameters(), strict=True):
        assert expected.grad is not None
        assert found.grad is not None, name
        torch.testing.assert_close(found.grad, expected.grad, rtol=1e-10, atol=1e-14, msg=name)
    state = recomputing.state_dict()
    assert list(state) == list(plain.state_dict())
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(state[name], value, rtol=1e-10, atol=1e-14, msg=name)


def kept_bytes(network: nn.Module) -> int:
    """Return the size of what is kept between forward and backward pass, weights aside."""
    kept: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    weights = {p.untyped_storage().data_ptr() for p in network.parameters()}
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        output = run(network)
    size = sum(t.untyped_storage().nbytes() for place, t in kept.items() if place not in weights)
    output.sum().backward()
    return size


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_and_statistics_stay_and_less_is_kept(name: str) -> None:
    plain, recomputing = twins(NETWORKS[name])
    for network in (plain, recomputing):
        train(network, lambda network=network: run(network).square().sum())  # type: ignore[misc]
    assert_same(plain, recomputing)
    assert kept_bytes(recomputing) < kept_bytes(plain) / 2


def test_a_long_generator_keeps_a_fifth() -> None:
    plain, recomputing = twins(lambda: ResNetGenerator(3, 3, width=8, blocks=9))
    assert kept_bytes(recomputing) < kept_bytes(plain) / 5


CRITICS: dict[str, Callable[[], nn.Module]] = {
    "residual": lambda: ResidualCritic(3, 16, 4),
    "patch": lambda: PatchDiscriminator(3, width=4, layers=1),
    "batch norm": lambda: PatchDiscriminator(3, width=4, layers=1, norm="batch"),
}


@pytest.mark.parametrize("name", CRITICS)
def test_a_penalty_on_gradients_is_differentiated_through_it(name: str) -> None:
    plain, recomputing = twins(CRITICS[name])
    for network in (plain, recomputing):
        # The scores' own loss gives every bias a gradient, which the penalty does not.
        train(network, lambda n=network: gradient_penalty(n, IMAGES) + n(IMAGES).sum())  # type: ignore[misc]
    assert_same(plain, recomputing)


def test_copies_recompute_with_their_own_weights() -> None:
    _, recomputing = twins(NETWORKS["resnet with batch norm"])
    copied = copy.deepcopy(recomputing)
    train(copied, lambda: run(copied).square().sum())
    assert all(p.grad is None for p in recomputing.parameters())
    assert all(p.grad is not None for p in copied.parameters())


def test_spectral_norm_takes_one_step_in_each_forward() -> None:
    plain, recomputing = twins(lambda: spectral_normalised(PatchDiscriminator(3, width=2, layers=1)))
    for network in (plain, recomputing):
        train(network, lambda network=network: run(network).sum())  # type: ignore[misc]
    assert_same(plain, recomputing)


STRATEGIES: dict[str, Callable[[], Strategy]] = {
    "gan_ddp": GANDDPStrategy,
    "ddp_find_unused_parameters_true": partial(DDPStrategy, find_unused_parameters=True),
}


def trained(folder: str, strategy: str, recomputing: bool) -> Tensor:
    """Train with a penalty on two processes and return the weights of the first two steps."""
    torch.manual_seed(0)
    module, data = make_model("StarGAN", discriminator_steps=1), make_data("StarGAN")
    switches = Acceleration(gradient_checkpointing=recomputing)
    options = {
        "devices": 2,
        "strategy": STRATEGIES[strategy](),
        "use_distributed_sampler": False,
        "callbacks": [switches],
    }
    trainer(Path(folder), max_steps=2, max_epochs=2, limit_val_batches=0, **options).fit(module, data)
    return parameters_to_vector(module.parameters()).detach()


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_two_processes_train_as_without(tmp_path: Path, strategy: str) -> None:
    plain, _ = run_together(trained, str(tmp_path), strategy, False)
    for weights in run_together(trained, str(tmp_path), strategy, True):
        torch.testing.assert_close(weights, plain, rtol=1e-8, atol=1e-10)
