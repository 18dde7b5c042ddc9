"""A contact sheet: images as a network sees them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from datamodules.base import BatchDataModule
from gans.files import written_whole
from gans.pictures.render import render
from gans.protocol import Grid

ROWS = 4


def write_sheet(data: BatchDataModule, count: int, path: Path) -> None:
    """Write so many training images, cut and mirrored as in the first epoch.

    Args:
        data: after `prepare_data`.
        count: of images, fewer where there are fewer.
        path: a PNG file; it is whole or absent.
    """
    images = {name: torch.cat(parts)[:count] for name, parts in _collected(data, count).items()}
    picture = render(_columns(images))
    with written_whole(path) as file:
        picture.save(file, format="PNG")


def _collected(data: BatchDataModule, count: int) -> dict[str, list[Tensor]]:
    """Return images of training batches by the name of their field, such as `A` and `B`."""
    found: dict[str, list[Tensor]] = {}
    loader: Any = data.train_dataloader()
    try:
        for batch in loader:
            for name, images in _images_of(batch.finish()):
                found.setdefault(name, []).append(images)
            if sum(map(len, next(iter(found.values())))) >= count:
                break
    finally:
        data.teardown("fit")
    return found


def _images_of(batch: Any) -> Iterator[tuple[str, Tensor]]:
    for name, value in zip(batch._fields, batch, strict=True):
        if isinstance(value, Tensor) and value.ndim == 4:
            yield name, value


def _columns(images: dict[str, Tensor]) -> Grid:
    """Return images as columns of a few rows each, those of one row of batches beside each other."""
    count = min(map(len, images.values()))
    rows = min(ROWS, count)
    return Grid(
        {
            f"{name} {start + 1}-{start + rows}": each[start : start + rows]
            for start in range(0, count - rows + 1, rows)
            for name, each in images.items()
        }
    )
