"""The authors' files of all ages, and files that are none of theirs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from support.checkpoints import write_checkpoint
from support.official import convert, imported, save, small

import gans
from gans.gan import GAN
from gans.tools.official.convert import import_official


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
    for argument, value in (
        ("upsampling", "nearest"),
        ("downsampling", "antialiased"),
        ("spectral_norm", True),
    ):
        assert convert(small(tmp_path, "CycleGAN", **{argument: value}), tmp_path / "out") != 0
        assert f"{argument} {value}" in capsys.readouterr().err
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
