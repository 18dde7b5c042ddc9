"""The authors' files of CUT and FastCUT, whose states count constant filters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from support.official import convert, equal_states, imported, save, small
from support.parity import FOLDER, assert_outputs, official_state
from torch import Tensor, nn

import gans
from gans.cut import LAYERS
from gans.networks.resnet import ResNetGenerator
from gans.tools.official.convert import import_official
from gans.tools.official.places import PLACES


class RecordedFeatures(nn.Module):
    """A generator with the outputs that were recorded of the official one."""

    def __init__(self, network: ResNetGenerator) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        made, features = self.network(images, LAYERS)
        return {"out": made} | {f"feature_{n}": kept for n, kept in zip(LAYERS, features, strict=True)}


def written(folder: Path, **arguments: Any) -> Path:
    """Return a folder with the authors' files of a small CUT, whose checkpoint is CUT.ckpt."""
    assert convert(small(folder, "CUT", **arguments), folder / "in") == 0
    return folder / "in"


# In ---------------------------------------------------------------------------------------------------------


def test_official_files_give_the_recorded_outputs(tmp_path: Path) -> None:
    save(official_state("cut_resnet_9blocks_antialias"), tmp_path / "in" / "200_net_G.pth")
    save(official_state("cut_patchgan_antialias"), tmp_path / "in" / "200_net_D.pth")
    model = imported(tmp_path / "in")
    assert isinstance(model, gans.CUT)
    assert_outputs(RecordedFeatures(model.generator), "cut_resnet_9blocks_antialias", "eval")
    assert_outputs(model.discriminator, "cut_patchgan_antialias", "eval")


def test_a_released_generator_is_enough(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "horse2zebra_cut_pretrained"
    save(official_state("cut_resnet_9blocks_antialias"), folder / "latest_net_G.pth")
    assert isinstance(imported(folder), gans.CUT)
    told = capsys.readouterr().out
    for name in ("projection", "discriminator"):
        assert f"{name}: in no file, newly initialised" in told


def test_a_generator_without_filters_is_a_cut_where_it_is_said(tmp_path: Path) -> None:
    path = save(official_state("cut_resnet_9blocks_noantialias"), tmp_path / "latest_net_G.pth")
    assert isinstance(imported(path), gans.CycleGAN)
    model = imported(path, "--variant", "CUT")
    assert_outputs(RecordedFeatures(model.generator), "cut_resnet_9blocks_noantialias", "eval")


def test_a_projection_makes_a_cut_of_a_generator_without_filters(tmp_path: Path) -> None:
    folder = written(tmp_path, downsampling="strided", upsampling="transposed", blocks=7)
    (folder / "latest_net_D.pth").unlink()
    assert isinstance(imported(folder), gans.CUT)


# Out, and in again ------------------------------------------------------------------------------------------


def test_full_size_states_have_the_official_names_order_and_shapes(tmp_path: Path) -> None:
    full = {"generator_width": 64, "discriminator_width": 64, "projection_width": 256}
    folder = written(tmp_path, **full, blocks=9, discriminator_layers=3)
    official = json.loads((FOLDER / "cut_official_shapes.json").read_text())["state_dicts"]
    for network, tensors in official.items():
        state = torch.load(folder / f"latest_net_{network}.pth", weights_only=True)
        assert [[name, list(value.shape), str(value.dtype)[6:]] for name, value in state.items()] == tensors


@pytest.mark.parametrize("network", ["resnet_9blocks_antialias", "patchgan_antialias"])
def test_official_tensors_come_back_bit_for_bit(network: str, tmp_path: Path) -> None:
    generator = official_state("cut_resnet_9blocks_antialias")
    save(generator, tmp_path / "in" / "latest_net_G.pth")
    save(official_state("cut_patchgan_antialias"), tmp_path / "in" / "latest_net_D.pth")
    assert convert(tmp_path / "in", tmp_path / "cut.ckpt") == 0
    assert convert(tmp_path / "cut.ckpt", tmp_path / "out") == 0
    file = {"resnet": "latest_net_G.pth", "patchgan": "latest_net_D.pth"}[network.split("_")[0]]
    before = official_state(f"cut_{network}")
    after = torch.load(tmp_path / "out" / file, weights_only=True)
    assert list(after) == list(before)
    assert all(torch.equal(after[name], value) for name, value in before.items())


@pytest.mark.parametrize("norm", ["instance", "batch", "none"])
@pytest.mark.parametrize("dropout", [False, True])
@pytest.mark.parametrize(
    ("downsampling", "upsampling"),
    [("strided", "antialiased"), ("antialiased", "transposed"), ("antialiased", "antialiased")],
)
def test_either_half_may_have_filters(
    norm: str, dropout: bool, downsampling: str, upsampling: str, tmp_path: Path
) -> None:
    given = {"norm": norm, "dropout": dropout, "downsampling": downsampling, "upsampling": upsampling}
    after = imported(written(tmp_path, **given, blocks=7))
    before = gans.load(tmp_path / "CUT.ckpt")
    assert {name: after.hparams[name] for name in given} == given
    for name in PLACES["CUT"]:
        assert equal_states(getattr(before, name), getattr(after, name)), name


def test_a_pixel_discriminator_has_no_filters(tmp_path: Path) -> None:
    after = imported(written(tmp_path, discriminator_layers=0))
    assert (after.hparams["discriminator_layers"], after.hparams["downsampling"]) == (0, "antialiased")
    assert equal_states(gans.load(tmp_path / "CUT.ckpt").discriminator, after.discriminator)


@pytest.mark.parametrize(
    "given", [{"upsampling": "nearest"}, {"norm": "layer"}, {"spectral_norm": True}], ids=str
)
def test_what_the_authors_do_not_have_is_refused(
    given: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert convert(small(tmp_path, "CUT", **given), tmp_path / "out") != 0
    ((name, value),) = given.items()
    assert f"has {name} {value}: the authors' program knows" in capsys.readouterr().err


# Layers -----------------------------------------------------------------------------------------------------


def test_other_layers_are_named(tmp_path: Path) -> None:
    folder = written(tmp_path, nce_layers=["input", "down_1", "block_5"])
    with pytest.raises(
        ValueError, match=r"latest_net_F.pth projects 3 layers of 3, 8, 16 channels.*--nce_layers"
    ):
        import_official(folder)
    after = imported(folder, "--nce_layers", "0,4,16")
    assert after.hparams["nce_layers"] == [0, 4, 16]
    assert equal_states(gans.load(tmp_path / "CUT.ckpt").projection, after.projection)
    for wrong in ([0, 4], [0, 4, 17], [0, 1, 4]):
        with pytest.raises(ValueError, match="of 0 to 16, by --nce_layers"):
            import_official(folder, nce_layers=wrong)


def test_of_a_short_generator_the_layers_that_it_has_are_taken(tmp_path: Path) -> None:
    folder = written(tmp_path, blocks=4, nce_layers=[0, 4])
    assert import_official(folder / "latest_net_G.pth").arguments["nce_layers"] == [0, 4, 8, 12]


# Refused ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("network", "filt"), [("G", "model.7.filt"), ("G", "model.17.filt"), ("D", "model.2.filt")]
)
def test_another_filter_is_refused(network: str, filt: str, tmp_path: Path) -> None:
    folder = written(tmp_path)
    path = folder / f"latest_net_{network}.pth"
    kept = torch.load(path, weights_only=True)
    for other in (kept[filt].flip(-1) * 0.9, torch.ones(len(kept[filt]), 1, 5, 5) / 25):
        save(kept | {filt: other}, path)
        with pytest.raises(ValueError, match=rf"latest_net_{network}.pth: {filt} is another filter"):
            import_official(folder)
    save({name: value for name, value in kept.items() if name != filt}, path)
    with pytest.raises(ValueError, match=f"(?s)latest_net_{network}.*missing: {filt}"):
        import_official(folder)


def test_networks_of_two_kinds_are_refused(tmp_path: Path) -> None:
    folder = written(tmp_path)
    strided = small(tmp_path, "CUT", downsampling="strided", blocks=7)
    assert convert(strided, tmp_path / "strided") == 0
    (tmp_path / "strided" / "latest_net_D.pth").replace(folder / "latest_net_D.pth")
    with pytest.raises(ValueError, match=r"downsampling is antialiased in .*G\.pth and strided"):
        import_official(folder)


@pytest.mark.parametrize(
    ("file", "described"), [("G", "ResNet generator with filters"), ("F", "patch projection")]
)
def test_a_cut_is_no_cyclegan(file: str, described: str, tmp_path: Path) -> None:
    path = written(tmp_path) / f"latest_net_{file}.pth"
    with pytest.raises(ValueError, match=f"{described}, which a CycleGAN has no place for"):
        import_official(path, "CycleGAN")


def test_a_projection_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="There is no generator"):
        import_official(written(tmp_path) / "latest_net_F.pth")
