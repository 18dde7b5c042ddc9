"""Folders of small images in the layouts of public data sets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

LAYOUTS = {
    "Images": {"images": (20, 18)},
    "UnpairedImages": {"trainA": (20, 18), "trainB": (20, 18), "testA": (20, 18), "testB": (20, 18)},
    "MultiDomainImages": {
        f"{split}/{name}": (20, 18) for split in ("train", "test") for name in ("cat", "dog")
    },
    "PairedImages": {"train": (40, 20), "val": (40, 20), "test": (40, 20)},
    "SharpImages": {"train": (80, 72), "test": (80, 72)},
    "CaptionedImages": {"pictures/a": (20, 18), "pictures/b": (20, 18)},
}
"""Data module -> folder below its root -> width and height of the pictures in it."""


def write_images(folder: Path, count: int, size: tuple[int, int]) -> None:
    """Write `count` small jpg pictures of noise."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    for index in range(count):
        pixels = random.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{index}.jpg")


def write_table(path: Path, root: Path, attributes: Sequence[str]) -> None:
    """Write a table of all pictures in `root`, like CelebA's or as .csv; attributes take turns."""
    names = sorted(file.relative_to(root).as_posix() for file in root.rglob("*.jpg"))
    rows = []
    for index, name in enumerate(names):
        values = ["1" if index % len(attributes) == column else "-1" for column in range(len(attributes))]
        rows.append([name, *values])
    if path.suffix == ".csv":
        lines = [",".join(row) for row in [["image", *attributes], *rows]]
    else:
        lines = [str(len(names)), " ".join(attributes), *map(" ".join, rows)]
    path.write_text("\n".join(lines) + "\n")


def write_layout(root: Path, data: str, count: int = 3) -> None:
    """Write a data set of `count` pictures per folder in the layout that a data module takes as its root."""
    for name, size in LAYOUTS[data].items():
        write_images(root / name, count, size)
    if data == "CaptionedImages":
        write_captions(root)


def write_captions(root: Path) -> None:
    """Describe every picture in a folder, each by two captions of its own, in captions.jsonl."""
    names = [path.relative_to(root).as_posix() for path in sorted(root.rglob("*.jpg"))]
    rows = [
        {"image": name, "caption": f"a {word} picture called {name}"}
        for name in names
        for word in ("first", "second")
    ]
    table = "".join(f"{json.dumps(row)}\n" for row in rows)
    (root / "captions.jsonl").write_text(table, encoding="utf-8")
