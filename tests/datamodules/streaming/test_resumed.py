"""A stream goes on where it stopped, on any number of processes and workers, with the same pixels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.folders import write_images, write_layout
from support.packed import packed

from datamodules import Images, PairedImages, UnpairedImages

Module = type[Images] | type[PairedImages] | type[UnpairedImages]
Seen = list[list[tuple[Any, ...]]]
LAYOUTS: dict[Module, Callable[[Path], None]] = {
    Images: lambda root: write_images(root, 26, (20, 18)),
    PairedImages: lambda root: write_layout(root, "PairedImages", 19),
    UnpairedImages: lambda root: write_layout(root, "UnpairedImages", 19),
}


def opened(module: Module, root: str, world: int, rank: int, workers: int = 0) -> Any:
    """Return the data module of one of several processes, which make batches of four together."""
    share = 4 // world
    data: Any = module(root=root, size=16, load_size=18, batch_size=share, workers=workers, seed=3)
    data.trainer = SimpleNamespace(global_rank=rank, world_size=world, max_epochs=3)
    return data


def read(data: Any, epoch: int, delivered: int = 0) -> Seen:
    """Return what is seen in an epoch after so many batches: names, and sums of pixels as they are cut."""
    loader = data.train_dataloader()
    loader.load_state_dict({"epoch": epoch, "delivered": delivered})
    loader.sampler.set_epoch(epoch)
    batches = [batch.finish() for batch in loader]
    data.teardown("fit")
    return [[_row(batch, row) for row in range(len(batch[0]))] for batch in batches]


def _row(batch: Any, row: int) -> tuple[Any, ...]:
    names = [batch.names[row]] if hasattr(batch, "names") else [batch.names_A[row], batch.names_B[row]]
    images = batch[:1] if hasattr(batch, "labels") else batch[:2]
    return (*names, *(image[row].double().sum().item() for image in images))


@pytest.mark.parametrize("module", LAYOUTS)
def test_any_processes_see_the_same_and_go_on_in_mid_epoch(module: Module, tmp_path: Path) -> None:
    LAYOUTS[module](tmp_path / "in")
    root = packed(tmp_path / "in", tmp_path / "out", module.__name__)
    whole = read(opened(module, root, 1, 0), 1)
    assert len(whole) > 3
    assert read(opened(module, root, 1, 0), 2) != whole
    for world, delivered, workers in ((1, 2, 2), (2, 2, 0), (4, 3, 0)):
        shares = [read(opened(module, root, world, rank, workers), 1, delivered) for rank in range(world)]
        together = [sorted(row for share in batch for row in share) for batch in zip(*shares, strict=True)]
        assert together == [sorted(batch) for batch in whole[delivered:]]
