"""What GAN, DCGAN and WGAN-GP share, shown on the smallest GAN: each regulariser against its closed form."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pytest
import torch
from support.tiny import trainer
from torch import Tensor, nn
from torch.utils.data import DataLoader

from datamodules.base import PredictBatch
from datamodules.images import ImageBatch, SampleBatch
from gans.dcgan import DCGAN
from gans.gan import GAN
from gans.protocol import HasLatent, MakesSamples

SLOPE = 3.0


class LinearScore(nn.Module):
    """Scores an image by SLOPE times its mean: its gradient is SLOPE / pixels at each pixel, everywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(SLOPE))
        self.seen: list[Tensor] = []

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        self.seen.append(images.detach())
        return self.slope * images.flatten(1).mean(1)


def tiny(**arguments: Any) -> GAN:
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"image_size": 4, "channels": 1, "latent_size": 3, "width": 5}
    return GAN(**(sizes | arguments))


def linear(**arguments: Any) -> tuple[GAN, LinearScore]:
    """Return a GAN whose discriminator is linear: its losses are known."""
    module, score = tiny(**arguments), LinearScore()
    module.discriminator = score
    return module, score


def batch(count: int = 4, seed: int = 1) -> ImageBatch:
    images = torch.rand(count, 1, 4, 4, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    return ImageBatch(images, names=[f"{index}.png" for index in range(count)])


def fit(module: GAN, folder: Path, steps: int = 1, **options: Any) -> Any:
    """Train in `steps` steps on one batch each; return the trainer."""
    options = {"max_steps": steps, "max_epochs": -1, "precision": "32-true"} | options
    fitting = trainer(folder, **options)
    fitting.fit(module, DataLoader([batch()] * steps, batch_size=None))  # type: ignore[arg-type]
    return fitting


# Regularisers


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


def test_samples_come_from_the_averaged_generator(tmp_path: Path) -> None:
    module = tiny(ema_decay=0.9, learning_rate=0.05)
    fit(module, tmp_path, 5)
    averaged = module.sample(2)
    module.ema.clear()
    assert not torch.allclose(averaged, module.sample(2))


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


# Samples


def test_a_seed_gives_the_same_image_in_any_batch() -> None:
    module = tiny()
    assert isinstance(module, HasLatent)
    assert isinstance(module, MakesSamples)
    five = module.sample(5, seed=3)
    torch.testing.assert_close(five[2:3], module.sample(1, seed=5))
    torch.testing.assert_close(module.decode(module.latents([7, 3]))[1], five[0])
    assert torch.equal(module.latents([3, 4]), module.latents([4, 3]).flip(0))
    assert five.flatten(1).unique(dim=0).shape[0] == 5
    assert module.sample(0).shape == (0, 1, 4, 4)


def test_latents_are_the_same_on_every_machine() -> None:
    """The Mersenne Twister by numpy and the Box-Muller transform, written out."""
    twister = np.random.RandomState(3)
    torch.testing.assert_close(
        tiny(latent_size=2).latents([3])[0].double(),
        torch.from_numpy(_box_muller(twister)),
        rtol=1e-6,
        atol=0,
    )


def _box_muller(twister: np.random.RandomState) -> Any:
    """Return a pair of normal numbers of two uniform ones of 53 bits, as torch draws them on a CPU."""
    high, low = twister.randint(0, 2**32, 4, dtype=np.uint64).reshape(2, 2).T
    u, v = ((high << np.uint64(32)) | low) % np.uint64(2**53) / 2**53
    radius = np.sqrt(-2 * np.log1p(-v))
    return radius * np.array([np.cos(2 * np.pi * u), np.sin(2 * np.pi * u)])


def test_sampling_leaves_no_trace() -> None:
    module = DCGAN(image_size=16, width=2, latent_size=3)
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    draws = torch.random.get_rng_state()
    module.sample(3)
    assert torch.equal(torch.random.get_rng_state(), draws)
    assert module.generator.training
    assert all(torch.equal(before[name], tensor) for name, tensor in module.state_dict().items())


def test_a_checkpoint_alone_makes_the_same_images(tmp_path: Path) -> None:
    module = tiny(ema_decay=0.9, spectral_norm=True, learning_rate=0.01)
    fit(module, tmp_path, 3).save_checkpoint(tmp_path / "last.ckpt")
    loaded = GAN.load_from_checkpoint(tmp_path / "last.ckpt")
    assert torch.equal(loaded.sample(16, seed=3), module.sample(16, seed=3))


def test_samples_are_compared_as_many_as_there_are_images_by_name() -> None:
    module, held_out = tiny(), batch(5)
    ((name, comparison),) = module.comparisons(held_out).items()
    assert name == "samples"
    assert comparison.real is held_out.images
    torch.testing.assert_close(comparison.fake[3:4], module.sample(1, seed=crc32(b"3.png")))
    part = ImageBatch(held_out.images[3:], names=held_out.names[3:])
    torch.testing.assert_close(module.comparisons(part)["samples"].fake, comparison.fake[3:])


def test_the_grid_shows_the_samples_of_seeds_in_order() -> None:
    module = tiny()
    grid = module.grids(batch(3))["samples"]
    assert list(grid.columns) == ["+ 0", "+ 1", "+ 2"]
    assert grid.row_labels == ["seed 0", "seed 3", "seed 6"]
    rows = torch.stack(list(grid.columns.values()), 1)
    torch.testing.assert_close(rows.flatten(0, 1), module.sample(9))


def test_points_are_drawn_over_the_real_ones() -> None:
    module = tiny(image_size=1, channels=2)
    grid = module.grids(ImageBatch(torch.randn(50, 2, 1, 1)))["points"]
    (picture,) = grid.columns.values()
    assert picture.shape[:2] == (1, 3)
    assert module.discriminator.training
    unbounded = module.decode(1000 * module.latents(range(10)))
    assert unbounded.abs().max() > 1


def test_predictions_are_samples_under_the_names_of_their_seeds() -> None:
    module = tiny()
    made = module.predict_step(SampleBatch(torch.tensor([4, 9]), ["a.png", "b.png"]), 0)
    torch.testing.assert_close(made.images, torch.cat([module.sample(1, 4), module.sample(1, 9)]))
    assert made.names == ["a.png", "b.png"]
    with pytest.raises(ValueError, match=r"leave data\.predict_dir out"):
        module.predict_step(PredictBatch(batch().images, ["a.png"]), 0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("classes", "labels", "said"),
    [
        (0, torch.zeros(2, dtype=torch.int64), "trained without classes: it takes no labels"),
        (3, None, r"2 images need one class each, labels of shape \(2,\), not none"),
        (3, torch.zeros(1, dtype=torch.int64), r"not labels of shape \(1,\)"),
        (3, torch.tensor([0, 3]), "classes from 0 to 2; these reach from 0 to 3"),
    ],
)
def test_labels_that_do_not_fit_are_explained(classes: int, labels: Tensor | None, said: str) -> None:
    module = tiny(classes=classes)
    with pytest.raises(ValueError, match=said):
        module.decode(module.latents([0, 1]), labels)
