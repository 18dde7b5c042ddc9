from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.official_steps import assert_official_steps
from support.parity import FOLDER, wave
from support.processes import run_alone, run_together
from support.runs import fit
from support.toys import TOYS
from torch import Tensor, nn

from datamodules.unpaired.batches import UnpairedBatch
from gans.cut import CUT
from gans.networks.norms import Norm

TINY: dict[str, Any] = {
    "image_size": 16,
    "generator_width": 4,
    "blocks": 2,
    "nce_layers": ["input", "down_1", "block_2"],
    "projection_width": 8,
    "patches": 10,
    "discriminator_width": 4,
    "discriminator_layers": 1,
}


class OfficialChance(CUT):
    """Draws what was recorded: the c-th places are (1009 k + 31 c) mod n; mirrorings come from the file."""

    def __init__(self, *, trace: str, **arguments: Any) -> None:
        super().__init__(**arguments)
        recorded = json.loads((FOLDER / f"train_{trace}.json").read_text())
        self.flips = recorded.get("flip_draws", {}).get("mirrored")
        self.count = 0

    def mirrors(self, chance: torch.Generator) -> bool:
        return bool(self.flips[self.global_step])

    def places(self, features: Tensor, chance: torch.Generator) -> Tensor:
        count = features.shape[-2] * features.shape[-1]
        drawn = (1009 * torch.arange(min(self.hparams["patches"], count)) + 31 * self.count) % count
        self.count += 1
        return drawn


FASTCUT = {"lambda_NCE": 10.0, "nce_identity": False, "flip_equivariance": True}


@pytest.mark.parametrize(("trace", "arguments"), [("cut", {}), ("fastcut", FASTCUT)])
def test_steps_equal_the_official_program(trace: str, arguments: dict[str, Any], tmp_path: Path) -> None:
    module = OfficialChance(
        trace=trace,
        generator_width=8,
        discriminator_width=8,
        projection_width=16,
        patches=32,
        schedule="constant",
        **arguments,
    )
    share = 1.0 if arguments else 0.5
    terms: dict[str, Callable[[Mapping[str, float]], float]] = {
        "train/generator/adversarial": lambda losses: losses["G_GAN"],
        "train/generator/nce": lambda losses: share * losses["NCE"],
        "train/generator/total": lambda losses: losses["G"],
        "train/discriminator/adversarial": lambda losses: losses["(not printed) loss_D total"],
    }
    if not arguments:
        terms["train/generator/nce_identity"] = lambda losses: share * losses["NCE_Y"]
    networks = {"generator": "G", "discriminator": "D", "projection": "F"}
    batch = UnpairedBatch(wave(1, 3, 64, 64), wave(1, 3, 64, 64, function=np.cos))
    assert_official_steps(module, batch, trace, terms, networks, tmp_path)


def tiny(**arguments: Any) -> CUT:
    torch.manual_seed(0)
    return CUT(**(TINY | arguments)).double()


def images(count: int = 2, channels: int = 3, side: int = 16, seed: int = 0) -> Tensor:
    chance = torch.Generator().manual_seed(seed)
    return torch.rand(count, channels, side, side, generator=chance, dtype=torch.float64) * 2 - 1


def calls_of(network: nn.Module) -> list[int]:
    """Return a list that grows by the size of each batch that goes through the network."""
    sizes: list[int] = []
    network.register_forward_pre_hook(lambda _, entering: sizes.append(len(entering[0])))
    return sizes


@pytest.mark.parametrize(
    ("norm", "mirrored", "expected"),
    [("instance", False, [4]), ("instance", True, [4, 2, 2]), ("batch", False, [4, 2, 2])],
)
def test_features_of_the_translation_are_used_where_they_are_those_of_the_images(
    norm: Norm, mirrored: bool, expected: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CUT, "mirrors", lambda self, chance: mirrored)
    module = tiny(norm=norm, flip_equivariance=mirrored)
    batch = UnpairedBatch(images(), images(seed=1))
    sizes = calls_of(module.generator)
    made = module.produce(batch)
    assert sizes == expected
    features = module.generator(batch.A, [0, 4, 13], encode_only=True)
    for rows, feature, places in zip(
        made.source_patches.rows, features, made.source_patches.places, strict=True
    ):
        assert not rows.requires_grad
        torch.testing.assert_close(rows, feature.detach().flatten(2)[..., places].transpose(1, 2))


@pytest.mark.parametrize("sides", [(16, 16), (16, 24)])
def test_images_of_both_domains_may_differ_in_size(sides: tuple[int, int]) -> None:
    module = tiny()
    made = module.produce(UnpairedBatch(images(side=sides[0]), images(side=sides[1], seed=1)))
    assert made.fake.shape[-1] == sides[0]
    assert made.same is not None
    assert made.same.shape[-1] == sides[1]


@pytest.mark.parametrize(("A", "B"), [(1, 3), (3, 1), (1, 1), (4, 4)])
@pytest.mark.parametrize("direction", ["A2B", "B2A"])
def test_grey_becomes_colour_and_colour_grey(A: int, B: int, direction: str) -> None:
    module = tiny(channels_A=A, channels_B=B, direction=direction)
    batch = UnpairedBatch(images(channels=A), images(channels=B, seed=1))
    made = module.produce(batch)
    terms = module.generator_terms(batch, made) | module.discriminator_terms(batch, made)
    assert all(term.isfinite() for term in terms.values())
    source, target = (batch.A, batch.B) if direction == "A2B" else (batch.B, batch.A)
    assert module.translate(source).shape == target.shape
    assert set(module.grids(batch)[direction].columns) == {
        direction[0],
        f"{direction[0]} -> {direction[2]}",
        f"taken for {direction[2]} (white)",
    }


def test_other_channels_have_no_common_features() -> None:
    with pytest.raises(ValueError, match=r"channels_A is 4 and channels_B 3.*one of them is grey"):
        tiny(channels_A=4)


def test_layers_go_by_name_or_by_number() -> None:
    named, numbered = tiny(), tiny(nce_layers=[0, 4, 13])
    batch = UnpairedBatch(images(), images(seed=1))
    first, second = (module.generator_terms(batch, module.produce(batch)) for module in (named, numbered))
    assert first["nce"].equal(second["nce"])


@pytest.mark.parametrize("layers", [["sky"], [14], [4, 0], [4, 4], [-1]])
def test_layers_that_are_not_there_are_named(layers: list[int | str]) -> None:
    with pytest.raises(ValueError, match=r"model\.nce_layers is .*0 to 13, in ascending.*down_1 \(4\)"):
        tiny(nce_layers=layers)


@pytest.mark.parametrize(
    ("argument", "value"),
    [("lambda_NCE", 0.0), ("lambda_GAN", -1.0), ("nce_temperature", 0.0), ("patches", 0)],
)
def test_arguments_out_of_range_are_named(argument: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"model\.{argument} is {value}"):
        tiny(**{argument: value})


def test_a_translation_of_itself_costs_nothing_and_another_does() -> None:
    """The contrast of images with their own patches is the least: each query is its key."""
    module = tiny(patches=1000)
    batch = UnpairedBatch(images(), images(seed=1))
    patches = module.produce(batch).source_patches
    own = module._contrast(batch.A, patches, mirrored=False)
    assert own < module._contrast(batch.B, patches, mirrored=False)
    assert own < module._contrast(batch.A.roll(3, -1), patches, mirrored=False)


@pytest.mark.parametrize("mirrored", [False, True])
def test_identity_by_pixels_is_another_term(mirrored: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CUT, "mirrors", lambda self, chance: mirrored)
    module = tiny(nce_identity=False, lambda_identity=2.0, flip_equivariance=True)
    batch = UnpairedBatch(images(), images(seed=1))
    made = module.produce(batch)
    terms = module.generator_terms(batch, made)
    assert set(terms) == {"adversarial", "nce", "identity"}
    assert made.same is not None
    seen = batch.B.flip(-1) if mirrored else batch.B  # what the generator saw
    torch.testing.assert_close(made.same, module.generator(seen))
    torch.testing.assert_close(terms["identity"], 2 * (made.same - seen).abs().mean())


def test_the_projection_may_learn_at_a_rate_of_its_own() -> None:
    module = tiny(projection_learning_rate=1e-5, projection_betas=(0.9, 0.99))
    generator, projection, _ = (module.settings_of(player) for player in module.players)
    assert (generator["learning_rate"], generator["betas"]) == (2e-4, (0.5, 0.999))
    assert (projection["learning_rate"], projection["betas"]) == (1e-5, (0.9, 0.99))


def with_negatives_of_the_batch(into: str, batch_size: int) -> list[dict[str, Tensor]]:
    settings: dict[str, Any] = {"model": TOYS["CUT"].separable | {"negatives": "batch"}}
    return fit(
        "CUT",
        into,
        **settings,
        data={"batch_size": batch_size},
        trainer={"precision": "64-true", "max_epochs": 1},
    )


def test_negatives_of_two_processes_are_those_of_one(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    alone = run_alone(with_negatives_of_the_batch, str(tmp_path / "one"), 4)
    both = run_together(with_negatives_of_the_batch, str(tmp_path / "two"), 2)
    for joined, *apart in zip(alone, *both, strict=True):
        specks = 1e-14 * max(float(gradient.abs().max()) for gradient in joined.values())
        for parameter, gradient in joined.items():
            assert torch.equal(apart[0][parameter], apart[1][parameter]), parameter
            torch.testing.assert_close(apart[0][parameter], gradient, rtol=1e-10, atol=specks)
