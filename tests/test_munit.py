from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from support.official_steps import assert_official_steps
from support.parity import wave
from support.tiny import trainer
from torch import Tensor
from torch.utils.data import DataLoader

from datamodules.base import PredictBatch
from datamodules.unpaired import UnpairedBatch
from gans.munit import MUNIT
from gans.networks.vgg import VGGFeatures

TINY: dict[str, Any] = {
    "image_size": 16,
    "generator_width": 4,
    "blocks": 1,
    "style_size": 3,
    "mlp_width": 8,
    "discriminator_width": 4,
    "discriminator_layers": 2,
    "discriminator_scales": 2,
}
NAMES = ["a.png", "b.png"]


def tiny(**arguments: Any) -> MUNIT:
    torch.manual_seed(0)
    return MUNIT(**(TINY | arguments))


def images(count: int = 2, channels: int = 3, height: int = 16, width: int = 16, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, channels, height, width, generator=generator) * 2 - 1


def batch(**sides: int) -> UnpairedBatch:
    return UnpairedBatch(images(**sides), images(seed=1, **sides), names_A=NAMES, names_B=NAMES)


def fit(module: MUNIT, folder: Path, pairs: UnpairedBatch, epochs: int = 1) -> dict[str, float]:
    """Train on one batch per epoch; return the last losses."""
    fitting = trainer(folder, max_epochs=epochs, precision="32-true")
    fitting.fit(module, DataLoader([pairs], batch_size=None))  # type: ignore[arg-type]
    logged = fitting.callback_metrics.items()
    return {name.removeprefix("train/"): float(value) for name, value in logged if name.count("/") == 2}


def recorded_styles() -> Any:
    """Return a stand-in for `random_styles` that draws what the recording says, one draw after another."""
    draws = iter(range(100))

    def draw(count: int) -> Tensor:
        values = np.cos(0.7 * next(draws) + 0.9 * np.arange(8)).astype(np.float32)
        return torch.from_numpy(values).double().expand(count, 8)

    return draw


def test_three_steps_equal_the_official_program(tmp_path: Path) -> None:
    module = MUNIT(
        image_size=64,
        generator_width=8,
        blocks=2,
        mlp_width=16,
        discriminator_width=8,
        discriminator_layers=3,
        discriminator_scales=2,
    )
    module.random_styles = recorded_styles()  # type: ignore[method-assign]
    terms: dict[str, Callable[[Mapping[str, float]], float]] = {
        "train/discriminator/A": itemgetter("loss_dis_a"),
        "train/discriminator/B": itemgetter("loss_dis_b"),
        "train/discriminator/total": itemgetter("loss_dis_total"),
        "train/generator/adversarial_B2A": itemgetter("loss_gen_adv_a"),
        "train/generator/adversarial_A2B": itemgetter("loss_gen_adv_b"),
        "train/generator/image_A": lambda losses: 10 * losses["loss_gen_recon_x_a"],
        "train/generator/image_B": lambda losses: 10 * losses["loss_gen_recon_x_b"],
        "train/generator/style_A": itemgetter("loss_gen_recon_s_a"),
        "train/generator/style_B": itemgetter("loss_gen_recon_s_b"),
        "train/generator/content_A": itemgetter("loss_gen_recon_c_a"),
        "train/generator/content_B": itemgetter("loss_gen_recon_c_b"),
        "train/generator/total": itemgetter("loss_gen_total"),
    }
    networks = {
        "autoencoder_A": "gen_a",
        "autoencoder_B": "gen_b",
        "discriminator_A": "dis_a",
        "discriminator_B": "dis_b",
    }
    pairs = UnpairedBatch(wave(1, 3, 64, 64), wave(1, 3, 64, 64, function=np.cos))
    assert_official_steps(module, pairs, "munit", terms, networks, tmp_path)


def test_both_players_draw_styles_of_their_own(tmp_path: Path) -> None:
    module, drawn = tiny(), []
    original = module.random_styles
    module.random_styles = lambda count: drawn.append(original(count)) or drawn[-1]  # type: ignore[method-assign,func-returns-value]
    pairs = batch()
    codes = module.produce(pairs)
    module.discriminator_terms(pairs, codes)
    module.generator_terms(pairs, codes)
    assert [styles.shape for styles in drawn] == [(2, 3)] * 4
    assert len({float(style[0]) for styles in drawn for style in styles}) == 8


def test_the_cycle_is_what_returns_in_the_image_s_own_style() -> None:
    module, pairs = tiny(cycle_weight=2.0), batch()
    codes = module.produce(pairs)
    styles = torch.randn(2, 3)
    module.random_styles = lambda count: styles  # type: ignore[method-assign]
    terms = module.generator_terms(pairs, codes)
    there = module.autoencoder_B.decode(codes.A.content, styles, like=pairs.A)
    content = module.autoencoder_B.content_of(there)
    back = module.autoencoder_A.decode(content, codes.A.style, like=pairs.A)
    torch.testing.assert_close(terms["cycle_A"], 2 * (back - pairs.A).abs().mean())
    assert "cycle_A" not in tiny().generator_terms(pairs, codes)


def test_weights_scale_their_losses() -> None:
    pairs = batch()

    def losses(**weights: float) -> dict[str, Tensor]:
        module = tiny(**weights)
        codes = module.produce(pairs)
        module.random_styles = lambda count: torch.ones(count, 3)  # type: ignore[method-assign]
        return module.discriminator_terms(pairs, codes) | module.generator_terms(pairs, codes)

    unit = losses(adversarial_weight=1, image_weight=1, style_weight=1, content_weight=1)
    other = losses(adversarial_weight=2, image_weight=3, style_weight=5, content_weight=7)
    factors = {"adversarial": 2, "image": 3, "style": 5, "content": 7, "A": 2, "B": 2}
    for name, loss in unit.items():
        torch.testing.assert_close(other[name], factors[name.partition("_")[0]] * loss)


def test_every_objective_plays_both_sides() -> None:
    pairs, losses = batch(), set()
    for name in ("minimax", "non_saturating", "least_squares", "hinge", "wasserstein", "relativistic"):
        module = tiny(objective=name)
        codes = module.produce(pairs)
        played = module.generator_terms(pairs, codes)["adversarial_A2B"].item()
        losses.add((round(played, 6), round(module.discriminator_terms(pairs, codes)["A"].item(), 6)))
    assert len(losses) == 6


@pytest.mark.parametrize(("steps", "rate"), [(3, 1e-4), (4, 5e-5)])
def test_the_rate_halves_after_so_many_steps(tmp_path: Path, steps: int, rate: float) -> None:
    module = tiny(halve_every=3)
    fit(module, tmp_path, batch(), epochs=steps)
    assert [group["lr"] for optimizer in module.trainer.optimizers for group in optimizer.param_groups] == (
        pytest.approx([rate, rate])
    )


def test_domains_of_other_channels_and_sizes_are_trained_on(tmp_path: Path) -> None:
    pairs = UnpairedBatch(images(2, 1, 20, 33), images(2, 3, 18, 16))
    module = tiny(channels_A=1, cycle_weight=1.0)
    assert "generator/cycle_A" in fit(module, tmp_path, pairs)
    assert module.translate(pairs.A, "A2B").shape == (2, 3, 20, 33)
    assert module.translate(pairs.B, "B2A").shape == (2, 1, 18, 16)


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
    with pytest.raises(ValueError, match=r"\(2, 5\): for 2 images it is \(3,\), \(2, 3\)"):
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


def test_a_checkpoint_translates_as_before(tmp_path: Path) -> None:
    module = tiny()
    fit(module, tmp_path, batch())
    module.trainer.save_checkpoint(tmp_path / "some.ckpt")
    loaded = MUNIT.load_from_checkpoint(tmp_path / "some.ckpt", weights_only=True)
    assert torch.equal(loaded.translate(images(), seed=3), module.translate(images(), seed=3))


def test_the_perceptual_loss_needs_weights_and_stores_none(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"perceptual_weight is 1\.0.*--model\.vgg_weights"):
        tiny(perceptual_weight=1.0, image_size=32)
    with pytest.raises(ValueError, match=r"takes images of 32 pixels or more, and image_size is 16"):
        tiny(perceptual_weight=1.0, vgg_weights="vgg16.pth")
    pairs = batch(height=32, width=32)
    file = tmp_path / "vgg16.pth"
    module = tiny(perceptual_weight=0.5, vgg_weights=str(file), image_size=32)
    with pytest.raises(FileNotFoundError, match=r"vgg_weights: .*vgg16\.pth does not exist"):
        fit(module, tmp_path, pairs)
    torch.manual_seed(0)
    torch.save(VGGFeatures().state_dict(), file)
    losses = fit(module, tmp_path, pairs)
    assert losses["generator/perceptual_A2B"] > 0
    assert not [name for name in module.state_dict() if "vgg" in name]


@pytest.mark.parametrize("name", ["image_weight", "cycle_weight", "style_std"])
def test_negative_weights_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=rf"model\.{name} is -1\.0: it is 0 or more"):
        tiny(**{name: -1.0})


def test_images_too_small_for_the_discriminators_are_refused_at_once() -> None:
    with pytest.raises(ValueError, match=r"layers is 4.*scales 3.*61 pixels or more.*image_size is 60"):
        MUNIT(image_size=60)


def test_the_page_s_example_translates(tmp_path: Path) -> None:
    page = (Path(__file__).parents[1] / "docs" / "many_outcomes.md").read_text(encoding="utf-8")
    example = page.split("```python\n")[1].split("```")[0]
    module = tiny()
    fit(module, tmp_path, batch())
    module.trainer.save_checkpoint(tmp_path / "last.ckpt")
    names: dict[str, Any] = {"images": images(), "reference": images(1), "other": images(1, seed=3)}
    exec(example.replace("RUN/checkpoints", str(tmp_path)), names)
    assert {names[name].shape for name in ("some", "like_it", "back", "between")} == {(2, 3, 16, 16)}


def test_the_page_s_pictures_are_cut_in_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).parents[1] / "docs" / "many_outcomes.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for split in ("train", "val"):
        Path("data/edges2shoes", split).mkdir(parents=True)
        both = Image.new("RGB", (8, 4), "black")
        both.paste("white", (4, 0, 8, 4))
        both.save(Path("data/edges2shoes", split, "1_AB.jpg"))
    exec(page.split("```python\n")[2].split("```")[0], {})
    for folder, level in (("trainA", 0), ("trainB", 255), ("testA", 0), ("testB", 255)):
        with Image.open(Path("data/edges2shoes_unpaired", folder, "1_AB.jpg")) as half:
            assert half.size == (4, 4)
            assert half.convert("L").getpixel((0, 2)) == pytest.approx(level, abs=2)  # of jpg
