"""The authors' files of StarGAN v2: several networks in one, their averages in another, and a licence."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from support.domain_styles import SHAPES, assert_recorded, slow_wave
from support.official import convert, equal_states, imported, save, small
from support.parity import official_state, wave

import gans
from gans.networks.landmarks import LandmarkNetwork
from gans.networks.stargan_v2.generator import StyledGenerator
from gans.tools.official.names import official_filters, official_names

SCALES = {"generator": 0.05, "mapping_network": 0.17, "style_encoder": 0.05, "discriminator": 0.05}
RECORDED = {name: f"stargan_v2_{name.removesuffix('_network')}" for name in SCALES}


def recorded(*names: str) -> dict[str, dict[str, torch.Tensor]]:
    return {name: official_state(RECORDED[name], SCALES[name]) for name in names}


def test_official_files_give_the_recorded_outputs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = imported(save(recorded(*SCALES), tmp_path / "100000_nets.ckpt")).double()
    assert isinstance(model, gans.StarGANv2)
    assert (model.domains, model.hparams["image_size"]) == (["cat", "dog", "wild"], 64)
    assert_recorded(RECORDED["generator"], "out", model.generator(wave(2, 3, 64, 64), slow_wave(2, 16)))
    labels = torch.tensor([0, 1])
    assert_recorded(RECORDED["style_encoder"], "out_mixed", model.style_encoder(wave(2, 3, 64, 64), labels))
    assert_recorded(RECORDED["discriminator"], "out_mixed", model.discriminator(wave(2, 3, 64, 64), labels))
    assert_recorded(
        RECORDED["mapping_network"],
        "out_mixed",
        model.mapping_network(slow_wave(4, 8), torch.tensor([0, 1, 2, 0])),
    )
    assert "CC BY-NC 4.0: for non-commercial use only" in capsys.readouterr().out


def test_averages_are_taken_before_networks_as_trained_and_other_files_are_left(tmp_path: Path) -> None:
    averaged = recorded("generator", "mapping_network", "style_encoder")
    raw = {name: {key: -value for key, value in state.items()} for name, state in recorded(*SCALES).items()}
    save(averaged, tmp_path / "in" / "100000_nets_ema.ckpt")
    save(raw, tmp_path / "in" / "100000_nets.ckpt")
    save({"generator": {"state": {}}}, tmp_path / "in" / "100000_optims.ckpt")
    save({"state_dict": {}}, tmp_path / "in" / "wing.ckpt")
    model = imported(tmp_path / "in")
    first = averaged["generator"]["from_rgb.weight"]
    assert torch.equal(model.generator.from_image.weight, first)
    assert torch.equal(model.discriminator.heads.bias, raw["discriminator"]["main.8.bias"])
    alone = imported(save(averaged, tmp_path / "100000_nets_ema.ckpt"))
    assert torch.equal(alone.generator.from_image.weight, first)


@pytest.mark.parametrize("kind", SHAPES["state_dicts"])
def test_names_are_the_official_ones(kind: str) -> None:
    high_pass, domains = (1.0, 2) if "celeba" in kind else (0.0, 3)
    with torch.device("meta"):
        model = gans.StarGANv2(domains=[str(number) for number in range(domains)], high_pass=high_pass)
    for name, official in SHAPES["state_dicts"][kind].items():
        network = getattr(model, name)
        ours = [*official_names(network).values(), *official_filters(network)]
        assert ours == [key for key, _ in official]


def test_other_numbers_of_domains_are_to_be_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    domains = ["a", "b", "c", "d"]
    assert convert(small(tmp_path, "StarGANv2", domains=domains), tmp_path / "out") == 0
    assert convert(tmp_path / "out", tmp_path / "again.ckpt") != 0
    assert "has 4 domains, and its files do not say what they are" in capsys.readouterr().err
    model = imported(tmp_path / "out" / "100000_nets.ckpt", "--attributes", ",".join(domains))
    assert model.domains == domains


def test_a_high_pass_goes_with_the_network_of_landmarks(tmp_path: Path) -> None:
    source = small(tmp_path, "StarGANv2", high_pass=2.0)
    assert convert(source, tmp_path / "out") != 0
    wing = save({"state_dict": LandmarkNetwork().state_dict()}, tmp_path / "wing.ckpt")
    source = small(tmp_path, "StarGANv2", high_pass=2.0, landmarks=str(wing))
    assert convert(source, tmp_path / "out") == 0
    held = torch.load(tmp_path / "out" / "100000_nets_ema.ckpt", weights_only=True)
    assert list(held) == ["generator", "mapping_network", "style_encoder", "fan"]
    assert list(held["generator"])[-1] == "hpf.filter"
    assert held["generator"]["hpf.filter"][1, 1] == 4
    model = imported(tmp_path / "out" / "100000_nets_ema.ckpt")
    assert isinstance(model.generator, StyledGenerator)
    assert model.hparams["high_pass"] == 2
    assert equal_states(model.generator, gans.load(source).generator)
