"""Translation with a style, shown on the smallest MUNIT."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from support.small_munit import NAMES, batch, fit, images, tiny

from datamodules.base import PredictBatch
from datamodules.unpaired.batches import UnpairedBatch


def test_a_seed_decides_the_outcome_whatever_else_is_translated() -> None:
    module, many = tiny(), images(3)
    outcome = module.translate(many, seed=1)
    torch.manual_seed(5)
    assert torch.equal(module.translate(many, seed=1), outcome)
    assert not torch.allclose(module.translate(many, seed=2), outcome, atol=1e-2)
    alone = module.translate(many[2], seed=1)
    assert alone.shape == (3, 16, 16)
    torch.testing.assert_close(alone, outcome[2], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(module.translate(many, "B2A", seed=1), outcome, atol=1e-2)


def test_given_styles_are_taken_one_for_all_or_one_for_each() -> None:
    module, many = tiny(), images(3)
    styles = torch.randn(3, 3)
    each = module.translate(many, style=styles)
    for place, style in enumerate(styles):
        one = module.translate(many, style=style)[place]
        torch.testing.assert_close(one, each[place], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(module.translate(many, style=styles[0])[1], each[1], atol=1e-2)


def test_a_reference_image_lends_the_style_of_the_target_domain() -> None:
    module, many, reference = tiny(channels_B=1), images(3), images(3, 1, 24, 40, seed=3)
    styled = module.translate(many, style=reference)
    codes = module.style_of(reference, "B")
    torch.testing.assert_close(codes, module.autoencoder_B.style_of(reference).detach())
    torch.testing.assert_close(styled, module.translate(many, style=codes))
    torch.testing.assert_close(
        module.translate(many, style=reference[0]), module.translate(many, style=codes[0])
    )
    back = module.translate(images(1, 1), "B2A", style=many[0])
    torch.testing.assert_close(
        back, module.translate(images(1, 1), "B2A", style=module.style_of(many, "A")[0])
    )


def test_wrong_requests_say_what_is_wanted() -> None:
    module = tiny(channels_B=1)
    with pytest.raises(ValueError, match="it is A2B or B2A"):
        module.translate(images(), "AtoB")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"\(2, 5\): for 2 images it is \(3,\) or \(2, 3\)"):
        module.translate(images(), style=torch.zeros(2, 5))
    with pytest.raises(ValueError, match=r"\(3, 3\).*as many or one"):
        module.translate(images(), style=images(3, 1))
    with pytest.raises(ValueError, match="3 channels, and the model takes 1"):
        module.translate(images(), style=images())


@pytest.mark.parametrize(("height", "width"), [(64, 64), (20, 33), (7, 40), (1, 5)])
def test_it_translates_images_of_any_size(height: int, width: int) -> None:
    shown = images(1, 3, height, width)
    translated = tiny().translate(shown)
    assert translated.shape == shown.shape
    changed = shown.clone()
    changed[..., -1, -1] *= -1  # the last corner bears on the picture: nothing is cut off
    assert not torch.equal(tiny().translate(changed)[..., -4:, -4:], translated[..., -4:, -4:])


def test_a_process_without_images_evaluates_none() -> None:
    nothing = UnpairedBatch(images(0), images(0), images(0), images(0))
    for comparison in tiny().comparisons(nothing).values():
        assert comparison.fake.shape == (0, 3, 16, 16)
    assert tiny().outcomes(nothing, 3)["B2A"].shape == (0, 3, 3, 16, 16)


def test_outcomes_differ_by_style_alone_and_depend_on_names_alone() -> None:
    module, pairs = tiny(), batch()
    outcomes = module.outcomes(pairs, 3)
    assert {name: tuple(made.shape) for name, made in outcomes.items()} == dict.fromkeys(
        ("A2B", "B2A"), (2, 3, 3, 16, 16)
    )
    for made in outcomes["A2B"]:
        assert len({round(float(image.sum()), 3) for image in made}) == 3
    last = UnpairedBatch(pairs.A[1:], pairs.B[1:], names_A=NAMES[1:], names_B=NAMES[1:])
    torch.testing.assert_close(module.outcomes(last, 3)["A2B"][0], outcomes["A2B"][1], rtol=1e-4, atol=1e-5)
    fixed = tiny(style_std=0.0).outcomes(pairs, 2)["A2B"]
    assert torch.equal(fixed[:, 0], fixed[:, 1])


def test_random_outcomes_are_not_held_against_one_truth() -> None:
    module, pairs = tiny(), batch()
    truth = images(seed=7)
    compared = module.comparisons(pairs._replace(truth_A2B=truth))
    assert list(compared) == ["A2B", "A2B_in_style_of_truth", "B2A"]
    random, styled = compared["A2B"], compared["A2B_in_style_of_truth"]
    assert random.truth is None
    assert random.real is pairs.B
    torch.testing.assert_close(random.fake, module.outcomes(pairs, 1)["A2B"][:, 0])
    assert styled.truth is truth
    assert styled.real is None
    torch.testing.assert_close(styled.fake, module.translate(pairs.A, style=truth))


def test_grids_show_several_styles_and_whose_style_it_is() -> None:
    module, pairs = tiny(), batch()
    grids = module.grids(pairs)
    assert list(grids) == ["A2B", "A2B_reference", "B2A", "B2A_reference"]
    columns = grids["A2B"].columns
    assert list(columns) == ["A", "style 0", "style 1", "style 2", "style 3"]
    assert torch.equal(columns["style 2"], module.translate(pairs.A, seed=2))
    reference = grids["B2A_reference"].columns
    assert list(reference) == ["B", "style of A 0", "style of A 1"]
    assert torch.equal(reference["B"][1:], pairs.B)
    assert torch.equal(reference["style of A 1"][0], pairs.A[1])
    assert torch.equal(reference["style of A 1"][1:], module.translate(pairs.B, "B2A", style=pairs.A[1]))


def test_prediction_draws_each_image_s_style_by_its_name() -> None:
    module = tiny(direction="B2A")
    same = images(1).expand(2, -1, -1, -1)
    predictions = module.predict_step(PredictBatch(same, NAMES), 0)
    assert predictions.names == NAMES
    assert not torch.allclose(predictions.images[0], predictions.images[1], atol=1e-2)
    again = module.predict_step(PredictBatch(same[:1], NAMES[1:]), 0).images
    torch.testing.assert_close(again[0], predictions.images[1], rtol=1e-4, atol=1e-5)


def test_pictures_come_from_the_averaged_networks(tmp_path: Path) -> None:
    module = tiny(ema_decay=0.5, learning_rate=0.01)
    fit(module, tmp_path, batch(), epochs=3)
    averaged, style = module.translate(images()), module.style_of(images(), "A")
    module.ema.clear()
    assert not torch.allclose(averaged, module.translate(images()))
    assert not torch.allclose(style, module.style_of(images(), "A"))
