from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
import torch
from lightning.pytorch.callbacks import Callback
from support.drawing import RecordedDraws
from support.official_steps import train
from support.parity import FOLDER, wave
from support.rules import fill_by_rules
from torch import Tensor, nn

from datamodules.images.batches import ImageBatch, SampleBatch
from gans.cli.config_files import find_config
from gans.cli.own_images import read_settings
from gans.sampling.draws import Draws
from gans.sampling.joined_noise import JoinedChance
from gans.stylegan2 import StyleGAN2


class RecordedChance(JoinedChance):
    """Draws what was recorded, by a counter over all draws of the training."""

    def __init__(self) -> None:
        self.world, self.draws = 1, RecordedDraws()

    def normal(self, count: int, *shape: int) -> Tensor:
        return self.draws.normal(torch.empty(count, dtype=torch.float64), *shape)

    def uniform(self) -> float:
        return float(self.draws.uniform(torch.empty(1, dtype=torch.float64)))

    def integer(self, low: int, high: int) -> int:
        self.draws.taken += 1
        return low + (self.draws.taken - 1) % (high - low + 1)


class OfficialChance(StyleGAN2):
    """Draws what was recorded."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.recorded = RecordedChance()

    def chance(self) -> JoinedChance:
        return self.recorded

    def augmentation_draws(self) -> Draws:
        return self.recorded.draws


TINY: dict[str, Any] = {
    "image_size": 16,
    "latent_size": 8,
    "style_size": 10,
    "generator_width": 128,
    "most_channels": 12,
}
RECORDED: dict[str, dict[str, Any]] = {
    "stylegan2": {
        "minibatch_group": 2,
        "path_length_every": 2,
        "r1_weight": 1.5,
        "penalty_every": 3,
        "ema_kimg": 0.01,
        "ema_rampup": 0.5,
    },
    "stylegan2_ada": {
        "classes": 3,
        "path_length_every": 2,
        "r1_weight": 0.8,
        "penalty_every": 2,
        "ema_kimg": 0.02,
        "ema_rampup": None,
        "augment": "adaptive",
        "augment_probability": 0.5,
        "augment_every": 2,
        "augment_kimg": 0.08,
    },
}
LOSSES: dict[str, Callable[[Mapping[str, float], Mapping[str, Any]], float]] = {
    "Gmain: Loss/G/loss": lambda ours, _: ours["train/generator/adversarial"],
    "Greg: Loss/G/reg": lambda ours, given: ours["train/path_length/penalty"] / given["path_length_every"],
    "Dmain: Loss/D/loss": lambda ours, _: ours["train/discriminator/adversarial"],
    "Dreg: Loss/D/reg": lambda ours, given: ours["train/penalties/r1"] / given["penalty_every"],
}
"""What the official program prints -> the same from what is logged here and the arguments."""


@pytest.mark.parametrize("name", RECORDED)
def test_steps_equal_the_official_program(name: str, tmp_path: Path) -> None:
    given = RECORDED[name]
    trace = json.loads((FOLDER / f"train_{name}.json").read_text())
    module = OfficialChance(**TINY | given).double()
    for network, theirs in (("generator", "G"), ("discriminator", "D")):
        fill_by_rules(getattr(module, network), trace["state_dicts"][theirs], trace["fill_rules"][theirs])
    recorded = trace["steps_float64_same_start"]
    batch = ImageBatch(wave(4, 3, 16, 16), torch.tensor([0, 2, 1, 2]))
    networks, means = ["generator", "discriminator", "ema"], Means()
    steps = train(module, batch, len(recorded), networks, tmp_path, callbacks=[means])
    assert set(LOSSES) == {loss for step in recorded for loss in step["losses"] if loss in LOSSES}
    for number, (theirs, ours, sums) in enumerate(zip(recorded, steps.losses, steps.sums, strict=True)):
        for loss, value in theirs["losses"].items():
            if loss in LOSSES:
                assert LOSSES[loss](ours, given) == pytest.approx(value, rel=1e-8), (loss, number)
        for network, their_name in zip(networks, ("G", "D", "G_ema"), strict=True):
            after = theirs["params_after"][their_name]["sum"]
            assert sums[network] == pytest.approx(after, rel=1e-8), (network, number)
        expected = theirs["w_avg"]["sum"], theirs["pl_mean"], theirs.get("augment_p_after", 0.0)
        assert means.seen[number] == pytest.approx(expected, rel=1e-8)


class Means(Callback):
    """Keeps, after every step, the sum of the mean w, the mean path length, and the probability."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, float, float]] = []

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
        adaptive = pl_module.regularisers.adaptive
        self.seen.append(
            (
                float(pl_module.generator.mapping.mean.sum()),
                float(pl_module.mean_length),
                0.0 if adaptive is None else adaptive.probability,
            )
        )


def tiny(**arguments: Any) -> StyleGAN2:
    torch.manual_seed(0)
    return StyleGAN2(**(TINY | {"minibatch_group": 2} | arguments))


def images(count: int = 4, height: int = 16, width: int = 16, seed: int = 0) -> Tensor:
    chance = torch.Generator().manual_seed(seed)
    return torch.rand(count, 3, height, width, generator=chance) * 2 - 1


PRESETS = json.loads((FOLDER / "stylegan2_presets.json").read_text())["presets"]
PUBLISHED = {
    "cifar": "cifar10",
    "stylegan2": "ffhq1024",
    "paper256": "ffhq256",
    "paper512": "afhq_cat",
    "paper1024": "metfaces",
}
"""Name of a preset -> that of its config; `auto` has none, because it is what is there by default."""


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_those_of_the_official_program(name: str) -> None:
    preset, (config, side, _) = PRESETS[name], name.split("_")
    arguments = {"image_size": int(side), "classes": preset["classes"]}
    if config in PUBLISHED:
        settings = read_settings(find_config(f"paper/stylegan2_{PUBLISHED[config]}"))
        arguments |= settings["model"]["init_args"]
        given = settings["data"]["init_args"]
        assert given["size"] == arguments["image_size"]
        assert given["batch_size"] in (preset["batch"], preset["batch_per_gpu"])
        assert settings["trainer"]["max_steps"] * preset["batch"] == 1000 * preset["kimg"]
    else:
        arguments["learning_rate"] = preset["lr"]  # lower from 1024 pixels, as the docstring says
    with torch.device("meta"):
        module = StyleGAN2(**arguments)
    module._images_of_a_step = preset["batch"]
    networks = module.generator.mapping, module.generator.synthesis, module.discriminator
    ours = module.hparams
    gamma = ours["r1_weight"] or module._r1_by_default(torch.empty(1, 3, int(side), int(side))) / 16
    half_life = 10 * preset["batch"] / 32 if ours["ema_kimg"] is None else ours["ema_kimg"]
    assert {
        "params": [sum(p.numel() for p in network.parameters()) for network in networks],
        "num_ws": module.generator.synthesis.layers,
        "mapping_layers": ours["mapping_layers"],
        "lr": ours["learning_rate"],
        "betas": list(ours["betas"]),
        "r1_gamma": pytest.approx(gamma),
        "pl_weight": ours["path_length_weight"],
        "style_mixing_prob": ours["mixing"],
        "mbstd_group_size": ours["minibatch_group"],
        "ema_kimg": half_life,
        "ema_rampup": ours["ema_rampup"],
        "ada_target": ours["augment_target"],
        "G_reg_interval": ours["path_length_every"],
        "D_reg_interval": ours["penalty_every"],
    } == preset_facts(preset)


def preset_facts(preset: dict[str, Any]) -> dict[str, Any]:
    kept = (
        "num_ws mapping_layers lr betas r1_gamma pl_weight style_mixing_prob mbstd_group_size ema_kimg "
        "ema_rampup ada_target G_reg_interval D_reg_interval"
    )
    counted = [preset[f"params_{name}"] for name in ("G_mapping", "G_synthesis", "D")]
    return {"params": counted} | {name: preset[name] for name in kept.split()}


def test_rates_and_betas_are_lowered_for_the_turns_in_between() -> None:
    discriminator, generator = (tiny().settings_of(player) for player in StyleGAN2.players)
    assert generator["learning_rate"] == pytest.approx(0.002)
    assert discriminator["learning_rate"] == pytest.approx(0.0025 * 16 / 17)
    assert generator["betas"] == pytest.approx((0, 0.99199), rel=1e-5)
    assert discriminator["betas"] == pytest.approx((0, 0.99058), rel=1e-5)


@pytest.mark.parametrize(
    ("arguments", "missing"),
    [
        ({}, set()),
        ({"path_length_weight": 0.0}, {"path_length"}),
        ({"r1_weight": 0.0}, {"penalties"}),
        ({"r1_weight": 0.0, "r2_weight": 1.0}, set()),
    ],
)
def test_a_turn_without_weight_is_left_out(arguments: dict[str, Any], missing: set[str]) -> None:
    everyone = {turn.name for turn in StyleGAN2.turns}
    assert {turn.name for turn in tiny(**arguments).active_turns()} == everyone - missing


def test_the_first_layers_of_the_discriminator_may_rest(tmp_path: Path) -> None:
    module = tiny(freeze_discriminator=3, r1_weight=1.0)
    before = copy.deepcopy(module.discriminator.state_dict())
    module.double()
    train(module, ImageBatch(images().double()), 3, ["discriminator"], tmp_path)
    after = module.float().discriminator.state_dict()
    kept = {name for name, weight in before.items() if weight.equal(after[name])}
    first = ("from_image", "conv0", "conv1")
    assert kept == {
        name for name in before if name.split(".")[:2] == ["blocks", "0"] and name.split(".")[2] in first
    }


def test_truncation_draws_images_in_to_that_of_the_mean_style() -> None:
    module = tiny()
    module.generator.mapping.mean.normal_()
    drawn_in = [module.sample(4, truncation=psi) for psi in (0.0, 0.5, 1.0)]
    spread = [float(made.std(0).mean()) for made in drawn_in]
    assert spread[0] == pytest.approx(0, abs=1e-6)
    assert spread[0] < spread[1] < spread[2]
    w = module.generator.mapping.mean.expand(1, module.generator.synthesis.layers, -1)
    torch.testing.assert_close(drawn_in[0][:1], module.generator.synthesis(w).clamp(-1, 1))
    assert drawn_in[2].equal(module.sample(4))


def test_predictions_are_truncated_as_asked_for() -> None:
    module = tiny(truncation=0.5)
    module.generator.mapping.mean.normal_()
    batch = SampleBatch(torch.tensor([3, 4]), ["a", "b"])
    assert module.predict_step(batch, 0).images.equal(module.sample(2, seed=3, truncation=0.5))
    assert not module.sample(2, seed=3).equal(module.sample(2, seed=3, truncation=0.5))


@pytest.mark.parametrize("objective", ["non_saturating", "wasserstein", "relativistic"])
def test_penalties_tell_an_augmentation_what_they_recognise(objective: Any, tmp_path: Path) -> None:
    """Where only differences from fakes count, the real images of a penalty by themselves say nothing."""
    module = tiny(objective=objective, augment="adaptive", r1_weight=1.0, penalty_every=1, augment_every=100)
    train(module.double(), ImageBatch(images().double()), 1, ["generator"], tmp_path)
    assert module.regularisers.adaptive is not None
    noticed = module.regularisers.adaptive.get_extra_state()["scores"]
    assert noticed == (8 if objective == "non_saturating" else 4)


def test_few_layers_may_be_truncated() -> None:
    generator = tiny().generator
    generator.mapping.mean.normal_()
    latents = torch.randn(2, 8)
    whole, first = generator.styles(latents), generator.styles(latents, truncation=0.0, layers=2)
    assert first[:, :2].equal(generator.mapping.mean.expand(2, 2, -1))
    assert first[:, 2:].equal(whole[:, 2:])


def test_noise_of_a_compared_image_goes_by_its_seed_alone() -> None:
    module = tiny()
    for name, strength in module.generator.named_parameters():
        if name.endswith("noise_strength"):
            nn.init.ones_(strength)  # it begins at 0
    pairs = zip(module.noise_of([3, 4, 5]), module.noise_of([4]), strict=True)
    assert all(many[1:2].equal(one) for many, one in pairs)
    compared = module.comparisons(ImageBatch(images(2), names=["a", "b"]))["samples"]
    seeds = [crc32(name.encode()) for name in ("a", "b")]
    with torch.no_grad():
        expected = module.generator(module.latents(seeds), noise=module.noise_of(seeds)).clamp(-1, 1)
    torch.testing.assert_close(compared.fake, expected)
    assert not compared.fake.equal(module.decode(module.latents(seeds)))


@pytest.mark.parametrize("size", [48, (16, 24), (40, 24)])
def test_images_of_other_shapes_are_learnt(size: Any, tmp_path: Path) -> None:
    module = tiny(image_size=size)
    height, width = (size, size) if isinstance(size, int) else size
    train(module.double(), ImageBatch(images(2, height, width).double()), 2, ["generator"], tmp_path)
    assert module.sample(3).shape == (3, 3, height, width)


@pytest.mark.parametrize("reason", [("half_life", 0.5), ("ramp", 0.0)])
def test_averages_go_by_images_seen(reason: tuple[str, float]) -> None:
    """Four images a step: half of the past is lost after as many as the half-life; first they are all new."""
    name, kept = reason
    module = tiny(ema_kimg=0.004, ema_rampup=None if name == "half_life" else 0.5)
    module._images_of_a_step = 4
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StyleGAN2, "global_step", 1)
        assert module.averaging_weight() == pytest.approx(1 - kept)
        patch.setattr(StyleGAN2, "global_step", 2)
        assert module.averaging_weight() == pytest.approx(1 - kept if name == "half_life" else 0.75)
    assert not tiny(ema_kimg=0.0).keeps_averages()
    assert tiny(ema_kimg=0.0, ema_decay=0.9).keeps_averages()


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("mixing", 1.5),
        ("path_length_weight", -1.0),
        ("path_length_every", 0),
        ("freeze_discriminator", -1),
        ("truncation", -0.1),
        ("ema_kimg", -1.0),
        ("minibatch_group", -2),
    ],
)
def test_arguments_out_of_range_are_named(argument: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"model\.{argument} is {value}"):
        tiny(**{argument: value})
