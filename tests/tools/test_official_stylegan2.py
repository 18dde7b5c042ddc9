"""StyleGAN2-ADA's pickles, which hold source text that nobody runs, and files for its program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from support.official import convert, equal_states, imported, small
from support.parity import vectors
from support.pickled import WithSource, module_of, write_snapshot
from support.rules import CONSTANT, fill_by_rules, value
from torch import Tensor

import gans
from gans.networks.resampling import filter_of
from gans.tools.official.convert import import_official

OFFICIAL_D = {"residual": ("stylegan2_d", "stylegan2_d_cond"), "plain": ("stylegan2_d_orig",) * 2}


def official_state(name: str, prefix: str = "") -> dict[str, Tensor]:
    """Return the state of a recorded network under the official names, filters included."""
    facts = vectors(name).facts
    state = {}
    for index, (key, shape, *_) in enumerate(facts["state_dict"]):
        rule = facts["fill_rules"][key]
        state[prefix + key] = filter_of() if rule == CONSTANT else value(index, shape, rule)
    return state


def snapshot(folder: Path, classes: int = 3, judge: str = "stylegan2_d_cond", **others: Any) -> Path:
    mapping = "stylegan2_mapping_cond" if classes else "stylegan2_mapping"
    generator = official_state(mapping, "mapping.") | official_state("stylegan2_synthesis", "synthesis.")
    contents = {
        "G_ema": module_of(generator, WithSource),
        "D": module_of(official_state(judge), WithSource),
        "augment_pipe": module_of({"p": torch.zeros(())}, WithSource),
    }
    return write_snapshot(folder / "network-snapshot-000000.pkl", **(contents | others))


@pytest.mark.parametrize("judge", ["stylegan2_d", "stylegan2_d_cond", "stylegan2_d_orig"])
def test_a_pickle_gives_the_recorded_networks(judge: str, tmp_path: Path) -> None:
    classes = 0 if judge == "stylegan2_d" else 3
    model = imported(snapshot(tmp_path, classes, judge)).double()
    assert isinstance(model, gans.StyleGAN2)
    mapping = vectors("stylegan2_mapping_cond" if classes else "stylegan2_mapping")
    expected = gans.StyleGAN2(**{k: model.hparams[k] for k in SHAPES}).double()
    for network, facts in (
        (expected.generator.mapping, mapping.facts),
        (expected.generator.synthesis, vectors("stylegan2_synthesis").facts),
        (expected.discriminator, vectors(judge).facts),
    ):
        fill_by_rules(network, facts["state_dict"], facts["fill_rules"])
    assert equal_states(model.ema["generator"], expected.generator)
    assert equal_states(model.generator, expected.generator)  # there was no other
    assert equal_states(model.discriminator, expected.discriminator)


SHAPES = (
    *("image_size", "latent_size", "style_size", "mapping_layers", "most_channels", "classes", "channels"),
    *("generator_width", "generator_architecture", "discriminator_width", "discriminator_architecture"),
)


def test_the_arguments_are_read_from_the_tensors(tmp_path: Path) -> None:
    arguments = import_official(snapshot(tmp_path, judge="stylegan2_d_orig")).arguments
    assert {name: arguments[name] for name in SHAPES} == {
        "image_size": 16,
        "latent_size": 8,
        "style_size": 10,
        "mapping_layers": 2,
        "most_channels": 12,
        "classes": 3,
        "channels": 3,
        "generator_width": 128,
        "generator_architecture": "skip",
        "discriminator_width": 128,
        "discriminator_architecture": "plain",
    }


@pytest.mark.parametrize("generator", ["skip", "residual", "plain"])
@pytest.mark.parametrize("discriminator", ["skip", "residual", "plain"])
def test_networks_of_every_architecture_come_back(generator: str, discriminator: str, tmp_path: Path) -> None:
    others = {"generator_architecture": generator, "discriminator_architecture": discriminator}
    checkpoint = small(tmp_path, "StyleGAN2", classes=2, **others)
    assert convert(checkpoint, tmp_path / "official") == 0
    before, after = gans.load(checkpoint), imported(tmp_path / "official")
    for name in ("generator", "discriminator", "ema.generator"):
        assert equal_states(before.get_submodule(name), after.get_submodule(name)), name
    assert {name: after.hparams[name] for name in others} == others
    card = (tmp_path / "official" / "networks.md").read_text()
    official = {"skip": "skip", "residual": "resnet", "plain": "orig"}
    widths = "'channel_base': 64, 'channel_max': 7, 'architecture': '{}'}})`"
    assert "`Generator(z_dim=5, w_dim=6, c_dim=2, img_resolution=16" in card
    assert widths.format(official[generator]) in card
    assert f"channel_max=7, architecture='{official[discriminator]}')`" in card


def test_other_widths_than_those_by_the_side_are_refused(tmp_path: Path) -> None:
    state = official_state("stylegan2_d_cond")
    state["b8.conv0.weight"] = torch.zeros(11, 11, 3, 3)
    path = snapshot(tmp_path, D=module_of(state, WithSource))
    with pytest.raises(ValueError, match=r"other channels than those here ever have: 12 at 4, 11 at 8"):
        import_official(path)


def test_a_size_that_the_authors_do_not_know_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert convert(small(tmp_path, "StyleGAN2", image_size=24), tmp_path / "out") != 0
    assert "image_size 24: the authors' program knows" in capsys.readouterr().err
