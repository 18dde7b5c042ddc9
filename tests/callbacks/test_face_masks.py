"""A user's own masks of faces, named on the command line as the pages say."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.commands import run, write_toy_config

OWN = """
import torch

CALLS = []


def masks(images):
    CALLS.append(len(images))
    return images[:, :2].abs()


class Masks(torch.nn.Module):
    def __init__(self, power: float = 1.0):
        super().__init__()
        self.power = power

    def forward(self, images):
        return masks(images) ** self.power
"""


@pytest.mark.parametrize("own", ["masks", "Masks"])
def test_masks_are_made_by_what_the_command_names(
    own: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = f"own_{own}"
    (tmp_path / f"{module}.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    config = write_toy_config(tmp_path / "faces.yaml", "StarGANv2", runs="runs", without=["metrics"])
    given = ["--model.high_pass=1.0", "--data.size=32", "--trainer.limit_train_batches=1"]
    callback = ["--trainer.callbacks+=gans.callbacks.face_masks.FaceMaskSource"]
    assert run("fit", "--config", config, *given, *callback, f"--trainer.callbacks.masks={module}.{own}") == 0
    calls: list[int] = __import__(module).CALLS
    assert len(calls) >= 3
