from __future__ import annotations

import pickle
from collections import OrderedDict
from pathlib import Path
from zipfile import ZipFile

import pytest
import torch
from torch import nn

from gans.cli.steps import steps_in


def test_steps_are_read_from_between_everything_that_a_checkpoint_holds(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    optimizer = torch.optim.Adam(nn.Linear(3, 2).parameters())
    content = {
        "state_dict": OrderedDict(weight=torch.ones(3), buffer=nn.Parameter(torch.zeros(2))),
        "optimizer_states": [optimizer.state_dict()],
        "hyper_parameters": {"betas": (0.5, 0.9)},
        "global_step": 1234,
        "device": torch.device("cpu"),
    }
    torch.save(content, path)
    assert steps_in(path) == 1234


@pytest.mark.parametrize("kept", [0, 200, -1])
def test_a_part_of_a_checkpoint_has_none(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "last.ckpt"
    torch.save({"global_step": 3}, path)
    path.write_bytes(path.read_bytes()[:kept])
    assert steps_in(path) is None


def test_other_files_have_none(tmp_path: Path) -> None:
    torch.save([1, 2], tmp_path / "list.ckpt")
    assert steps_in(tmp_path / "list.ckpt") is None
    assert steps_in(tmp_path / "absent.ckpt") is None


class Malicious:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("open('executed', 'w')",)


def test_nothing_in_a_checkpoint_is_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with ZipFile("bad.ckpt", "w") as file:
        file.writestr("bad/data.pkl", pickle.dumps({"global_step": 5, "other": Malicious()}))
    assert steps_in(Path("bad.ckpt")) == 5
    assert not Path("executed").exists()
