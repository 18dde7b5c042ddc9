from __future__ import annotations

from pathlib import Path

import pytest
import torch
from support.checkpoints import checkpoint_of, write_checkpoint
from support.toys import TOYS, make_model

import gans
from gans.checkpoints.reading import read_checkpoint


@pytest.mark.parametrize("name", TOYS)
def test_the_variant_in_a_checkpoint_is_loaded_without_naming_it(name: str, tmp_path: Path) -> None:
    model = make_model(name)
    torch.save(checkpoint_of(model), tmp_path / "last.ckpt")
    loaded = gans.load(tmp_path / "last.ckpt")
    assert type(loaded) is type(model)
    assert not loaded.training
    for key, value in model.state_dict().items():
        if isinstance(value, torch.Tensor):
            torch.testing.assert_close(loaded.state_dict()[key], value)


def test_a_variant_of_another_version_is_named(tmp_path: Path) -> None:
    path = write_checkpoint(tmp_path / "x.ckpt", "CycleGAN", {"gans": {"variant": "DreamGAN", "format": 1}})
    with pytest.raises(ValueError, match=r"x\.ckpt holds a DreamGAN, and this version of gans has only"):
        gans.load(path)


def test_a_missing_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"lost\.ckpt: there is no such checkpoint"):
        read_checkpoint(tmp_path / "lost.ckpt")
