"""The rows of pix2pix's ablations differ from their base in what they are named after alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from datamodules.paired.batches import PairedBatch
from gans.cli.config_files import configs_folder
from gans.cli.own_images import read_settings
from gans.pix2pix import Pix2Pix

FOLDER = configs_folder() / "ablations"
DIFFERENCES: dict[str, dict[str, Any]] = {
    "l1": {"adversarial_weight": 0},
    "gan": {"l1_weight": 0, "conditional": False},
    "cgan": {"l1_weight": 0},
    "l1_gan": {"conditional": False},
    "l1_cgan": {},  # the base is the method
    "encoder_decoder_l1": {"generator": "encoder_decoder", "adversarial_weight": 0},
    "encoder_decoder_l1_cgan": {"generator": "encoder_decoder"},
    "patch_1": {"patch": 1},
    "patch_16": {},
    "patch_34": {"patch": 34},
    "patch_70": {"patch": 70},
    "patch_image": {"patch": "image"},
}


def read(name: str) -> dict[str, Any]:
    return read_settings(FOLDER / f"{name}.yaml")


def build(*rows: str) -> Pix2Pix:
    """Return the model of the base with a row on top."""
    base = read("base")
    arguments = base["model"]["init_args"] | {"image_size": base["data"]["init_args"]["size"]}
    for row in rows:
        arguments |= read(row)["model"]["init_args"]
    return Pix2Pix(**arguments)


def test_every_row_is_known() -> None:
    assert {path.stem for path in FOLDER.glob("*.yaml")} == {"base", *DIFFERENCES}


@pytest.mark.parametrize("row", DIFFERENCES)
def test_a_row_differs_in_what_it_is_named_after(row: str) -> None:
    assert set(read(row)) == {"name", "model"}
    assert read(row)["name"] == f"ablations/{row}"
    base, changed = build().hparams, build(row).hparams
    assert {name: value for name, value in changed.items() if base[name] != value} == DIFFERENCES[row]


@pytest.mark.parametrize("row", DIFFERENCES)
def test_a_row_can_be_trained(row: str) -> None:
    module = build(row)
    batch = PairedBatch(torch.zeros(1, 3, 64, 64), torch.zeros(1, 3, 64, 64))
    fake = module.produce(batch)
    for player in module.active_players():
        total = sum(getattr(module, f"{player.name}_terms")(batch, fake).values())
        assert total.isfinite()


def test_rows_of_one_seed_start_from_the_same_generator() -> None:
    starts = []
    for row in ("l1", "l1_cgan", "patch_image"):
        torch.manual_seed(0)
        starts.append(torch.cat([p.detach().flatten() for p in build(row).generator.parameters()]))
    assert torch.equal(starts[0], starts[1])
    assert torch.equal(starts[0], starts[2])
