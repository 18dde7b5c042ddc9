from __future__ import annotations

from pathlib import Path

import pytest
import torch
from support.toys import TOYS, make_model

import gans
from gans.base import AdversarialModule
from gans.checkpoints import read_checkpoint


def write_checkpoint(path: Path, name: str, **others: object) -> AdversarialModule:
    """Write what a run of the variant at toy size would, without weights' history; return the model."""
    model = make_model(name)
    checkpoint = {
        "pytorch-lightning_version": "2.6.1",
        "state_dict": model.state_dict(),
        "hyper_parameters": dict(model.hparams),
    }
    model.on_save_checkpoint(checkpoint)
    torch.save(checkpoint | others, path)
    return model


@pytest.mark.parametrize("name", TOYS)
def test_the_variant_in_a_checkpoint_is_loaded_without_naming_it(name: str, tmp_path: Path) -> None:
    written = write_checkpoint(tmp_path / "last.ckpt", name)
    loaded = gans.load(tmp_path / "last.ckpt")
    assert type(loaded) is type(written)
    assert not loaded.training
    for key, value in written.state_dict().items():
        if isinstance(value, torch.Tensor):
            torch.testing.assert_close(loaded.state_dict()[key], value)


def test_a_variant_of_another_version_is_named(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "x.ckpt", "CycleGAN", gans={"variant": "DreamGAN", "format": 1})
    with pytest.raises(ValueError, match=r"x\.ckpt holds a DreamGAN, and this version of gans has only"):
        gans.load(tmp_path / "x.ckpt")


def test_a_missing_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"lost\.ckpt: there is no such checkpoint"):
        read_checkpoint(tmp_path / "lost.ckpt")
