from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch
from support.checkpoints import write_checkpoint
from support.commands import run, write_toy_config
from support.parity import assert_outputs, official_state, vectors, wave
from torch import Tensor, nn

import gans
from gans.gan import GAN
from gans.networks.multiscale import MultiScaleDiscriminator
from gans.networks.munit import StyledAutoencoder
from gans.tools.official.__main__ import main
from gans.tools.official.convert import import_official
from gans.tools.official.places import PLACES

SMALL: dict[str, dict[str, Any]] = {
    "CycleGAN": {"generator_width": 4, "blocks": 2, "discriminator_width": 4, "discriminator_layers": 2},
    "Pix2Pix": {
        "image_size": 32,
        "generator_width": 4,
        "discriminator_width": 4,
        "channels_in": 1,
        "patch": 16,
    },
    "StarGAN": {"image_size": 16, "generator_width": 4, "blocks": 1, "discriminator_width": 4},
    "DCGAN": {"image_size": 32, "width": 4, "latent_size": 6},
    "MUNIT": {
        "generator_width": 4,
        "blocks": 2,
        "discriminator_width": 4,
        "style_size": 3,
        "mlp_width": 5,
        "discriminator_layers": 2,
    },
}


def convert(*arguments: object) -> int:
    with patch.object(sys, "argv", ["official", *map(str, arguments)]):
        return main()


def small(folder: Path, variant: str, **others: Any) -> Path:
    """Write a checkpoint of a variant that is small and has no arguments of the toys."""
    path = folder / f"{variant}.ckpt"
    model = getattr(gans, variant)(**(SMALL[variant] | others))
    checkpoint = {
        "pytorch-lightning_version": "2.6.1",
        "state_dict": model.state_dict(),
        "hyper_parameters": dict(model.hparams),
    }
    model.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, path)
    return path


def imported(source: Path, *options: object) -> Any:
    target = source.parent / "imported.ckpt"
    assert convert(source, target, *options) == 0
    model = gans.load(target)
    target.unlink()  # up to half a gigabyte
    return model


def save(state: Mapping[str, Any], path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(state, path)
    return path


def equal_states(first: nn.Module, second: nn.Module) -> bool:
    states = first.state_dict(), second.state_dict()
    return list(states[0]) == list(states[1]) and all(
        torch.equal(a, b) for a, b in zip(states[0].values(), states[1].values(), strict=True)
    )


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
    assert files == {place.file for place in PLACES[variant].values()}
    before, after = gans.load(checkpoint), imported(tmp_path / "official")
    assert type(before) is type(after)
    for name in PLACES[variant]:
        assert equal_states(getattr(before, name), getattr(after, name)), name


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


# Files of all ages ------------------------------------------------------------------------------------------


def test_old_files_of_instance_and_batch_norm_are_understood(tmp_path: Path) -> None:
    """Instance norm kept statistics that nothing reads, and batch norm no count of batches."""
    for variant in ("CycleGAN", "DCGAN"):
        assert convert(small(tmp_path, variant), tmp_path / variant) == 0
    cyclegan = tmp_path / "CycleGAN" / "latest_net_G_A.pth"
    state = torch.load(cyclegan, weights_only=True)
    save(state | {"model.2.running_mean": torch.ones(4), "model.2.running_var": torch.ones(4)}, cyclegan)
    dcgan = tmp_path / "DCGAN" / "netG.pth"
    state = torch.load(dcgan, weights_only=True)
    save({name: value for name, value in state.items() if "num_batches" not in name}, dcgan)
    assert import_official(cyclegan).arguments["norm"] == "instance"
    assert import_official(dcgan).taken


def test_the_newest_files_of_a_folder_are_taken(tmp_path: Path) -> None:
    assert convert(small(tmp_path, "DCGAN"), tmp_path / "in") == 0
    for network in ("netG", "netD"):
        state = torch.load(tmp_path / "in" / f"{network}.pth", weights_only=True)
        (tmp_path / "in" / f"{network}.pth").unlink()
        for epoch in (9, 10):
            save(state, tmp_path / "in" / f"{network}_epoch_{epoch}.pth")
    taken = import_official(tmp_path / "in").taken
    assert {network.file.path.name for network in taken.values()} == {
        "netG_epoch_10.pth",
        "netD_epoch_10.pth",
    }


class Hostile:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return exec, ("import pathlib; pathlib.Path('executed').touch()",)


@pytest.mark.parametrize("new_format", [True, False])
def test_nothing_in_a_file_is_executed(
    new_format: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "latest_net_G.pth"
    torch.save({"model.0.weight": Hostile()}, path, _use_new_zipfile_serialization=new_format)
    assert convert(path, tmp_path / "out.ckpt") != 0
    assert "exec" in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["latest_net_G.pth"]


def test_missing_and_unknown_tensors_are_listed(tmp_path: Path) -> None:
    assert convert(small(tmp_path, "CycleGAN"), tmp_path / "in") == 0
    path = tmp_path / "in" / "latest_net_G_A.pth"
    state = torch.load(path, weights_only=True)
    state["extra.weight"] = state.pop("model.4.bias")
    state["model.7.bias"] = torch.zeros(3)
    save(state, path)
    with pytest.raises(ValueError, match="latest_net_G_A") as caught:
        import_official(path)
    lines = str(caught.value).splitlines()[1:]
    assert lines == [
        "  unknown: extra.weight",
        "  missing: model.4.bias",
        "  shape of model.7.bias: (3,) instead of (16,)",
    ]


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"weight": torch.zeros(1)}, "none of the networks known here"),
        ({"conv1.weight": torch.zeros(1), "conv2.weight": torch.zeros(1)}, "without its tensor"),
        ({"model.0.weight": 3}, "more than a network's tensors"),
        ({}, "no state_dict"),
    ],
)
def test_other_files_are_refused(state: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        import_official(save(state, tmp_path / "x.pth"))


def test_what_the_authors_do_not_have_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert convert(small(tmp_path, "CycleGAN", upsampling="nearest"), tmp_path / "out") != 0
    assert "upsampling nearest" in capsys.readouterr().err
    write_checkpoint(tmp_path / "gan.ckpt", GAN.__name__)
    assert convert(tmp_path / "gan.ckpt", tmp_path / "out") != 0
    assert "holds a GAN" in capsys.readouterr().err


def test_a_stargan_of_other_labels_needs_their_names(tmp_path: Path) -> None:
    labels = {"attributes": [["a", "b", "c"], ["d"]], "exclusive": [["a", "b"]]}
    assert convert(small(tmp_path, "StarGAN", **labels), tmp_path / "in") == 0
    with pytest.raises(ValueError, match="has 4 labels"):
        import_official(tmp_path / "in")
    model = imported(tmp_path / "in", "--attributes", "a,b,c", "d", "--exclusive", "a,b")
    assert model.attributes.flat == gans.load(tmp_path / "StarGAN.ckpt").attributes.flat


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
    assert run("fit", *common, "--ckpt_path", tmp_path / "start.ckpt") != 0
    assert "--init_from" in capsys.readouterr().err
