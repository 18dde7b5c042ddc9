from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.drawing import RecordedDraws
from support.official_steps import train
from support.parity import FOLDER, wave
from support.r3gan import fill
from support.tiny import trainer
from torch import Tensor, nn
from torch.nn.functional import softplus
from torch.utils.data import DataLoader

from datamodules.images.batches import ImageBatch
from gans.cli.config_files import find_config
from gans.cli.own_images import read_settings
from gans.r3gan import R3GAN
from gans.sampling.draws import Draws


class OfficialChance(R3GAN):
    """Draws what was recorded: noise for one player and for the other, then what augmentations ask for."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.recorded = RecordedDraws()

    def noise(self, count: int) -> Tensor:
        rows = torch.empty(count // 2, dtype=torch.float64)
        return torch.cat([self.recorded.normal(rows, self.latent_size) for _ in range(2)])

    def augmentation_draws(self) -> Draws:
        return self.recorded


SETTINGS: dict[str, Any] = {
    "image_size": 32,
    "latent_size": 8,
    "widths": [16, 16, 12, 8],
    "blocks": [1, 2, 1, 1],
    "group_width": 8,
    "schedule_images": 10,
    "ema_share": 2.0,
}


@pytest.mark.parametrize(("trace", "separate"), [("r3gan", True), ("r3gan_same_batch", False)])
def test_steps_equal_the_official_program(trace: str, separate: bool, tmp_path: Path) -> None:
    recorded = json.loads((FOLDER / f"train_{trace}.json").read_text())
    module = OfficialChance(separate_batches=separate, **SETTINGS).double()
    for network, name in ((module.generator, "G"), (module.discriminator, "D")):
        fill(network, recorded["state_dicts"][name], recorded["fill_rules"][name])
    images = wave(4, 3, 32, 32)
    if separate:
        images = torch.cat([images, wave(4, 3, 32, 32, function=np.cos)])
    assert_steps(module, ImageBatch(images), recorded["steps_float64_same_start"], tmp_path)


PIPE = {"blit": 1.0, "geom": 1.0, "color": 0.5, "cutout": 1.0}


def test_steps_with_classes_and_scheduled_augmentation_equal_the_official_program(tmp_path: Path) -> None:
    recorded = json.loads((FOLDER / "train_r3gan_cond_aug.json").read_text())
    others = {"image_size": 16, "widths": [16, 12, 8], "blocks": [1, 2, 1], "classes": 3}
    schedules = {"schedule_images": 14, "ema_share": 12 / 14, "r1_weight": 1.0, "r2_weight": 1.0}
    augmented = {"augment_pipe": PIPE, "augment_probability": 0.2, "augment_final_probability": 0.9}
    module = OfficialChance(**(SETTINGS | others | schedules | augmented | {"augment": "scheduled"})).double()
    for network, name in ((module.generator, "G"), (module.discriminator, "D")):
        fill(network, recorded["state_dicts"][name], recorded["fill_rules"][name])
    images = torch.cat([wave(4, 3, 16, 16), wave(4, 3, 16, 16, function=np.cos)])
    given = recorded["hyper_parameters"]["labels"]
    labels = torch.tensor(given["discriminator_step"] + given["generator_step"])
    assert_steps(module, ImageBatch(images, labels), recorded["steps_float64_same_start"], tmp_path)


def assert_steps(module: R3GAN, batch: ImageBatch, recorded: list[dict[str, Any]], folder: Path) -> None:
    """Hold losses, settings and weights of every step against what the official program recorded."""
    networks = {"generator": "G", "discriminator": "D", "ema.generator": "G_ema"}
    steps = train(module, batch, len(recorded), list(networks), folder)
    for official, losses, sums in zip(recorded, steps.losses, steps.sums, strict=True):
        theirs, half_gamma = official["losses"], official["schedule"]["gamma"] / 2
        expected = {
            "train/discriminator/adversarial": theirs["D: Loss/D/loss"],
            "train/discriminator/r1": half_gamma * theirs["D: Loss/r1_penalty"],
            "train/discriminator/r2": half_gamma * theirs["D: Loss/r2_penalty"],
            "train/discriminator/total": theirs["(not printed) D: total"],
            "train/generator/adversarial": theirs["G: Loss/G/loss"],
            "train/learning_rate": official["schedule"]["lr"],
        }
        for name, value in expected.items():
            assert losses[name] == pytest.approx(value, rel=1e-8), (official["step"], name)
        for ours, name in networks.items():
            value = official["params_after"][name]["sum"]
            assert sums[ours] == pytest.approx(value, rel=1e-8), (official["step"], ours)


def tiny(**arguments: Any) -> Any:
    torch.manual_seed(0)
    sizes: dict[str, Any] = {
        "image_size": 16,
        "latent_size": 3,
        "widths": [4, 6, 4],
        "group_width": 4,
        "blocks": 1,
    }
    return R3GAN(**(sizes | arguments)).double()


def images(count: int) -> Tensor:
    return (
        torch.rand(count, 3, 16, 16, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * 2 - 1
    )


class Linear(nn.Module):
    """A discriminator <w, x>, whose gradient is w everywhere."""

    def __init__(self) -> None:
        super().__init__()
        chance = torch.Generator().manual_seed(2)
        self.weights = torch.randn(3 * 16 * 16, generator=chance, dtype=torch.float64)

    def forward(self, given: Tensor, labels: Tensor | None = None) -> Tensor:
        return given.flatten(1) @ self.weights


def test_the_losses_in_closed_form() -> None:
    module = tiny(r1_weight=3.0, r2_weight=5.0, gradient_penalty=7.0)
    judge = module.discriminator = Linear()
    batch = ImageBatch(images(6))
    seen = module.produce(batch)
    terms = module.discriminator_terms(batch, seen)
    fake = module.generator(seen[0].noise, None)
    margins = judge(batch.images[:3]) - judge(fake)
    torch.testing.assert_close(terms["adversarial"], softplus(-margins).mean())
    squared = judge.weights.square().sum()
    torch.testing.assert_close(terms["r1"], 3 * squared / 2)
    torch.testing.assert_close(terms["r2"], 5 * squared / 2)
    torch.testing.assert_close(terms["gradient_penalty"], 7 * (squared.sqrt() - 1) ** 2)
    margins = judge(module.generator(seen[1].noise, None)) - judge(batch.images[3:])
    torch.testing.assert_close(module.generator_terms(batch, seen)["adversarial"], softplus(-margins).mean())


@pytest.mark.parametrize(
    ("separate", "count", "expected"),
    [
        (True, 4, ([0, 1], [2, 3])),
        (True, 5, ([0, 1, 2], [2, 3, 4])),
        (True, 1, ([0], [0])),
        (False, 3, ([0, 1, 2],) * 2),
    ],
)
def test_a_batch_is_dealt_out_to_the_players(
    separate: bool, count: int, expected: tuple[list[int], list[int]]
) -> None:
    module, given = tiny(separate_batches=separate, classes=9), images(count)
    seen = module.produce(ImageBatch(given, torch.arange(count)))
    for player, rows in zip(seen, expected, strict=True):
        assert player.images.equal(given[rows])
        assert player.labels is not None
        assert player.labels.tolist() == rows
    assert not torch.equal(seen[0].noise, seen[1].noise)


@pytest.mark.parametrize(("separate", "judged"), [(True, 3), (False, 5)])
def test_an_adaptive_augmentation_counts_what_the_discriminator_sees(
    separate: bool, judged: int, tmp_path: Path
) -> None:
    module = tiny(separate_batches=separate, augment="adaptive", augment_every=4)
    counted: list[int] = []
    assert module.regularisers.adaptive is not None
    module.regularisers.adaptive.count = counted.append
    train(module.double(), ImageBatch(images(5).double()), 1, ["generator"], tmp_path)
    assert counted == [judged]


def test_noise_goes_by_image_whatever_the_number_of_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each process deals out its own rows; together they are the halves of the joined batch."""
    whole = [seen.noise for seen in tiny().produce(ImageBatch(images(8)))]
    joined = torch.cat(whole)
    for rank in range(2):
        module = tiny()
        monkeypatch.setattr(module, "noise", lambda count, rank=rank: joined[rank::2])
        for half, seen in zip(whole, module.produce(ImageBatch(images(8)[rank::2])), strict=True):
            assert seen.noise.equal(half[rank::2])


def test_the_discriminator_is_run_once_for_scores_and_penalties() -> None:
    module = tiny()
    sizes: list[int] = []
    module.discriminator.register_forward_pre_hook(lambda _, entering: sizes.append(len(entering[0])))
    batch = ImageBatch(images(4))
    module.discriminator_terms(batch, module.produce(batch))
    assert sizes == [4]


class At(R3GAN):
    """A model in the training step after so many."""

    steps = 0

    @property
    def global_step(self) -> int:
        return self.steps


PRESETS = {
    "CIFAR10": "cifar10",
    "FFHQ-64": "ffhq64",
    "FFHQ-256": "ffhq256",
    "ImageNet-32": "imagenet32",
    "ImageNet-64": "imagenet64",
}


@pytest.mark.parametrize("preset", PRESETS)
def test_the_configs_are_the_published_presets(preset: str) -> None:
    recorded = json.loads((FOLDER / "r3gan_presets.json").read_text())["presets"][preset]
    config = read_settings(find_config(f"paper/r3gan_{PRESETS[preset]}"))
    arguments, data = config["model"]["init_args"], config["data"]["init_args"]
    assert data["batch_size"] == 2 * recorded["batch_in_README"]
    assert ("labels" in data) == (recorded["classes_in_README"] > 0)
    with torch.device("meta"):
        module: Any = At(image_size=data["size"], classes=recorded["classes_in_README"], **arguments)
    for side, network in (("G", module.generator), ("D", module.discriminator)):
        assert sum(parameter.numel() for parameter in network.parameters()) == recorded[f"params_{side}"]
    deepest, *_, finest = module.generator.stages
    assert [stage[-1].layers[2].groups for stage in (deepest, finest)] == [
        recorded["CardinalityPerStage_G"][number] for number in (0, -1)
    ]
    schedule = json.loads((FOLDER / "r3gan_schedule.json").read_text())["presets"][preset]
    module._schedule_steps = schedule["decay_nimg"]  # as if of one image each
    assert arguments["schedule_images"] == schedule["decay_nimg"]
    for values in schedule["values"]:
        module.steps = values["nimg"]
        settings = module.settings_of(module.players[0])
        assert settings["learning_rate"] == pytest.approx(values["lr"], rel=1e-12)
        assert settings["betas"] == (0, pytest.approx(values["beta2"], rel=1e-12))
        share = module.scheduled(1, module.hparams["final_penalty_share"])
        assert share * module.hparams["r1_weight"] == pytest.approx(values["gamma"], rel=1e-12)
        assert module.hparams["r1_weight"] == module.hparams["r2_weight"]
        assert module.augment_probability() == pytest.approx(values["augment_p"], rel=1e-12, abs=1e-12)
        module.steps += 1  # averages follow after a step was counted
        kept = 0.5 ** (1 / values["ema_nimg"]) if values["ema_nimg"] else 0
        assert 1 - module.averaging_weight() == pytest.approx(kept, rel=1e-9)


@pytest.mark.parametrize(
    ("given", "limits", "steps"),
    [
        (24, {"max_epochs": 3}, 12.0),  # images of two for the discriminator, as a batch has
        (None, {"max_epochs": 3}, 15.0),
        (None, {"max_epochs": -1, "max_steps": 7}, 7.0),
    ],
)
def test_schedules_go_by_images_or_by_the_trainings_length(
    given: int | None, limits: dict[str, int], steps: float, tmp_path: Path
) -> None:
    module = tiny(schedule_images=given)
    data: DataLoader[Any] = DataLoader([ImageBatch(images(4))] * 5, batch_size=None)  # type: ignore[arg-type]
    trainer(tmp_path, **limits).fit(module, data)
    assert module._schedule_steps == steps


def test_accumulated_batches_are_images_of_one_step(tmp_path: Path) -> None:
    module = tiny(schedule_images=24, accumulate=3)
    data: DataLoader[Any] = DataLoader([ImageBatch(images(4))] * 6, batch_size=None)  # type: ignore[arg-type]
    trainer(tmp_path, max_epochs=1).fit(module, data)
    assert module._schedule_steps == 4


def test_a_training_without_end_needs_a_number_of_images(tmp_path: Path) -> None:
    data: DataLoader[Any] = DataLoader([ImageBatch(images(4))], batch_size=None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"has no end: set --model\.schedule_images"):
        trainer(tmp_path, max_epochs=-1, max_steps=-1).fit(tiny(), data)


def test_a_constant_average_is_taken_where_one_is_asked_for() -> None:
    assert tiny().keeps_averages()
    assert not tiny(ema_share=0.0).keeps_averages()
    constant = tiny(ema_decay=0.5)
    assert constant.averaging_weight() == max(0.5, 9 / 9)


def test_samples_are_cut_to_the_range_of_images() -> None:
    module = tiny()
    torch.nn.init.constant_(module.generator.image.weight, 100.0)
    made = module.sample(4)
    assert made.abs().max() == 1
    assert module.generator(module.latents(range(4)).double()).abs().max() > 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"image_size": 32}, r"widths holds 3 numbers, but images of 32 pixels take 4"),
        ({"blocks": [1, 1]}, r"blocks holds 2 numbers, but images of 16 pixels take 3"),
        ({"image_size": 24}, "powers of two"),
        ({"schedule_images": 0}, "counts images"),
        ({"final_beta2": 1.0}, "lies in"),
        ({"ema_share": -1.0}, "0 or more"),
        ({"final_rate_share": -1.0}, "0 or more"),
        ({"final_penalty_share": -1.0}, "0 or more"),
        ({"widths": None, "width": 0}, "1 or more"),
    ],
)
def test_what_cannot_be_right_is_explained(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        tiny(**arguments)
