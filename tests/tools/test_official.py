from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.commands import run, write_toy_config
from support.folders import write_images
from support.official import SMALL, convert, equal_states, imported, save, small
from support.parity import assert_outputs, official_state, vectors, wave
from torch import Tensor, nn

import gans
from gans.networks.multiscale import MultiScaleDiscriminator
from gans.networks.munit import StyledAutoencoder
from gans.tools.official.convert import AVERAGES, import_official
from gans.tools.official.places import PLACES


class RecordedCodes(nn.Module):
    """An autoencoder with the outputs that were recorded of the official one."""

    def __init__(self, network: StyledAutoencoder) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        codes = self.network.encode(images)
        return {**codes._asdict(), "recon": self.network.decode(*codes, like=images)}


class RecordedScales(nn.Module):
    """A discriminator with the outputs that were recorded of the official one."""

    def __init__(self, network: MultiScaleDiscriminator) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return {f"out_{scale}": scores for scale, scores in enumerate(self.network(images))}


# Parity -----------------------------------------------------------------------------------------------------


def test_a_published_cyclegan_alone_gives_the_recorded_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = {f"module.{name}": value for name, value in official_state("resnet_9blocks_instance").items()}
    torch.save(state, tmp_path / "latest_net_G.pth", _use_new_zipfile_serialization=False)
    model = imported(tmp_path / "latest_net_G.pth")
    assert isinstance(model, gans.CycleGAN)
    assert_outputs(model.generator_A2B, "resnet_9blocks_instance", "eval")
    assert "generator_B2A: in no file, newly initialised" in capsys.readouterr().out


def test_an_official_pix2pix_gives_the_recorded_outputs(tmp_path: Path) -> None:
    save(official_state("unet_256_batch"), tmp_path / "in" / "latest_net_G.pth")
    save(official_state("nlayer_d_n3_batch"), tmp_path / "in" / "latest_net_D.pth")
    model = imported(tmp_path / "in")
    assert isinstance(model, gans.Pix2Pix)
    assert_outputs(model.generator, "unet_256_batch", "eval")
    assert_outputs(model.discriminator, "nlayer_d_n3_batch", "eval")


def test_a_pixel_discriminator_and_a_resnet_with_batch_norm_give_the_recorded_outputs(tmp_path: Path) -> None:
    save(official_state("resnet_9blocks_batch"), tmp_path / "in" / "9_net_G.pth")
    save(official_state("pixel_d_batch"), tmp_path / "in" / "9_net_D.pth")
    model = imported(tmp_path / "in")
    assert (model.hparams["patch"], model.hparams["conditional"]) == (1, True)
    assert_outputs(model.generator, "resnet_9blocks_batch", "eval")
    assert_outputs(model.discriminator, "pixel_d_batch", "eval")


def test_an_official_dcgan_gives_the_recorded_outputs(tmp_path: Path) -> None:
    save(official_state("dcgan_g"), tmp_path / "in" / "netG_epoch_24.pth")
    save(official_state("dcgan_d"), tmp_path / "in" / "netD_epoch_24.pth")
    model = imported(tmp_path / "in")
    assert model.hparams["discriminator_width"] is None  # it is that of the generator
    assert_outputs(nn.Sequential(nn.Flatten(), model.generator), "dcgan_g", "eval")
    assert_outputs(nn.Sequential(model.discriminator, nn.Sigmoid()), "dcgan_d", "eval")


def test_an_official_stargan_gives_the_recorded_outputs(tmp_path: Path) -> None:
    save(official_state("stargan_g"), tmp_path / "in" / "200000-G.ckpt")
    save(official_state("stargan_d"), tmp_path / "in" / "200000-D.ckpt")
    model = imported(tmp_path / "in").double()
    label = torch.tensor([[1.0, 0, 0, 1, 1]], dtype=torch.float64)  # of the recorded forward
    with torch.no_grad():
        images = model.generator(wave(1, 3, 128, 128), label)[..., ::8, ::8]
        scores, logits = model.discriminator(wave(1, 3, 128, 128))
    recorded = vectors("stargan_g")
    slack = 2 * recorded.facts["modes"]["train"]["out"]["max_abs_diff_vs_fp64_weights_fp32"]
    np.testing.assert_allclose(images, recorded.arrays["train/out"], rtol=1e-6, atol=slack)
    for made, name in ((scores, "out_src"), (logits, "out_cls")):
        np.testing.assert_allclose(made, vectors("stargan_d").arrays[f"eval/{name}"], rtol=1e-6, atol=1e-5)


def test_an_official_munit_gives_the_recorded_outputs(tmp_path: Path) -> None:
    for file, name in (("gen", "munit_gen"), ("dis", "munit_dis")):
        save(dict.fromkeys("ab", official_state(name)), tmp_path / "in" / f"{file}_01000000.pt")
    model = imported(tmp_path / "in")
    assert_outputs(RecordedCodes(model.autoencoder_B), "munit_gen", "eval")
    assert_outputs(RecordedScales(model.discriminator_A), "munit_dis", "eval")


# There and back ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", SMALL)
def test_every_network_comes_back_from_the_authors_files(variant: str, tmp_path: Path) -> None:
    checkpoint = small(tmp_path, variant)
    assert convert(checkpoint, tmp_path / "official") == 0
    files = {path.name for path in (tmp_path / "official").iterdir()}
    averages = {AVERAGES} if variant == "StarGANv2" else set()
    assert files - {"networks.md"} == {place.file for place in PLACES[variant].values()} | averages
    before, after = gans.load(checkpoint), imported(tmp_path / "official")
    assert type(before) is type(after)
    for name in PLACES[variant]:
        assert equal_states(before.get_submodule(name), after.get_submodule(name)), name


@pytest.mark.parametrize("norm", ["instance", "batch"])
@pytest.mark.parametrize("dropout", [False, True])
def test_norm_and_dropout_of_a_resnet_are_read_from_its_names(
    norm: str, dropout: bool, tmp_path: Path
) -> None:
    checkpoint = small(tmp_path, "CycleGAN", norm=norm, dropout=dropout)
    assert convert(checkpoint, tmp_path / "official") == 0
    arguments = import_official(tmp_path / "official").arguments
    assert (arguments["norm"], arguments["dropout"], arguments["blocks"]) == (norm, dropout, 2)


@pytest.mark.parametrize(
    ("variant", "others"),
    [
        ("CycleGAN", {}),
        ("CycleGAN", {"discriminator_layers": 0}),
        ("Pix2Pix", {}),
        ("Pix2Pix", {"generator": "resnet", "patch": 1}),
    ],
)
def test_networks_without_norm_have_no_biases_where_a_norm_could_be(
    variant: str, others: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for norm in ("batch", "none"):
        checkpoint = small(tmp_path, variant, norm=norm, **others)
        assert convert(checkpoint, tmp_path / norm) == 0
    for path in (tmp_path / "none").iterdir():
        plain = torch.load(path, weights_only=True)
        normed = torch.load(tmp_path / "batch" / path.name, weights_only=True)
        weights = {name.removesuffix(".weight") for name, value in normed.items() if value.ndim > 1}
        kept = {f"{name}.bias" for name in weights} & set(normed)
        assert set(plain) == {f"{name}.weight" for name in weights} | kept
    before, after = gans.load(checkpoint), imported(tmp_path / "none", "--variant", variant)
    for name in PLACES[variant]:
        assert equal_states(getattr(before, name), getattr(after, name)), name
    learnt = torch.load(checkpoint, weights_only=True)
    for name in learnt["state_dict"]:
        if name.endswith(".bias"):
            learnt["state_dict"][name] += 1
    assert convert(save(learnt, tmp_path / "learnt.ckpt"), tmp_path / "out") != 0
    assert "learnt.ckpt has learnt biases, such as" in capsys.readouterr().err


def test_a_dcgan_may_have_networks_of_two_widths(tmp_path: Path) -> None:
    assert convert(small(tmp_path, "DCGAN", discriminator_width=6), tmp_path / "in") == 0
    arguments = import_official(tmp_path / "in").arguments
    assert (arguments["width"], arguments["discriminator_width"]) == (4, 6)
    before, after = gans.load(tmp_path / "DCGAN.ckpt"), imported(tmp_path / "in")
    assert equal_states(before.discriminator, after.discriminator)


def test_stargan_is_given_the_statistics_that_its_authors_load(tmp_path: Path) -> None:
    small(tmp_path, "StarGAN", blocks=6)
    assert convert(tmp_path / "StarGAN.ckpt", tmp_path / "official") == 0
    names = list(torch.load(tmp_path / "official" / "200000-G.ckpt", weights_only=True))
    assert names == list(official_state("stargan_g"))


def test_averages_are_written_unless_raw_weights_are_wanted(tmp_path: Path) -> None:
    checkpoint = torch.load(small(tmp_path, "DCGAN", ema_decay=0.9), weights_only=True)
    weights = {n: v for n, v in checkpoint["state_dict"].items() if n.startswith("generator.")}
    checkpoint["state_dict"] |= {f"ema.{name}": value + 1 for name, value in weights.items()}
    torch.save(checkpoint, tmp_path / "DCGAN.ckpt")
    assert convert(tmp_path / "DCGAN.ckpt", tmp_path / "averaged") == 0
    assert convert(tmp_path / "DCGAN.ckpt", tmp_path / "raw", "--raw") == 0
    averaged, raw = (
        torch.load(tmp_path / name / "netG.pth", weights_only=True) for name in ("averaged", "raw")
    )
    assert torch.equal(averaged["main.0.weight"], raw["main.0.weight"] + 1)


# Fine-tuning ------------------------------------------------------------------------------------------------


def test_fine_tuning_starts_from_an_imported_checkpoint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert convert(small(tmp_path, "CycleGAN"), tmp_path / "official") == 0
    assert convert(tmp_path / "official", tmp_path / "start.ckpt") == 0
    config = write_toy_config(tmp_path / "mine.yaml")
    common = ("--config", config, "--run", tmp_path / "run", "--model.learning_rate", 0)
    assert run("fit", *common, "--init_from", tmp_path / "start.ckpt", "--without", "sample_grid") == 0
    start, trained = (gans.load(tmp_path / name) for name in ("start.ckpt", "run/checkpoints/last.ckpt"))
    assert trained.hparams["learning_rate"] == 0
    for name in PLACES["CycleGAN"]:  # another architecture than the config's, and its weights
        assert equal_states(getattr(start, name), getattr(trained, name)), name
    elsewhere = ("--run", tmp_path / "another", "--ckpt_path", tmp_path / "start.ckpt")
    assert run("fit", *common, *elsewhere) != 0
    assert "--init_from" in capsys.readouterr().err


@pytest.mark.parametrize(("variant", "generator"), [("CUT", "G"), ("CycleGAN", "G_A"), ("Pix2Pix", "G")])
def test_a_generator_alone_translates_beside_a_config_of_other_networks(
    variant: str, generator: str, tmp_path: Path
) -> None:
    """The networks that no file held are others than the quick start's, too."""
    official = tmp_path / "official"
    assert convert(small(tmp_path, variant), official) == 0
    for path in official.glob("*.pth"):
        if path.stem != f"latest_net_{generator}":
            path.unlink()
    assert convert(official, tmp_path / "alone.ckpt", "--variant", variant) == 0
    write_images(tmp_path / "pictures", 1, (20, 18))
    folders = ("--data.predict_dir", tmp_path / "pictures", "--output", tmp_path / "out")
    data = ("--data.size", 32) if variant == "Pix2Pix" else ()
    common = ("--config", variant.lower(), "--ckpt_path", tmp_path / "alone.ckpt", *data)
    assert run("predict", *common, *folders) == 0
    assert len(list((tmp_path / "out").iterdir())) == 1
