"""Run folders as trainings leave them, written in milliseconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from PIL import Image

CONFIG: dict[str, Any] = {
    "seed_everything": 0,
    "model": {"class_path": "gans.CycleGAN", "init_args": {"learning_rate": 0.0008, "betas": [0.5, 0.999]}},
    "data": {"class_path": "datamodules.UnpairedImages", "init_args": {"size": 16}},
    "trainer": {"max_epochs": 3},
    "logger": "csv",
}


def write_run(
    folder: Path,
    rows: Sequence[Mapping[str, Any]] = (),
    grids: Sequence[str] = (),
    config: Mapping[str, Any] | None = None,
    size: tuple[int, int] = (8, 8),
) -> Path:
    """Write a run of the table's rows, and of one plain picture per grid, such as `A2B_epoch-0001`."""
    (folder / "samples").mkdir(parents=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG | dict(config or {})))
    columns = list(dict.fromkeys(["epoch", "step", *(name for row in rows for name in row)]))
    lines = [",".join(columns), *(",".join(str(row.get(name, "")) for name in columns) for row in rows)]
    (folder / "metrics.csv").write_text("\n".join(lines) + "\n")
    for number, grid in enumerate(grids):
        Image.new("RGB", size, (number % 256, 0, 255)).save(folder / "samples" / f"{grid}.png")
    return folder
