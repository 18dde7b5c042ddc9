"""The rows of the toy table differ in the method alone, and so do ring and grid in the distribution."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import gans
from datamodules.images.batches import ImageBatch
from datamodules.points import Points
from gans.cli.config_files import configs_folder
from gans.families.noise_to_image import NoiseToImage
from gans.tools import table

FOLDER = configs_folder() / "toys"
ROWS = {
    "minimax": {"objective": "minimax"},
    "non_saturating": {},  # what a GAN has by itself
    "least_squares": {"objective": "least_squares"},
    "wgan_gp": {
        "objective": "wasserstein",
        "gradient_penalty": 0.1,
        "discriminator_steps": 2,
        "betas": (0.0, 0.9),
        "architecture": "mlp",
        "critic_norm": "layer",
    },
}
"""Row -> the arguments in which it differs from a GAN of its size."""


def read(name: str) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    return config


def build(row: str) -> NoiseToImage:
    """Return the model of a row over the ring."""
    base, config = read("base_ring")["model"], read(row)["model"]
    variant = getattr(gans, config.get("class_path", base["class_path"]))
    module: NoiseToImage = variant(
        **(base["init_args"] | config["init_args"] | {"channels": 2, "image_size": 1})
    )
    return module


def test_every_row_is_known() -> None:
    assert {path.stem for path in FOLDER.glob("*.yaml")} == {"base_ring", "base_grid", *ROWS}


def test_ring_and_grid_differ_in_the_distribution() -> None:
    ring, grid = read("base_ring"), read("base_grid")
    assert (ring["data"]["init_args"].pop("distribution"), grid["data"]["init_args"].pop("distribution")) == (
        "ring",
        "grid",
    )
    assert ring == grid


@pytest.mark.parametrize("row", ROWS)
def test_a_row_differs_in_its_method(row: str) -> None:
    plain, changed = build("non_saturating").hparams, build(row).hparams
    different = {name: value for name, value in changed.items() if plain.get(name) != value}
    assert different == ROWS[row]


@pytest.mark.parametrize("row", ROWS)
def test_all_rows_have_networks_of_one_size(row: str) -> None:
    plain, changed = build("non_saturating"), build(row)
    for network in ("generator", "discriminator"):
        shapes = [[p.shape for p in getattr(module, network).parameters()] for module in (plain, changed)]
        assert shapes[0] == shapes[1]


@pytest.mark.parametrize("row", ROWS)
def test_a_row_can_be_trained_on_points(row: str) -> None:
    module = build(row)
    batch = Points().preview(8)
    batch = ImageBatch(batch.images[:8], names=batch.names[:8])
    torch.manual_seed(0)
    fake = module.generator(torch.randn(8, 2))
    assert fake.shape == batch.images.shape
    for player in module.active_players():
        terms = getattr(module, f"{player.name}_terms")(batch, fake)
        torch.stack(list(terms.values())).sum().backward()
        (network,) = player.networks
        assert all(
            p.grad is not None and p.grad.isfinite().all() for p in getattr(module, network).parameters()
        )


def test_the_page_s_command_makes_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).parents[1] / "docs" / "metrics.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"^python -m gans\.tools\.table (.*)$", page.replace("\\\n", " "), re.MULTILINE)
    started = []

    def fit(arguments: Sequence[str]) -> int:
        run = Path(arguments[arguments.index("--run") + 1])
        started.append((run.parent.name, run.name))
        run.mkdir(parents=True, exist_ok=True)
        (run / "metrics.csv").write_text("step,val/modes,val/high_quality,val/modes_kl\n1,8,0.9,0.1\n")
        return 0

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["table", *shlex.split(command)])
    assert table.main(fit) == 0
    assert started == [(row, f"seed-{seed}") for seed in range(3) for row in ROWS]
    assert (tmp_path / "runs" / "ring" / "table.md").read_text().count("0.9 ± 0") == len(ROWS)
