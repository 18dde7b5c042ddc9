from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from jsonargparse import Namespace
from torch import nn

from gans.cli.resume import stored_arguments, with_stored_arguments


def make_checkpoint(path: Path, **arguments: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    weights = {"weight": torch.zeros(10_000)}
    torch.save({"gans": {"variant": "CycleGAN"}, "hyper_parameters": arguments, "state_dict": weights}, path)
    return path


def model(**arguments: Any) -> Namespace:
    return Namespace(class_path="gans.CycleGAN", init_args=Namespace(**arguments))  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("kept", [0, 2_000, 20_000, -1])
def test_a_part_of_a_checkpoint_is_none(tmp_path: Path, kept: int) -> None:
    whole = make_checkpoint(tmp_path / "last.ckpt")
    whole.write_bytes(whole.read_bytes()[:kept])
    with pytest.raises(ValueError, match=r"last\.ckpt is not a checkpoint, or not a whole one"):
        stored_arguments(whole)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"state_dict": {}}, "was not written by this project"),
        ([torch.zeros(3)], "was not written by this project"),
        ({"gans": nn.Linear(1, 1)}, "is not a checkpoint of this project: Weights only load failed"),
    ],
)
def test_files_of_other_programs_are_none(tmp_path: Path, content: Any, said: str) -> None:
    torch.save(content, tmp_path / "other.pt")
    with pytest.raises(ValueError, match=rf"other\.pt {said}"):
        stored_arguments(tmp_path / "other.pt")


def test_arguments_come_without_lightnings_own(tmp_path: Path) -> None:
    path = make_checkpoint(tmp_path / "last.ckpt", _class_path="gans.CycleGAN", _instantiator="x", blocks=4)
    assert stored_arguments(path) == {"_class_path": "gans.CycleGAN", "blocks": 4}


def test_stored_arguments_win_over_configs_and_the_command_line_wins_over_them() -> None:
    stored = {"_class_path": "gans.cyclegan.CycleGAN", "blocks": 4, "lambda_cycle": 10.0, "betas": [0.5, 0.9]}
    given = model(blocks=9, lambda_cycle=5.0, betas=(0.5, 0.9), dropout=True)
    merged, remarks = with_stored_arguments(
        given, stored, ["blocks", "lambda_cycle"], ["lambda_cycle"], Path("x.ckpt")
    )
    assert merged["class_path"] == "gans.CycleGAN"
    assert merged["init_args"] == {"blocks": 4, "lambda_cycle": 5.0, "betas": (0.5, 0.9), "dropout": True}
    assert remarks == [
        "model.blocks is 4 (checkpoint) instead of 9 (config).",
        "model.lambda_cycle is 5.0 (command line) instead of 10.0 (checkpoint).",
    ]


def test_defaults_give_way_in_silence() -> None:
    _, remarks = with_stored_arguments(model(blocks=None), {"blocks": 4}, [], [], Path("x.ckpt"))
    assert remarks == []


def test_another_variant_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"x.ckpt holds a Pix2Pix, but the model is a CycleGAN"):
        with_stored_arguments(model(), {"_class_path": "gans.Pix2Pix"}, [], [], Path("x.ckpt"))
