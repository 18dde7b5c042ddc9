"""The commands of docs/volumes.md, on a small phantom: CycleGAN learns from volumes and translates them."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from PIL import Image
from support.commands import run
from support.documented import ON_VOLUMES, documented

from benchmarks import phantom

QUICK = (
    "--model.generator_width=4",
    "--model.blocks=1",
    "--model.discriminator_width=4",
    "--data.slice_range=40%-60%",
    "--data.slice_neighbours=1",
    "--data.load_size=size",
    "--trainer.max_steps=1",
    "--trainer.accelerator=cpu",
    "--logger=csv",
    "--without=metrics",
)


def test_the_page_s_commands_learn_from_volumes_and_translate_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(phantom, "SHAPE", (64, 48, 10))
    phantom.write(Path(ON_VOLUMES), train=1, test=1)
    commands = [
        command for command in documented() if ON_VOLUMES in command and command.startswith("python train.py")
    ]
    fit, predict = (shlex.split(command.removeprefix("python train.py")) for command in commands)
    assert run(*fit, *QUICK) == 0
    assert "beyond slice_range" in capsys.readouterr().out
    (grid,) = Path("runs").rglob("samples/A2B*.png")
    pixels = np.asarray(Image.open(grid))
    assert (pixels == pixels[:, :, :1]).all()  # grey
    assert run(*predict, "--trainer.accelerator=cpu") == 0
    (made,) = Path("translated").iterdir()
    before: Any = nibabel.load(Path(ON_VOLUMES, "testA", made.name))
    after: Any = nibabel.load(made)
    assert after.shape == before.shape == (64, 48, 10)
    assert after.get_data_dtype() == before.get_data_dtype() == np.int16
    np.testing.assert_array_equal(after.affine, before.affine)
    values: Any = after.get_fdata()
    assert values.min() >= 0
    assert values.max() <= 1300
