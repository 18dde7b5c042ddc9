"""Augmentation with a probability: fixed, scheduled, or by how surely the discriminator recognises images."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from support.processes import run_alone, run_together
from support.runs import final, fit
from support.small_gans import batch, linear, tiny
from support.small_gans import fit as train
from support.tiny import trainer
from support.toys import TOYS
from torch import Tensor
from torch.utils.data import DataLoader

from gans.losses.adversarial import objective
from gans.sampling.adaptive import AdaptiveProbability
from gans.sampling.draws import Draws
from gans.sampling.joined_noise import joined_noise

BRIGHTER = {"augment": "fixed", "augment_probability": 1.0, "augment_pipe": {"brightness": 1.0}}


def scores(recognised: int, of: int = 10) -> Tensor:
    """Return scores of real images, as many of them above 0 as given."""
    return torch.where(torch.arange(of) < recognised, 0.3, -7.0)


# The rule


@pytest.mark.parametrize(
    ("recognised", "moved"),
    [(10, 0.032), (9, 0.032), (8, 0.0), (7, -0.032), (0, -0.032)],  # of 10; the target is a mean sign of 0.6
)
def test_the_probability_moves_towards_the_target(recognised: int, moved: float) -> None:
    adaptive = AdaptiveProbability(start=0.5, target=0.6, kimg=0.5)
    for _ in range(4):
        adaptive.notice(scores(recognised))
        adaptive.count(4)
    adaptive.adapt()
    assert adaptive.sign == pytest.approx(2 * recognised / 10 - 1)
    assert adaptive.probability == pytest.approx(0.5 + moved, abs=1e-12)  # 16 images of 500


def test_it_never_falls_below_0_and_may_rise_above_1() -> None:
    adaptive = AdaptiveProbability(start=0.0, target=0.6, kimg=0.01)
    for recognised, expected in ((0, 0.0), (10, 0.6), (10, 1.2), (0, 0.6)):
        adaptive.notice(scores(recognised))
        adaptive.count(6)
        adaptive.adapt()
        assert adaptive.probability == pytest.approx(expected)


def test_each_look_forgets_what_was_noticed_before() -> None:
    adaptive = AdaptiveProbability(start=0.5, target=0.0, kimg=1.0)
    for recognised in (10, 4):
        adaptive.notice(scores(recognised))
        adaptive.count(10)
        adaptive.adapt()
    assert adaptive.sign == pytest.approx(-0.2)
    adaptive.adapt()  # nobody scored a real image since
    assert (adaptive.sign, adaptive.probability) == (pytest.approx(-0.2), pytest.approx(0.5))


def test_it_goes_on_amid_an_interval() -> None:
    whole, broken = (AdaptiveProbability(start=0.5, target=0.6, kimg=1.0) for _ in range(2))
    whole.notice(scores(3))
    whole.count(10)
    broken.set_extra_state(whole.get_extra_state())
    for adaptive in (whole, broken):
        adaptive.notice(scores(10))
        adaptive.count(10)
        adaptive.adapt()
    assert broken.get_extra_state() == whole.get_extra_state()
    assert broken.sign == pytest.approx((2 * 13 - 20) / 20)


REAL, FAKE = torch.tensor([-1.0, 0.2, 0.7, 3.0]), torch.tensor([-2.0, 1.0, 0.5, 2.5])


@pytest.mark.parametrize(
    ("name", "recognised"),
    [
        ("minimax", [False, True, True, True]),
        ("non_saturating", [False, True, True, True]),
        ("hinge", [False, True, True, True]),
        ("least_squares", [False, False, True, True]),  # above half the target
        ("wasserstein", [False, False, True, True]),  # above the mean fake, 0.5
        ("relativistic_average", [False, False, True, True]),
        ("relativistic", [True, False, True, True]),  # above its own fake
    ],
)
def test_every_objective_says_when_an_image_is_recognised(name: Any, recognised: list[bool]) -> None:
    assert (objective(name).margins(REAL, FAKE) > 0).tolist() == recognised


# In training


@pytest.mark.parametrize(("slope", "sign"), [(3.0, 1.0), (-3.0, -1.0)])  # the batch's means are above 0
def test_an_adaptive_probability_follows_the_discriminator(tmp_path: Path, slope: float, sign: float) -> None:
    arguments = {"augment": "adaptive", "augment_every": 2, "augment_kimg": 0.1, "learning_rate": 0.0}
    arguments |= {"augment_probability": 0.5, "augment_pipe": {"hue": 1.0}}  # which grey images have not
    for steps, moves in ((1, 0), (3, 1), (4, 2)):
        module, score = linear(**arguments)
        with torch.no_grad():
            score.slope.fill_(slope)
        logged = train(module, tmp_path, steps).callback_metrics
        assert float(logged["train/augment/probability"]) == pytest.approx(0.5 + sign * moves * 0.08)
        assert float(logged.get("train/augment/sign", 0)) == (sign if moves else 0)


def test_a_scheduled_probability_follows_half_a_cosine(tmp_path: Path) -> None:
    arguments = {"augment": "scheduled", "augment_probability": 0.2, "augment_final_probability": 0.8}
    module = tiny(**arguments, augment_share=0.5, augment_pipe={"xflip": 1.0})
    seen: list[float] = []
    module.generator_terms = _noting(module, seen)  # type: ignore[method-assign]
    train(module, tmp_path, 8)
    expected = [0.5 - 0.3 * math.cos(math.pi * min(1, step / 4)) for step in range(8)]
    assert seen == pytest.approx(expected)


def _noting(module: Any, seen: list[float]) -> Any:
    terms = module.generator_terms

    def noting(batch: Any, fake: Tensor) -> dict[str, Tensor]:
        seen.append(module.augment_probability())
        return dict(terms(batch, fake))

    return noting


def test_real_and_fake_are_augmented_in_both_players_turns() -> None:
    module, score = linear(**BRIGHTER)
    fake = module.produce(batch())
    module.discriminator_terms(batch(), fake)
    loss = module.generator_terms(batch(), fake)["adversarial"]
    in_turn_of_discriminator, in_turn_of_generator = score.seen
    real_shown, fake_shown = in_turn_of_discriminator.split(4)
    shifts = []
    for shown, original in ((real_shown, batch().images), (fake_shown, fake), (in_turn_of_generator, fake)):
        added = (shown - original.detach()).flatten(1)
        torch.testing.assert_close(added, added.mean(1, keepdim=True).expand_as(added), atol=1e-6, rtol=0)
        shifts.append(added.mean(1))
    assert len(torch.cat(shifts).round(decimals=4).unique()) == 12  # each image in its own way, every time
    (gradient,) = torch.autograd.grad(loss, fake)
    assert (gradient != 0).all()


def test_draws_are_a_function_of_seed_and_step_and_not_those_of_the_latents(tmp_path: Path) -> None:
    def drawn() -> tuple[list[Tensor], list[Tensor]]:
        module, score = linear(**BRIGHTER, learning_rate=0.0)
        latents: list[Tensor] = []
        module.noise = lambda count: latents.append(joined_noise(module, count, 3)) or latents[-1]  # type: ignore
        torch.manual_seed(int(torch.randint(100, ())))  # which nothing may depend on
        train(module, tmp_path, 3)
        return [images[:4] - batch().images for images in score.seen[::2]], latents

    (first, latents), (second, _) = drawn(), drawn()
    for one, other in zip(first, second, strict=True):
        assert torch.equal(one, other)
    shifts = torch.stack([added.mean((1, 2, 3)) for added in first])
    assert len(shifts.round(decimals=4).unique()) == 12
    rows = torch.stack(latents).flatten(1)[:, :4]
    assert not torch.isclose(shifts / 0.2, rows, atol=1e-3).any()


SEPARABLE = TOYS["DCGAN"].separable | {
    "augment": "adaptive",
    "augment_pipe": {"blit": 1.0, "color": 1.0},
    "augment_probability": 0.7,
    "augment_every": 2,
    "augment_kimg": 0.05,
}


def call(into: str, settings: dict[str, Any]) -> list[dict[str, Tensor]]:
    return fit("DCGAN", into, **settings)


def test_two_processes_augment_and_adapt_as_one(tmp_path: Path) -> None:
    settings = {"model": SEPARABLE, "trainer": {"precision": "64-true", "max_epochs": 2}}
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    alone = run_alone(call, str(one), settings | {"data": {"batch_size": 4}})
    both = run_together(call, str(two), settings | {"data": {"batch_size": 2}})
    assert len(alone) == 4
    for joined, first, second in zip(alone, *both, strict=True):
        for parameter, gradient in joined.items():
            assert torch.equal(first[parameter], second[parameter]), parameter
            torch.testing.assert_close(first[parameter], gradient, rtol=1e-7, atol=1e-12)
    states = [final(folder)["gans_histories"] for folder in (one, two)]
    probabilities = [state["regularisers.adaptive"]["probability"] for held in states for state in held]
    assert len(probabilities) == 3
    assert len(set(probabilities)) == 1
    assert probabilities[0] != 0.7


def test_a_run_can_go_on_with_or_without_adaptive_augmentation(tmp_path: Path) -> None:
    for before, after in ((None, "adaptive"), ("adaptive", None)):
        first = train(tiny(augment=before), tmp_path, 2)
        path = tmp_path / f"{before}.ckpt"
        first.save_checkpoint(path)
        module = tiny(augment=after)
        fitting = trainer(tmp_path, max_steps=3, max_epochs=-1, precision="32-true")
        fitting.fit(module, DataLoader([batch()] * 3, batch_size=None), ckpt_path=str(path))  # type: ignore
        assert fitting.global_step == 3
        assert (module.regularisers.adaptive is not None) == (after == "adaptive")


# What cannot be right


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"augment": "ada"}, "model.augment is 'ada': it is one of adaptive, fixed and scheduled"),
        ({"augment": "scheduled"}, "augment_final_probability None: a scheduled probability"),
        ({"augment": "adaptive", "augment_final_probability": 0.5}, "and no other does"),
        ({"augment": "fixed"}, "augment_probability 0, which changes nothing"),
        ({"augment": "adaptive", "image_size": 1}, "points in the plane"),
        ({"augment": "adaptive", "augment_pipe": {"colour": 1.0}}, "unknown part 'colour'"),
        ({"augment_probability": -0.1}, "model.augment_probability is -0.1"),
        ({"augment_target": 1.0}, "mean of signs, between -1 and 1"),
        ({"augment_kimg": 0.0}, "model.augment_kimg is 0.0: it is above 0"),
        ({"augment_every": 0}, "counts steps"),
        ({"augment_share": 0.0}, "above 0 and up to 1"),
    ],
)
def test_what_cannot_be_right_is_refused(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        tiny(**arguments)


def test_colours_of_two_channels_are_refused_where_they_are_met(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="images of 1 or 3 channels, and the discriminator sees 2"):
        tiny(**BRIGHTER, channels=2).shown(torch.rand(4, 2, 4, 4))


def test_a_schedule_without_an_end_is_refused(tmp_path: Path) -> None:
    arguments = {"augment": "scheduled", "augment_probability": 0.2, "augment_final_probability": 0.8}
    loader: DataLoader[Any] = DataLoader([batch()], batch_size=None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"has no end: set --trainer\.max_epochs"):
        trainer(tmp_path, max_epochs=-1).fit(tiny(**arguments), loader)


def test_draws_without_a_trainer_come_from_the_global_generator() -> None:
    torch.manual_seed(3)
    first = Draws().uniform(torch.zeros(2, 1, 4, 4))
    torch.manual_seed(3)
    assert torch.equal(torch.rand(2), first)
