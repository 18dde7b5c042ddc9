"""The sweeps' variants at toy size, over folders of noise: no drawn faces, no network of metrics."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import datamodules
import gans
from datamodules.base import BatchDataModule
from gans.base import AdversarialModule

TESTS = Path(__file__).parents[2] / "tests"
PICTURES = 8  # of each folder
OF_FACES = ("faces_count", "test_count", "captions_per_face")


def _support(name: str) -> Any:
    """Return a module that the tests share: their toys are those to be checked here, a new one by itself."""
    if str(TESTS) not in sys.path:
        sys.path.append(str(TESTS))
    return import_module(f"support.{name}")


def write_pictures(root: Path) -> Path:
    """Write, once, a folder of noise for every variant, and return the root of them all."""
    folders = _support("folders")
    for name, toy in _support("toys").TOYS.items():
        domains = toy.data_arguments.get("attributes", [])
        wanted = [f"{split}/{domain}" for split in ("train", "test") for domain in domains]
        if (root / name).exists():
            continue
        if not wanted:
            folders.write_layout(root / name, toy.data, PICTURES)
        for folder in wanted:
            folders.write_images(root / name / folder, PICTURES, (20, 18))
    return root


def make_toy(name: str, root: Path, **arguments: Any) -> tuple[AdversarialModule, BatchDataModule]:
    """Return a variant at toy size and its data.

    Args:
        name: of the variant.
        root: what `write_pictures` returned.
        arguments: of the variant that are to be others.
    """
    toy = _support("toys").TOYS[name]
    variant = getattr(import_module(gans.VARIANTS[name]), name)
    data = getattr(import_module(datamodules.DATA_MODULES[toy.data]), toy.data)
    kept = {key: value for key, value in toy.data_arguments.items() if key not in OF_FACES}
    if "dropout" in toy.separable:  # whose masks are drawn by the GPU's kernel itself
        arguments = {"dropout": False, **arguments}
    model = variant(**(toy.model_arguments | arguments))
    return model, data(root=str(root / name), **(kept | {"batch_size": 2}))
