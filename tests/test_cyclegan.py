from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.official_steps import assert_official_steps
from support.parity import wave
from torch import Tensor, nn

from datamodules.unpaired.batches import UnpairedBatch
from gans.cyclegan import CycleGAN
from gans.networks.antialiasing import AntialiasedDownsample, AntialiasedUpsample

TINY: dict[str, Any] = {
    "image_size": 16,
    "generator_width": 4,
    "blocks": 1,
    "discriminator_width": 4,
    "discriminator_layers": 1,
}


def tiny(**arguments: Any) -> CycleGAN:
    torch.manual_seed(0)
    return CycleGAN(**(TINY | arguments))


def images(count: int = 2, channels: int = 3, side: int = 16, seed: int = 0) -> Tensor:
    return torch.rand(count, channels, side, side, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def calls_of(network: nn.Module) -> list[int]:
    """Return a list that grows by the size of each batch that goes through the network."""
    sizes: list[int] = []
    network.register_forward_pre_hook(lambda _, entering: sizes.append(len(entering[0])))
    return sizes


def test_three_steps_equal_the_official_program(tmp_path: Path) -> None:
    module = CycleGAN(
        image_size=64, generator_width=16, discriminator_width=16, history_size=0, schedule="constant"
    )
    terms = {
        "train/generator/adversarial_A2B": lambda losses: losses["G_A"],
        "train/generator/adversarial_B2A": lambda losses: losses["G_B"],
        "train/generator/cycle_A": lambda losses: losses["cycle_A"],
        "train/generator/cycle_B": lambda losses: losses["cycle_B"],
        # The authors name these two after the generator, we after the image.
        "train/generator/identity_B": lambda losses: losses["idt_A"],
        "train/generator/identity_A": lambda losses: losses["idt_B"],
        "train/generator/total": lambda losses: losses["(not printed) loss_G total"],
        # The authors' D_A judges images of B.
        "train/discriminator/B": lambda losses: losses["D_A"],
        "train/discriminator/A": lambda losses: losses["D_B"],
    }
    networks = {
        "generator_A2B": "G_A",
        "generator_B2A": "G_B",
        "discriminator_B": "D_A",
        "discriminator_A": "D_B",
    }
    batch = UnpairedBatch(wave(1, 3, 64, 64), wave(1, 3, 64, 64, function=np.cos))
    assert_official_steps(module, batch, "cyclegan", terms, networks, tmp_path)


@pytest.mark.parametrize(("identity_weight", "expected"), [(0.5, [4]), (0.0, [2])])
def test_identity_shares_the_forward_pass_or_costs_none(identity_weight: float, expected: list[int]) -> None:
    module = tiny(identity_weight=identity_weight)
    batch = UnpairedBatch(images(), images(seed=1))
    sizes = calls_of(module.generator_A2B)
    made = module.produce(batch)
    assert sizes == expected
    terms = module.generator_terms(batch, made)
    assert ("identity_A" in terms) == (identity_weight > 0)


def test_networks_may_be_antialiased() -> None:
    module = tiny(downsampling="antialiased", upsampling="antialiased")
    halving = [part for part in module.modules() if isinstance(part, AntialiasedDownsample)]
    doubling = [part for part in module.modules() if isinstance(part, AntialiasedUpsample)]
    assert (len(halving), len(doubling)) == (2 * 2 + 2 * 1, 2 * 2)
    batch = UnpairedBatch(images(), images(seed=1))
    assert module.produce(batch).fake_B.shape == batch.B.shape


def test_with_batch_norm_images_are_not_joined() -> None:
    module = tiny(norm="batch")
    sizes = calls_of(module.generator_A2B)
    module.produce(UnpairedBatch(images(), images(seed=1)))
    assert sizes == [2, 2]


def test_domains_of_other_channels_need_no_identity_loss() -> None:
    with pytest.raises(ValueError, match=r"B \(3 channels\).*takes A \(1 channels\).*identity_weight 0"):
        tiny(channels_A=1)
    module = tiny(channels_A=1, identity_weight=0.0)
    batch = UnpairedBatch(images(channels=1), images(seed=1))
    made = module.produce(batch)
    assert all(term.isfinite() for term in module.generator_terms(batch, made).values())
    assert module.translate(batch.A, "A2B").shape == (2, 3, 16, 16)
    assert module.translate(batch.B, "B2A").shape == (2, 1, 16, 16)


def test_each_cycle_may_have_a_weight_of_its_own() -> None:
    batch = UnpairedBatch(images(), images(seed=1))

    def terms(**weights: float) -> dict[str, Tensor]:
        torch.manual_seed(0)
        module = tiny(**weights)
        return module.generator_terms(batch, module.produce(batch))

    plain, own = terms(), terms(lambda_A=5.0, lambda_B=30.0)
    factors = {"cycle_A": 0.5, "identity_A": 0.5, "cycle_B": 3.0, "identity_B": 3.0}
    for name, value in plain.items():
        torch.testing.assert_close(own[name], factors.get(name, 1.0) * value)
    assert terms(lambda_B=0.0)["cycle_A"] == plain["cycle_A"]


@pytest.mark.parametrize("weight", ["lambda_cycle", "lambda_A", "lambda_B", "identity_weight"])
def test_negative_weights_are_refused(weight: str) -> None:
    with pytest.raises(ValueError, match=rf"model\.{weight} (is )?-1\.0.*not negative"):
        tiny(**{weight: -1.0})


def test_the_discriminators_see_old_fakes_and_the_generators_do_not() -> None:
    module = tiny(history_size=2)
    batch = UnpairedBatch(images(), images(seed=1))
    old = images(seed=9)
    module.history_B.images = [old[0], old[1]]
    seen: list[Tensor] = []
    module.discriminator_B.register_forward_pre_hook(lambda _, entering: seen.append(entering[0]))
    made = module.produce(batch)
    module.generator_terms(batch, made)
    assert torch.equal(seen[0], made.fake_B)
    torch.manual_seed(1)
    module.discriminator_terms(batch, made)
    shown = seen[1][2:]
    from_history = [any(torch.equal(image, past) for past in old) for image in shown]
    newest = [torch.equal(image, fake) for image, fake in zip(shown, made.fake_B, strict=True)]
    assert any(from_history)
    assert all(past != new for past, new in zip(from_history, newest, strict=True))
    assert not shown.requires_grad


def test_every_objective_plays_both_sides() -> None:
    batch = UnpairedBatch(images(), images(seed=1))
    losses = set()
    for name in ("minimax", "non_saturating", "least_squares", "hinge", "wasserstein", "relativistic"):
        module = tiny(objective=name)
        made = module.produce(batch)
        terms = {**module.generator_terms(batch, made), **module.discriminator_terms(batch, made)}
        losses.add((round(float(terms["adversarial_A2B"]), 6), round(float(terms["A"]), 6)))
    assert len(losses) == 6


def test_translation_without_trainer_takes_one_or_many_images_of_any_size() -> None:
    module = tiny().train()
    many = images(3, side=20)
    translated = module.translate(many, "B2A")
    assert translated.shape == many.shape
    torch.testing.assert_close(module.translate(many[1], "B2A"), translated[1], rtol=1e-4, atol=1e-5)
    assert not torch.equal(module.translate(many, "A2B"), translated)
    assert module.generator_A2B.training
    with pytest.raises(ValueError, match="it is A2B or B2A"):
        module.translate(many, "AtoB")  # type: ignore[arg-type]


def test_more_blocks_for_larger_images_as_published() -> None:
    def blocks(size: int, given: int | None = None) -> int:
        module = tiny(image_size=size, blocks=given)
        return sum(type(part).__name__ == "ResidualBlock" for part in module.generator_A2B.modules())

    assert [blocks(128), blocks(256), blocks(256, given=0)] == [6, 9, 0]
