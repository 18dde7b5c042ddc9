"""The authors' files of super-resolution, of all names and forms that circulate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from support.official import convert, equal_states, imported, save, small
from support.parity import assert_outputs, official_state, vectors

import gans
from gans.networks.rrdbnet import RRDBNet
from gans.networks.vgg_style import VGGStyleDiscriminator
from gans.tools.official.convert import import_official
from gans.tools.official.names import official_names

RECORDED = {
    "msrresnet": ("SRResNet", 2, 4),
    "msrresnet_x3": ("SRResNet", 1, 3),
    "rrdbnet_x4": ("ESRGAN", 2, 4),
    "rrdbnet_x2": ("RealESRGAN", 1, 2),
    "srvgg_compact": ("RealESRGAN", 3, 4),
}
"""Recorded network -> the variant that it is taken for, its blocks and its scale."""

RELEASED: dict[str, tuple[int, dict[str, Any]]] = {
    "RRDB_ESRGAN_x4": (16_697_987, {"generator": "rrdbnet", "blocks": 23, "growth": 32, "scale": 4}),
    "RealESRGAN_x2plus": (16_703_171, {"generator": "rrdbnet", "blocks": 23, "growth": 32, "scale": 2}),
    "RealESRGAN_x4plus_anime_6B": (
        4_467_779,
        {"generator": "rrdbnet", "blocks": 6, "growth": 32, "scale": 4},
    ),
    "realesr-general-x4v3": (1_213_296, {"generator": "srvgg", "blocks": 32, "scale": 4}),
    "realesr-animevideov3": (621_424, {"generator": "srvgg", "blocks": 16, "scale": 4}),
    "MSRResNet_x4": (1_517_571, {"generator": "msrresnet", "blocks": 16, "scale": 4}),
}
"""Released file -> its published number of parameters, and what is to be recognised."""


@pytest.mark.parametrize(
    ("name", "form"),
    [
        *zip(RECORDED, ["params", "bare", "params_ema", "module", "params"], strict=True),
        ("rrdbnet_x4", "bare"),
        ("rrdbnet_x2", "params_ema"),
    ],
)
def test_every_generator_gives_the_recorded_output(
    name: str, form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = official_state(name)
    spoilt = {key: value + 1 for key, value in state.items()}
    contents: dict[str, Any] = {
        "params": {"params": state},
        "params_ema": {"params": spoilt, "params_ema": state},  # the averages are preferred
        "bare": state,
        "module": {f"module.{key}": value for key, value in state.items()},
    }
    variant, blocks, scale = RECORDED[name]
    model = imported(save(contents[form], tmp_path / f"{name}.pth"))
    assert type(model).__name__ == variant
    assert (model.hparams["blocks"], model.scale) == (blocks, scale)
    assert_outputs(model.generator, name, "eval")
    assert f"scale {scale}, blocks {blocks}" in capsys.readouterr().out


@pytest.mark.parametrize(("name", "scale"), [("vgg_style_d", 0.1), ("unet_d_sn", 0.05)])
def test_every_discriminator_gives_the_recorded_scores(name: str, scale: float, tmp_path: Path) -> None:
    save({"params_ema": official_state("rrdbnet_x4")}, tmp_path / "in" / "net_g_5.pth")
    save({"params": official_state(name, scale)}, tmp_path / "in" / "net_d_5.pth")
    model = imported(tmp_path / "in")
    assert type(model).__name__ == ("ESRGAN" if name == "vgg_style_d" else "RealESRGAN")
    assert model.hparams["discriminator_width"] == 4
    assert_outputs(model.discriminator, name, "eval")


@pytest.mark.parametrize("names", ["basicsr", "esrgan", "esrgan_oldest"])
def test_each_kind_of_names_is_written_and_read(names: str, tmp_path: Path) -> None:
    state = official_state("rrdbnet_x4")
    assert convert(save(state, tmp_path / "in.pth"), tmp_path / "own.ckpt") == 0
    assert convert(tmp_path / "own.ckpt", tmp_path / "out", "--names", names) == 0
    file = "net_g_latest.pth" if names == "basicsr" else "RRDB_ESRGAN_x4.pth"
    written = torch.load(tmp_path / "out" / file, weights_only=True)
    first = {
        "basicsr": "body.0.rdb1.conv1.weight",
        "esrgan": "RRDB_trunk.0.RDB1.conv1.weight",
        "esrgan_oldest": "model.1.sub.0.RDB1.conv1.0.weight",
    }
    bare = written["params"] if names == "basicsr" else written
    assert torch.equal(bare[first[names]], state["body.0.rdb1.conv1.weight"])
    assert len(bare) == len(state)
    model = imported(tmp_path / "out" / file)
    assert isinstance(model, gans.ESRGAN)
    assert_outputs(model.generator, "rrdbnet_x4", "eval")


def test_the_oldest_names_are_those_that_circulate() -> None:
    """The numbers of the layers of 23 blocks, as papers/super_resolution.md has them of the files."""
    from gans.tools.official.enlarging import in_older_names

    with torch.device("meta"):
        network = RRDBNet()
        state = dict(zip(official_names(network).values(), network.state_dict().values(), strict=True))
    places = {
        "conv_first": ("model.0", "conv_first"),
        "conv_body": ("model.1.sub.23", "trunk_conv"),
        "conv_up1": ("model.3", "upconv1"),
        "conv_up2": ("model.6", "upconv2"),
        "conv_hr": ("model.8", "HRconv"),
        "conv_last": ("model.10", "conv_last"),
        "body.7.rdb2.conv4": ("model.1.sub.7.RDB2.conv4.0", "RRDB_trunk.7.RDB2.conv4"),
    }
    for column, names in enumerate(("esrgan_oldest", "esrgan")):
        older = in_older_names(state, names)
        assert len(older) == len(state)
        for layer, called in places.items():
            assert older[f"{called[column]}.bias"] is state[f"{layer}.bias"]


@pytest.mark.parametrize("name", RELEASED)
def test_the_size_of_every_released_file_is_read_from_it(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parameters, facts = RELEASED[name]
    variant = {"msrresnet": gans.SRResNet}.get(facts["generator"], gans.RealESRGAN)
    with torch.device("meta"):
        network = variant(**facts).generator
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters
    state = {
        theirs: torch.zeros(()).expand(value.shape)  # a file of one number in each tensor
        for theirs, value in zip(official_names(network).values(), network.state_dict().values(), strict=True)
    }
    found = import_official(save({"params": state}, tmp_path / f"{name}.pth"), "SRResNet").arguments
    assert {fact: found[fact] for fact in facts} == facts
    assert found["generator_width"] == 64


def test_averages_lie_beside_what_was_trained(tmp_path: Path) -> None:
    checkpoint = torch.load(small(tmp_path, "ESRGAN", image_size=32), weights_only=True)
    weights = {n: v for n, v in checkpoint["state_dict"].items() if n.startswith("generator.")}
    checkpoint["state_dict"] |= {f"ema.{name}": value + 1 for name, value in weights.items()}
    torch.save(checkpoint, tmp_path / "ESRGAN.ckpt")
    assert convert(tmp_path / "ESRGAN.ckpt", tmp_path / "both") == 0
    assert convert(tmp_path / "ESRGAN.ckpt", tmp_path / "raw", "--raw") == 0
    both, raw = (torch.load(tmp_path / n / "net_g_latest.pth", weights_only=True) for n in ("both", "raw"))
    assert set(both) == {"params", "params_ema"}
    assert set(raw) == {"params"}
    name = "conv_first.weight"
    assert torch.equal(both["params_ema"][name], both["params"][name] + 1)
    assert torch.equal(both["params"][name], raw["params"][name])
    assert set(torch.load(tmp_path / "both" / "net_d_latest.pth", weights_only=True)) == {"params"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"discriminator_norm": "none"}, "no discriminator_norm none"),
        ({"image_size": 16}, "no targets of 64 pixels"),
        ({"spectral_norm": True, "discriminator_norm": "none"}, "no spectral_norm true"),
    ],
)
def test_a_discriminator_that_the_authors_have_not_is_left_out_and_told(
    arguments: dict[str, Any], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = small(tmp_path, "ESRGAN", **arguments)
    assert convert(checkpoint, tmp_path / "out") == 0
    assert f"discriminator: left out, the authors' has {told}" in capsys.readouterr().out
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["net_g_latest.pth"]
    before, after = gans.load(checkpoint), imported(tmp_path / "out")
    assert equal_states(before.generator, after.generator)


def test_wrong_files_and_wishes_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def said(*arguments: object) -> str:
        assert convert(*arguments) != 0
        return " ".join(capsys.readouterr().err.split())

    oldest = {"model.0.weight": torch.zeros(8, 3, 3, 3), "model.1.sub.0.RDB1.conv1.0.weight": torch.zeros(1)}
    assert "does not enlarge by 4" in said(save(oldest, tmp_path / "x2.pth"), tmp_path / "out.ckpt")
    state = official_state("rrdbnet_x4")
    state["conv_up3.weight"] = state.pop("conv_up2.weight")
    lines = said(save({"params": state}, tmp_path / "other.pth"), tmp_path / "out.ckpt")
    assert "unknown: conv_up3.weight missing: conv_up2.weight" in lines
    save(official_state("srvgg_compact"), tmp_path / "compact.pth")
    assert "has no place for" in said(tmp_path / "compact.pth", tmp_path / "o.ckpt", "--variant", "CycleGAN")
    assert convert(tmp_path / "compact.pth", tmp_path / "own.ckpt") == 0
    assert "rrdbnet at scale 4" in said(tmp_path / "own.ckpt", tmp_path / "out", "--names", "esrgan")
    assert "--names is for super-resolution" in said(
        small(tmp_path, "DCGAN"), tmp_path / "out", "--names", "esrgan"
    )
    assert not (tmp_path / "out").exists()


def test_a_discriminator_of_256_pixels_keeps_its_size() -> None:
    from gans.tools.official.enlarging import KINDS, arguments_of

    for size in (128, 256):
        with torch.device("meta"):
            network = VGGStyleDiscriminator(3, size, 4)
        values = network.state_dict().values()
        facts = KINDS["VGG-style discriminator"][1](
            dict(zip(official_names(network).values(), values, strict=True))
        )
        assert arguments_of(facts | {"scale": 4})["image_size"] == size // 4
    assert vectors("vgg_style_d").facts["arguments"]["input_size"] == 128
