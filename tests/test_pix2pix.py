from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import ImageChops
from support.official_steps import assert_official_steps
from support.parity import wave
from support.tiny import trainer
from torch import Tensor, nn
from torch.utils.data import DataLoader

from datamodules.base import PredictBatch
from datamodules.paired.batches import PairedBatch
from datamodules.paired.colour import join_lab, split_lab
from gans.inference import to_pil
from gans.networks.antialiasing import AntialiasedDownsample, AntialiasedUpsample
from gans.networks.resnet import ResNetGenerator
from gans.networks.unet import UNetGenerator
from gans.pix2pix import Pix2Pix

TINY: dict[str, Any] = {"image_size": 16, "generator_width": 4, "discriminator_width": 4, "patch": 16}
PLAYERS = ("discriminator", "generator")


def tiny(**arguments: Any) -> Pix2Pix:
    torch.manual_seed(0)
    return Pix2Pix(**(TINY | arguments))


def images(count: int = 2, channels: int = 3, height: int = 16, width: int = 16, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, channels, height, width, generator=generator) * 2 - 1


def batch(count: int = 2, channels_in: int = 3, channels_out: int = 3, **sides: int) -> PairedBatch:
    return PairedBatch(images(count, channels_in, **sides), images(count, channels_out, seed=1, **sides))


def fit(module: Pix2Pix, folder: Path, pairs: PairedBatch, epochs: int = 1) -> dict[str, float]:
    """Train on one batch per epoch; return the last losses."""
    fitting = trainer(folder, max_epochs=epochs, precision="32-true")
    fitting.fit(module, DataLoader([pairs], batch_size=None))  # type: ignore[arg-type]
    logged = fitting.callback_metrics.items()
    return {name.removeprefix("train/"): float(value) for name, value in logged if name.count("/") == 2}


def test_resnet_and_patches_may_be_antialiased() -> None:
    module = tiny(generator="resnet", blocks=1, downsampling="antialiased", upsampling="antialiased")
    halving = [part for part in module.modules() if isinstance(part, AntialiasedDownsample)]
    doubling = [part for part in module.modules() if isinstance(part, AntialiasedUpsample)]
    assert (len(halving), len(doubling)) == (2 + 1, 2)
    assert module.produce(batch()).shape == batch().target.shape


def test_three_steps_equal_the_official_program(tmp_path: Path) -> None:
    module = Pix2Pix(
        image_size=64, generator_width=16, discriminator_width=16, dropout=False, schedule="constant"
    )
    pairs = PairedBatch(wave(1, 3, 64, 64), wave(1, 3, 64, 64, function=np.cos))
    terms: dict[str, Callable[[Mapping[str, float]], float]] = {
        "train/generator/adversarial": itemgetter("G_GAN"),
        "train/generator/l1": itemgetter("G_L1"),
        "train/generator/total": itemgetter("(not printed) loss_G total"),
        "train/discriminator/adversarial": lambda losses: (losses["D_real"] + losses["D_fake"]) / 2,
    }
    networks = {"generator": "G", "discriminator": "D"}
    assert_official_steps(module, pairs, "pix2pix", terms, networks, tmp_path)


@pytest.mark.parametrize(("conditional", "channels"), [(True, 1 + 2), (False, 2)])
def test_only_a_conditional_discriminator_sees_the_input(conditional: bool, channels: int) -> None:
    module = tiny(channels_in=1, channels_out=2, conditional=conditional)
    assert module.discriminator.get_parameter("stages.0.weight").shape[1] == channels
    pairs, fake = batch(channels_in=1, channels_out=2), images(channels=2, seed=2).requires_grad_()
    pairs.input.requires_grad_()
    (adversarial,) = module.discriminator_terms(pairs, fake).values()
    gradients = torch.autograd.grad(adversarial, [pairs.input, fake], allow_unused=True)
    assert (gradients[0] is not None and gradients[0].abs().sum() > 0) == conditional
    assert gradients[1] is None  # the discriminator's loss does not reach the generator


def test_l1_alone_has_no_discriminator(tmp_path: Path) -> None:
    module = tiny(adversarial_weight=0)
    assert not [name for name, _ in module.named_parameters() if "discriminator" in name]
    before = module.generator.get_parameter("down.0.weight").detach().clone()
    losses = fit(module, tmp_path, batch(), epochs=2)
    assert set(losses) == {"generator/l1", "generator/total"}
    assert losses["generator/total"] == losses["generator/l1"]
    assert not torch.equal(module.generator.get_parameter("down.0.weight"), before)
    assert len(module.trainer.optimizers) == 1


def test_l1_brings_the_output_to_the_target(tmp_path: Path) -> None:
    pairs = batch(1)
    module = tiny(adversarial_weight=0, learning_rate=0.01, dropout=False)
    before = fit(module, tmp_path, pairs)["generator/l1"]
    assert fit(module, tmp_path, pairs, epochs=30)["generator/l1"] < 0.6 * before


def test_without_l1_only_the_discriminator_teaches(tmp_path: Path) -> None:
    losses = fit(tiny(l1_weight=0), tmp_path, batch())
    assert set(losses) == {f"{player}/{name}" for player in PLAYERS for name in ("adversarial", "total")}
    assert losses["generator/total"] == losses["generator/adversarial"]


def test_weights_scale_the_generators_terms() -> None:
    pairs, fake = batch(), images(seed=2)
    with torch.no_grad():
        terms = tiny().generator_terms(pairs, fake)
        other = tiny(adversarial_weight=0.5, l1_weight=10).generator_terms(pairs, fake)
    torch.testing.assert_close(other["adversarial"], 0.5 * terms["adversarial"])
    torch.testing.assert_close(other["l1"], 0.1 * terms["l1"])
    torch.testing.assert_close(terms["l1"], 100 * (fake - pairs.target).abs().mean())


def test_relativistic_scores_are_compared_beside_the_same_input() -> None:
    module, pairs, fake = tiny(objective="relativistic"), batch(), images(seed=2)
    scores = [module.discriminator(torch.cat([pairs.input, shown], 1)) for shown in (fake, pairs.target)]
    expected = nn.functional.softplus(scores[1] - scores[0]).mean()
    torch.testing.assert_close(module.generator_terms(pairs, fake)["adversarial"], expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"adversarial_weight": 0, "l1_weight": 0}, "at least one is above 0"),
        ({"l1_weight": -1}, "neither is negative"),
        ({"norm_statistics": "moving"}, "'moving': it is batch or running"),
        ({"generator": "vae"}, "unet, encoder_decoder, resnet"),
        ({"patch": 71}, "71 pixels: choose from 1, 16, 34"),
        ({"patch": 70}, "images of 24 pixels and more, and image_size is 16"),
    ],
)
def test_a_wrong_argument_is_explained(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tiny(**arguments)


def test_generators_by_name() -> None:
    unet, plain, resnet = (tiny(generator=name).generator for name in ("unet", "encoder_decoder", "resnet"))
    assert isinstance(unet, UNetGenerator)
    assert isinstance(plain, UNetGenerator)
    assert (unet.depth, unet.skips, plain.depth, plain.skips) == (4, True, 4, False)
    assert isinstance(resnet, ResNetGenerator)
    assert len(resnet.blocks) == 6
    assert any(isinstance(part, nn.Dropout) for part in resnet.modules())


@pytest.mark.parametrize("patch", [1, 16, 34])
def test_a_patch_is_as_large_as_named(patch: int) -> None:
    """One score's gradient covers as many pixels; eval mode, because statistics reach over the image."""
    module = tiny(patch=patch, image_size=64).eval()
    shown = images(1, 6, 64, 64).requires_grad_()
    scores = module.discriminator(shown)
    middle = scores.shape[-1] // 2
    (gradient,) = torch.autograd.grad(scores[0, 0, middle, middle], shown)
    touched = gradient[0].abs().sum(0) > 0
    assert [int(touched.any(side).sum()) for side in (0, 1)] == [patch, patch]


def test_the_whole_image_gets_one_score() -> None:
    module = tiny(patch="image", image_size=32)
    assert module.discriminator(images(2, 6, 32, 32)).shape == (2, 1, 1, 1)


def with_history(**arguments: Any) -> Pix2Pix:
    """Return a module in training mode whose batch norms have seen other images than the tests show."""
    module = tiny(**arguments)
    with torch.no_grad():
        for seed in range(3):
            module.generator(0.5 * images(4, seed=10 + seed) + 0.3)
    return module


def state(module: Pix2Pix) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


@pytest.mark.parametrize("statistics", ["batch", "running"])
@pytest.mark.parametrize("dropout", [True, False])
@pytest.mark.parametrize("norm", ["batch", "instance"])
def test_a_translation_does_not_depend_on_the_rest_of_the_batch(
    statistics: str, dropout: bool, norm: str
) -> None:
    module = with_history(norm_statistics=statistics, dropout_at_test=dropout, norm=norm)
    inputs = images(3)
    alone = torch.stack([module.translate(image) for image in inputs])
    torch.testing.assert_close(module.translate(inputs), alone)
    torch.testing.assert_close(module.translate(inputs.flip(0)), alone.flip(0))


def test_dropout_at_test_is_a_reproducible_sample() -> None:
    module = with_history(dropout_at_test=True)
    first, again, other = (module.translate(images(), seed=seed) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert (first - other).abs().max() > 1e-4
    module = with_history(dropout_at_test=False)
    assert torch.equal(module.translate(images(), seed=0), module.translate(images(), seed=1))
    module = with_history(dropout_at_test=True, dropout=False)
    assert torch.equal(module.translate(images(), seed=0), module.translate(images(), seed=1))


def test_batch_statistics_are_those_of_the_image() -> None:
    module, image = with_history(norm_statistics="batch", dropout=False), images(1)
    own = module.translate(image)
    assert (own - module.generator.eval()(image)).abs().max() > 1e-3  # evaluation mode is something else
    torch.testing.assert_close(own, module.generator.train()(image).detach())


def test_running_statistics_are_those_of_the_training() -> None:
    module = with_history(norm_statistics="running", dropout=False)
    translated = module.translate(images())
    torch.testing.assert_close(translated, module.generator.eval()(images()).detach())


@pytest.mark.parametrize("statistics", ["batch", "running"])
def test_translating_leaves_no_trace(statistics: str) -> None:
    module = with_history(norm_statistics=statistics)
    before, draws = state(module), torch.random.get_rng_state()
    modes = [part.training for part in module.modules()]
    module.translate(images())
    assert torch.equal(torch.random.get_rng_state(), draws)
    assert [part.training for part in module.modules()] == modes
    after = module.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())


def test_pictures_come_from_the_averaged_network(tmp_path: Path) -> None:
    module = tiny(ema_decay=0.5, learning_rate=0.01)
    fit(module, tmp_path, batch(), epochs=3)
    averaged = module.translate(images())
    module.ema.clear()
    assert not torch.allclose(averaged, module.translate(images()))


@pytest.mark.parametrize(("height", "width"), [(64, 64), (20, 33), (7, 40)])
def test_trained_at_one_size_it_translates_others(tmp_path: Path, height: int, width: int) -> None:
    module = tiny(image_size=32)
    fit(module, tmp_path, batch(height=32, width=32))
    shown = images(1, 3, height, width)
    translated = module.translate(shown)
    assert translated.shape == shown.shape
    assert translated.std() > 0
    changed = shown.clone()
    changed[..., -1, -1] *= -1  # the last corner bears on the picture: nothing is cut off
    assert not torch.equal(module.translate(changed)[..., -4:, -4:], translated[..., -4:, -4:])


def test_oblong_pairs_of_other_channels_are_trained_on(tmp_path: Path) -> None:
    module = tiny(channels_in=1, channels_out=2)
    pairs = batch(channels_in=1, channels_out=2, height=20, width=33)
    assert "generator/l1" in fit(module, tmp_path, pairs)
    assert module.translate(pairs.input).shape == (2, 2, 20, 33)


@pytest.mark.parametrize("norm", ["batch", "instance"])
def test_a_process_without_images_evaluates_none(norm: str) -> None:
    module = tiny(norm=norm, dropout=norm == "batch")
    assert module.translate(images(height=20, width=33)[:0]).shape == (0, 3, 20, 33)


def test_translations_are_compared_with_their_targets() -> None:
    module, pairs = tiny(), batch()
    fake = module.translate(pairs.input)
    ((name, comparison),) = module.comparisons(pairs).items()
    assert name == "translation"
    for ours, expected in zip(comparison[:4], (fake, pairs.target, pairs.input, pairs.target), strict=True):
        assert ours is not None
        assert torch.equal(ours, expected)
    columns = module.grids(pairs)["translation"].columns
    assert list(columns) == ["input", "output", "target"]
    assert torch.equal(columns["output"], fake)
    predictions = module.predict_step(PredictBatch(pairs.input, ["a.png", "b.png"]), 0)
    assert torch.equal(predictions.images, fake)
    assert predictions.names == ["a.png", "b.png"]


def test_colourisations_are_seen_as_pictures() -> None:
    module, picture = tiny(channels_in=1, channels_out=2, lab=True, norm="instance", dropout=False), images()
    pairs = PairedBatch(*split_lab(picture))
    comparison = module.comparisons(pairs)["translation"]
    assert comparison.truth is not None
    torch.testing.assert_close(comparison.truth, picture, rtol=0, atol=1e-3)
    with torch.no_grad():
        colours = module.generator(pairs.input)
    predicted = module.predict_step(PredictBatch(pairs.input, ["a.png", "b.png"]), 0).images
    columns = module.grids(pairs)["translation"].columns
    for seen in (comparison.fake, predicted, columns["output"], module.translate(pairs.input)):
        assert torch.equal(seen, join_lab(pairs.input, colours))
    as_given = module.translate(to_pil(picture))
    for given, same in zip(as_given, to_pil(join_lab(pairs.input, colours)), strict=True):
        assert np.asarray(ImageChops.difference(given, same)).max() <= 2  # the picture was rounded before


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_a_checkpoint_translates_as_before(tmp_path: Path, weight: float) -> None:
    module = tiny(adversarial_weight=weight, generator="encoder_decoder")
    fit(module, tmp_path, batch())
    module.trainer.save_checkpoint(tmp_path / "some.ckpt")
    loaded = Pix2Pix.load_from_checkpoint(tmp_path / "some.ckpt", weights_only=True)
    assert torch.equal(loaded.translate(images()), module.translate(images()))


@pytest.mark.parametrize(
    "asked",
    [
        {"diffaugment": ["color"]},
        {"augment": "adaptive"},  # of the paper's parts, color among them
        {"augment": "adaptive", "augment_pipe": {"blit": 1.0, "hue": 0.5}},
    ],
    ids=str,
)
def test_colours_of_input_and_output_are_not_augmented_as_one(asked: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="mix those of input and output"):
        tiny(**asked)
    tiny(**asked, conditional=False)
    tiny(augment="adaptive", augment_pipe={"blit": 1.0, "geom": 1.0})
