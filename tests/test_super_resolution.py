from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.official_steps import assert_official_steps, train
from support.parity import FOLDER, fill, wave
from torch import Tensor, nn

from datamodules.degradations import filtering
from datamodules.paired.batches import PairedBatch
from gans.esrgan import ESRGAN
from gans.families.adversarial_super_resolution import AdversarialSuperResolution
from gans.families.perception import Lite0Features, Perception, load_vgg19, perception
from gans.losses.adversarial import ObjectiveName
from gans.networks.vgg import MEAN, STD, VGG19Features
from gans.real_esrgan import RealESRGAN
from gans.srgan import SRGAN
from gans.srresnet import SRResNet

Terms = dict[str, Callable[[Mapping[str, float]], float]]

MSRRESNET: dict[str, Any] = {"generator": "msrresnet", "generator_width": 8, "blocks": 2}
RRDBNET: dict[str, Any] = {"generator": "rrdbnet", "generator_width": 8, "blocks": 1, "growth": 4}
ADVERSARIAL: Terms = {
    "train/generator/l1": lambda losses: losses["l_g_pix"],
    "train/generator/adversarial": lambda losses: losses["l_g_gan"],
    "train/generator/total": lambda losses: losses["(not printed) l_g_total"],
    "train/discriminator/adversarial": lambda losses: losses["l_d_real"] + losses["l_d_fake"],
}
PERCEPTUAL: Terms = {"train/generator/perceptual": lambda losses: losses["l_g_percep"]}


def recorded_batch(side: int) -> PairedBatch:
    """Return the recorded waves, which were rounded to float32 in [0, 1], in [-1, 1]."""
    small = wave(2, 3, side, side, function=lambda place: 0.5 + 0.5 * np.sin(place))
    large = wave(2, 3, 4 * side, 4 * side, function=lambda place: 0.5 + 0.5 * np.cos(place))
    return PairedBatch(2 * small - 1, 2 * large - 1)


def stand_in(variant: AdversarialSuperResolution) -> Perception:
    """Return the extractor of the recordings, filled by its own rule, before it is made double."""
    layers = variant.perceptual_layers
    network = VGG19Features(tuple(layers), widths=(4, 4, 6, 6, 8))
    with torch.no_grad():
        for place, parameter in enumerate(network.parameters()):
            s = np.sin(0.37 * place + 1.1 * np.arange(parameter.numel()))
            values = ((0.2 if parameter.ndim > 1 else 0.02) * s).astype(np.float32)
            parameter.copy_(torch.from_numpy(values).view(parameter.shape))
    return Perception("perceptual", network, tuple(layers.values()))


def test_the_pixel_stage_equals_the_official_program_with_its_restarts(tmp_path: Path) -> None:
    module = SRResNet(**MSRRESNET, restart_every=2)
    terms: Terms = {"train/generator/l1": lambda losses: losses["l_pix"]}
    networks = {"generator": "net_g"}
    assert_official_steps(module, recorded_batch(16), "srresnet", terms, networks, tmp_path)


@pytest.mark.parametrize(
    ("trace", "variant", "arguments"),
    [("srgan", SRGAN, MSRRESNET), ("esrgan", ESRGAN, RRDBNET), ("esrgan_perceptual", ESRGAN, RRDBNET)],
)
def test_steps_equal_the_official_program(
    trace: str,
    variant: type[AdversarialSuperResolution],
    arguments: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    perceptual = trace.endswith("perceptual")
    monkeypatch.setattr(AdversarialSuperResolution, "perception", stand_in)
    module = variant(discriminator_width=4, perceptual_weight=float(perceptual), **arguments)
    terms = ADVERSARIAL | (PERCEPTUAL if perceptual else {})
    networks = {"generator": "net_g", "discriminator": "net_d"}
    batch = recorded_batch(32)
    assert_official_steps(module, batch, trace, terms, networks, tmp_path, {"discriminator": 0.1})


@pytest.mark.parametrize("trace", ["real_esrgan", "real_esrgan_perceptual"])
@pytest.mark.parametrize("reading", ["steps_float64_same_start", "steps_float64_exact_constants"])
def test_steps_of_real_esrgan_equal_the_official_program(
    trace: str, reading: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both recorded runs: with constants rounded to float32, and in float64, in which they are here."""
    perceptual, exact = trace.endswith("perceptual"), reading.endswith("exact_constants")
    monkeypatch.setattr(AdversarialSuperResolution, "perception", exact_stand_in if exact else stand_in)
    if not exact:
        monkeypatch.setattr(filtering, "_softened", softened_by_rounded_constants)
    module = RealESRGAN(**RRDBNET, image_size=12, discriminator_width=4, perceptual_weight=float(perceptual))
    assert_official_steps(
        module,
        recorded_batch(12),
        trace,
        ADVERSARIAL | (PERCEPTUAL if perceptual else {}),
        {"generator": "net_g", "discriminator": "net_d"},
        tmp_path,
        reading=reading,
    )


def softened_by_rounded_constants(images: Tensor) -> Tensor:
    """Blur as the official sharpening does, by one square kernel that was rounded to float32."""
    row = filtering.gaussian(filtering.SHARPENING_TAPS, filtering.SHARPENING_SIGMA)
    return filtering.blur(images, torch.outer(row, row).float()[None])


def exact_stand_in(variant: AdversarialSuperResolution) -> Perception:
    """Return the extractor of the recordings with the mean and deviation of pixels in float64."""
    seen = stand_in(variant)
    seen.network.double()
    for name, values in (("mean", MEAN), ("std", STD)):
        setattr(seen.network, name, torch.tensor(values, dtype=torch.float64)[:, None, None])
    return seen


SMALL: dict[str, Any] = {"image_size": 8, "generator_width": 2, "blocks": 1, "discriminator_width": 2}


def small_batch(channels: int = 3) -> PairedBatch:
    chance = torch.Generator().manual_seed(0)
    small, large = (torch.rand(2, channels, side, side, generator=chance) * 2 - 1 for side in (8, 32))
    return PairedBatch(small, large)


def losses_of(module: AdversarialSuperResolution, batch: PairedBatch, folder: Path) -> dict[str, float]:
    """Return what is logged of one step."""
    return train(module, batch, 1, ["generator"], folder).losses[0]


@pytest.mark.parametrize("channels", [1, 3])
def test_without_a_file_the_installed_features_are_taken_and_told(
    channels: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    module = SRGAN(**SMALL, channels_in=channels, channels_out=channels).double()
    with caplog.at_level("INFO"):
        losses = losses_of(module, small_batch(channels), tmp_path)
    assert losses["train/generator/perceptual_lite0"] > 0
    assert [line for line in caplog.messages if "EfficientNet-Lite0" in line and "vgg19" in line]
    assert not [name for name in module.state_dict() if "stem" in name]


def test_the_installed_features_teach_the_generator() -> None:
    features = Lite0Features()
    images = torch.rand(1, 3, 32, 40, requires_grad=True)
    made = features(images)
    assert [tuple(part.shape[-2:]) for part in made] == [(16, 20), (8, 10), (4, 5), (2, 3)]
    (gradient,) = torch.autograd.grad(sum(part.square().mean() for part in made), images)
    assert float(gradient.abs().min(1).values.max()) > 0


def test_a_file_of_vgg_19_is_taken_if_it_is_the_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = VGG19Features(("conv5_4",))
    path = tmp_path / "vgg19.pth"
    torch.save(network.state_dict(), path)
    with pytest.raises(ValueError, match="its sha256 is"):
        load_vgg19(path, {"conv5_4": 1.0})
    monkeypatch.setattr("gans.families.perception.VGG19_SHA256", sha256(path.read_bytes()).hexdigest())
    seen = perception("auto", {"conv1_2": 0.1, "conv5_4": 1.0}, str(path))
    assert (seen.name, seen.weights) == ("perceptual", (0.1, 1.0))
    first, last = seen.network(torch.rand(1, 3, 16, 16))
    assert (first.shape, last.shape) == ((1, 64, 16, 16), (1, 512, 1, 1))
    with pytest.raises(FileNotFoundError, match=r"elsewhere does not exist.*vgg_weights.*lite0"):
        perception("auto", {"conv5_4": 1.0}, str(tmp_path / "elsewhere"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"channels_out": 1}, "3 channels and the large ones 1: SRGAN enlarges images and keeps"),
        ({"scale": 1}, "scale is 1, and this network enlarges images by 2, 3, 4 only"),
        ({"generator": "edsr"}, r"model\.generator is 'edsr': it is one of msrresnet, rrdbnet, srvgg"),
        ({"discriminator": "patch"}, r"model\.discriminator is 'patch'"),
        ({"discriminator": "unet", "image_size": 5}, "sides 8 divides, and the targets have 20 pixels"),
        ({"adversarial_weight": 0.0}, r"is above 0: without it, train an SRResNet"),
        ({"perceptual_features": "vgg16"}, "'vgg16': it is one of auto, vgg19, lite0"),
        ({"image_size": 3}, "perceptual loss takes grey or RGB images of 16 pixels or more"),
        ({"restart_every": 0}, r"model\.restart_every is 0"),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SRGAN(**(SMALL | arguments))


@pytest.mark.parametrize("objective", ["hinge", "relativistic_average"])
def test_any_objective_meets_any_discriminator(objective: ObjectiveName, tmp_path: Path) -> None:
    module = SRGAN(**SMALL, discriminator="unet", objective=objective, perceptual_weight=0.0).double()
    losses = losses_of(module, small_batch(), tmp_path)
    assert all(np.isfinite(value) for value in losses.values())


def test_the_rate_is_halved_after_its_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    module = SRGAN(**SMALL, halve_at=[2, 3], perceptual_weight=0.0)
    rates = []
    for step in range(5):
        monkeypatch.setattr(SRGAN, "global_step", step)
        rates.append(module.settings_of(module.players[0])["learning_rate"])
    assert rates == pytest.approx([1e-4, 1e-4, 5e-5, 2.5e-5, 2.5e-5])


def test_pictures_stay_in_their_range_and_stand_beside_bicubic_and_truth() -> None:
    module = SRResNet(image_size=8, generator_width=2, blocks=1)
    batch = small_batch()
    with torch.no_grad():
        for parameter in module.generator.parameters():
            parameter.mul_(100)
    (grid,) = module.grids(batch).values()
    labels = ["bicubic", "output", "truth"]
    assert list(grid.columns) == [*labels, *(f"{label}, detail" for label in labels)]
    assert all(column.shape == (2, 3, 32, 32) for column in grid.columns.values())
    assert all(float(column.abs().max()) <= 1 for column in grid.columns.values())
    (compared,) = module.comparisons(batch).values()
    assert compared.fake.equal(grid.columns["output"])
    assert (compared.source, compared.truth) == (batch.input, batch.target)


def test_the_square_is_the_paper_s_distance_of_pixels() -> None:
    module = SRResNet(loss="l2", image_size=8, generator_width=2, blocks=1)
    batch = small_batch()
    (loss,) = module.generator_terms(batch, (batch.target + 1) / 2 + 0.1).values()
    assert float(loss.detach()) == pytest.approx(0.01)
    with pytest.raises(ValueError, match=r"model\.loss is 'l3': it is l1 or l2"):
        SRResNet(loss="l3")  # type: ignore[arg-type]


def test_sharpening_is_of_the_reference_and_not_of_what_the_discriminator_sees() -> None:
    batch = small_batch()
    sharp, plain = (RealESRGAN(**SMALL, sharpen_targets=choice).reference(batch) for choice in (True, False))
    assert plain.equal((batch.target + 1) / 2)
    assert float((sharp - plain).abs().max()) > 0.01
    module = RealESRGAN(**SMALL)
    seen: list[Tensor] = []
    module.discriminator.register_forward_pre_hook(lambda _, entering: seen.append(entering[0]))
    module.discriminator_terms(batch, plain)
    assert seen[0].equal(plain)


def test_the_authors_fifth_forward_moves_running_statistics_and_nothing_else(tmp_path: Path) -> None:
    """They judge the output once more; what batch norm saw in the four forwards here gives what they keep."""
    module = ESRGAN(discriminator_width=4, perceptual_weight=0.0, **RRDBNET)
    trace = json.loads((FOLDER / "train_esrgan.json").read_text())
    recorded = trace["steps_float64_same_start"][0]["net_d_buffers_after"]
    module.double()
    for name, scale in (("generator", 0.05), ("discriminator", 0.1)):
        official = [key for key, _ in trace["state_dicts"]["net_g" if name == "generator" else "net_d"]]
        fill(getattr(module, name), official, scale)
    norms = [part for part in module.discriminator.modules() if isinstance(part, nn.BatchNorm2d)]
    starts = [(part.running_mean.clone(), part.running_var.clone()) for part in norms]  # type: ignore[union-attr]
    seen: list[list[tuple[Tensor, Tensor]]] = [[] for _ in norms]
    for part, kept in zip(norms, seen, strict=True):
        part.register_forward_pre_hook(
            lambda _, entering, kept=kept: kept.append(
                (entering[0].detach().mean((0, 2, 3)), entering[0].detach().transpose(0, 1).flatten(1).var(1))
            )
        )
    train(module, recorded_batch(32), 1, ["generator"], tmp_path)
    for start, (real, fake, again, last), (mean, var) in zip(
        starts, seen, zip(*[iter(recorded.values())] * 2, strict=True), strict=True
    ):
        for kind, expected in ((0, mean), (1, var)):
            running = start[kind]
            for batch in (real, fake, fake, again, last):  # the fifth is the second again
                running = 0.9 * running + 0.1 * batch[kind]
            np.testing.assert_allclose(running.sum(), expected, rtol=1e-8)
