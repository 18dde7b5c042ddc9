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
from support.small_munit import batch, fit, images, tiny
from torch import Tensor

from datamodules.unpaired.batches import UnpairedBatch
from gans.munit import MUNIT
from gans.networks.vgg import VGGFeatures


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


def test_a_checkpoint_translates_as_before(tmp_path: Path) -> None:
    module = tiny()
    fit(module, tmp_path, batch())
    module.trainer.save_checkpoint(tmp_path / "some.ckpt")
    loaded = MUNIT.load_from_checkpoint(tmp_path / "some.ckpt", weights_only=True)
    assert torch.equal(loaded.translate(images(), seed=3), module.translate(images(), seed=3))


def test_the_perceptual_loss_needs_weights_and_stores_none(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"perceptual_weight is 1\.0.*--model\.vgg_weights"):
        tiny(perceptual_weight=1.0, image_size=32)
    with pytest.raises(ValueError, match=r"takes images of 32 pixels or more, and data.size, .* is 16"):
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
    with pytest.raises(ValueError, match=r"layers is 4.*scales 3.*61 pixels or more.*data.size, .* is 60"):
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
