"""What GAN, DCGAN and WGAN-GP share, shown on the smallest GAN: each regulariser against its closed form."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from support.small_gans import SLOPE, batch, fit, linear, tiny
from support.tiny import trainer
from torch import Tensor, nn
from torch.utils.data import DataLoader

from gans.dcgan import DCGAN


@pytest.mark.parametrize(
    ("argument", "name", "expected"),
    [
        # The gradient's squared norm is SLOPE^2 / 16 with 16 pixels.
        ("r1_weight", "r1", SLOPE**2 / 16 / 2),
        ("r2_weight", "r2", SLOPE**2 / 16 / 2),
        ("gradient_penalty", "gradient_penalty", (SLOPE / 4 - 1) ** 2),
    ],
)
def test_penalties_of_a_linear_score(argument: str, name: str, expected: float) -> None:
    module, score = linear(**{argument: 7.0})
    terms = module.discriminator_terms(batch(), module.produce(batch()))
    assert set(terms) == {"adversarial", name}
    assert float(terms[name]) == pytest.approx(7 * expected, rel=1e-5)
    (gradient,) = torch.autograd.grad(terms[name], score.slope)
    assert float(gradient) != 0  # it trains the discriminator


def test_penalties_are_taken_where_their_names_say() -> None:
    fake = torch.full((4, 1, 4, 4), 5.0)
    for argument, low, high in (("r1_weight", -1, 1), ("r2_weight", 5, 5), ("gradient_penalty", -1, 5)):
        module, score = linear(**{argument: 1.0})
        module.discriminator_terms(batch(), fake)
        at = score.seen[-1]
        assert low <= float(at.min()) <= float(at.max()) <= high, argument
    assert at.flatten(1).std(0).min() > 0.1  # each on its own place between real and fake


def test_lazy_penalties_come_rarely_and_as_much_stronger(tmp_path: Path) -> None:
    module, score = linear(r1_weight=7.0, penalty_every=3, learning_rate=0.0)
    totals = []
    for step in range(1, 5):
        logged = fit(module, tmp_path, step).callback_metrics
        totals.append(float(logged["train/discriminator/total"] - logged["train/discriminator/adversarial"]))
    penalty = 3 * 7 * SLOPE**2 / 16 / 2
    assert totals == pytest.approx([penalty, 0, 0, penalty], abs=1e-5)
    assert score.seen


@pytest.mark.parametrize("name", ["minimax", "non_saturating", "least_squares"])
def test_label_smoothing_moves_the_target_of_real_images_alone(name: str) -> None:
    module, score = linear(objective=name, label_smoothing=0.1)
    with torch.no_grad():
        fake = module.produce(batch())
        real_scores, fake_scores = score(batch().images), score(fake)
        terms = module.discriminator_terms(batch(), fake)
        aim = module.generator_terms(batch(), fake)["adversarial"]
        plain = linear(objective=name)[0].generator_terms(batch(), fake)["adversarial"]
    if name == "least_squares":
        expected = (real_scores - 0.9).square().mean() + fake_scores.square().mean()
    else:
        cross_entropy = nn.functional.binary_cross_entropy_with_logits
        expected = cross_entropy(real_scores, torch.full((4,), 0.9))
        expected = expected + cross_entropy(fake_scores, torch.zeros(4))
    torch.testing.assert_close(terms["adversarial"], expected)
    torch.testing.assert_close(aim, plain)
    assert (module.loss_floors()["discriminator"] > 0.3) == (name != "least_squares")


def test_instance_noise_fades_over_its_share_of_the_training(tmp_path: Path) -> None:
    module, score = linear(instance_noise=0.8, instance_noise_share=0.5, learning_rate=0.0)
    fit(module, tmp_path, 8)
    # Each step shows real and fake in the discriminator's turn, then the fake in the generator's.
    shown = [score.seen[index] for index in range(0, len(score.seen), 2)]
    deviations = [float((images[:4] - batch().images).std()) for images in shown]
    assert len(deviations) == 8
    assert deviations[:4] == pytest.approx([0.8, 0.6, 0.4, 0.2], rel=0.35)
    assert deviations[4:] == pytest.approx([0] * 4, abs=1e-6)
    fakes = [(score.seen[2 * step][4:] - score.seen[2 * step + 1]).std() for step in range(8)]
    assert min(fakes[:4]) > 0.1  # drawn anew for the generator's turn
    assert max(fakes[4:]) == 0


def test_instance_noise_without_an_end_is_refused(tmp_path: Path) -> None:
    module = tiny(instance_noise=0.1)
    loader: DataLoader[Any] = DataLoader([batch()], batch_size=None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"has no end: set --trainer\.max_epochs"):
        trainer(tmp_path, max_epochs=-1).fit(module, loader)


def test_diffaugment_changes_real_and_fake_in_both_players_turns() -> None:
    module, score = linear(diffaugment=["cutout"])
    fake = module.produce(batch())
    module.discriminator_terms(batch(), fake)
    loss = module.generator_terms(batch(), fake)["adversarial"]
    in_turn_of_discriminator, in_turn_of_generator = score.seen
    real_shown, fake_shown = in_turn_of_discriminator.split(4)
    for shown, original in ((real_shown, batch().images), (fake_shown, fake), (in_turn_of_generator, fake)):
        kept = (shown == 0).float().mean()
        assert kept > 0.05  # cut out
        assert not torch.equal(shown, original)
    assert not torch.equal(fake_shown, in_turn_of_generator)
    (gradient,) = torch.autograd.grad(loss, fake)
    assert 0 < (gradient == 0).float().mean() < 1  # none at pixels that were cut out, the others learn


def test_spectral_norm_bounds_every_layer_of_the_discriminator_alone(tmp_path: Path) -> None:
    module = tiny(spectral_norm=True, learning_rate=0.01, width=16)
    fit(module, tmp_path, 40)
    module.eval()
    layers = [layer for layer in module.discriminator.modules() if isinstance(layer, nn.Linear)]
    assert len(layers) == 3
    for layer in layers:
        assert float(torch.linalg.matrix_norm(layer.weight, 2)) == pytest.approx(1, abs=0.1)
    assert not [name for name, _ in module.generator.named_parameters() if "parametrizations" in name]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"objective": "hinge", "label_smoothing": 0.1}, "label_smoothing is 0.1, but the objective hinge"),
        ({"objective": "wasserstein"}, "wasserstein.* set one of gradient_penalty, r1_weight, r2_weight"),
        ({"label_smoothing": 0.5}, r"model.label_smoothing is 0.5: it lies in \[0, 0.5\)"),
        ({"discriminator_steps": 0}, "model.discriminator_steps is 0"),
        ({"r1_weight": -1.0}, "model.r1_weight is -1"),
        ({"penalty_every": 0}, "counts steps"),
        ({"instance_noise_share": 0.0}, "above 0"),
        ({"diffaugment": ["colour"]}, "color, translation, cutout"),
        ({"objective": "wgan"}, "wasserstein"),
    ],
)
def test_what_cannot_be_right_is_explained(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        tiny(**arguments)


@pytest.mark.parametrize(
    "argument", [{"gradient_penalty": 1.0}, {"r1_weight": 1.0}, {"r2_weight": 1.0}, {"spectral_norm": True}]
)
def test_batch_norm_under_a_penalty_is_refused(argument: dict[str, Any]) -> None:
    small = partial(DCGAN, image_size=16, width=2, latent_size=3)
    with pytest.raises(ValueError, match=f"model.{next(iter(argument))} .*discriminator_norm to none"):
        small(**argument)
    small(**argument, discriminator_norm="none")


# The game


def test_players_take_turns(tmp_path: Path) -> None:
    """Three steps of the discriminator on fresh noise, then one of the generator."""
    module = tiny(discriminator_steps=3)
    generators, discriminators = [], []
    for step in range(1, 7):
        torch.manual_seed(0)
        module = tiny(discriminator_steps=3)
        fit(module, tmp_path, step)
        generators.append(module.generator.get_parameter("stages.0.weight").detach().clone())
        discriminators.append(module.discriminator.get_parameter("score.weight").detach().clone())
    assert [torch.equal(generators[i], generators[i + 1]) for i in range(5)] == [
        True,
        False,
        True,
        True,
        False,
    ]
    assert not any(torch.equal(discriminators[i], discriminators[i + 1]) for i in range(5))


def test_every_step_has_fresh_noise(tmp_path: Path) -> None:
    module = tiny()
    drawn: list[Tensor] = []
    draw = module.noise

    def noise(count: int) -> Tensor:
        drawn.append(draw(count))
        return drawn[-1]

    module.noise = noise  # type: ignore[method-assign]
    fit(module, tmp_path, 50)
    latents = torch.cat(drawn)
    assert latents.shape == (200, 3)
    assert len(latents.unique(dim=0)) == 200
    assert float(latents.mean()) == pytest.approx(0, abs=0.15)
    assert float(latents.std()) == pytest.approx(1, abs=0.1)


def test_a_resting_generator_makes_its_fakes_without_a_graph() -> None:
    assert not tiny(discriminator_steps=2).produce(batch()).requires_grad
    assert tiny(discriminator_steps=1).produce(batch()).requires_grad
