"""Pairs of images on disk whose targets are the negatives of their inputs, so that any misplacement shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from support.pictures import random_pixels, write_folder, write_image
from torch import Tensor

from datamodules import PairedImages, SharpImages
from datamodules.paired.batches import PairedBatch

# arguments of a data module over a few drawn faces
FACES: dict[str, Any] = {"faces_count": 4, "test_count": 3, "size": 16}


def finished(loader: Iterable[Any]) -> list[PairedBatch]:
    return [batch.finish() for batch in loader]


def epoch(data: PairedImages | SharpImages, number: int = 0) -> list[PairedBatch]:
    loader = data.train_dataloader()
    assert hasattr(loader.sampler, "set_epoch")
    loader.sampler.set_epoch(number)
    return finished(loader)


def unit(pixels: Any) -> Tensor:
    """Scale (H, W, C) of uint8 to (C, H, W) in [-1, 1]."""
    return torch.from_numpy(pixels).permute(2, 0, 1) / 127.5 - 1


def negatives(
    root: Path, count: int, size: tuple[int, int] = (20, 20), split: str = "train"
) -> dict[str, Any]:
    """Write B as the negative of A, so that any difference in place shows; return the pixels of A."""
    pixels = write_folder(root / f"{split}A", count, size)
    for name, image in pixels.items():
        write_image(root / f"{split}B" / name, 255 - image)
    return pixels


def side_by_side(root: Path, counts: dict[str, int], size: tuple[int, int] = (12, 12)) -> dict[str, Any]:
    """Write splits of pictures whose right half is the negative of the left one; return the left halves."""
    left = {}
    for seed, (split, count) in enumerate(counts.items()):
        for i in range(count):
            left[f"{split}{i}.png"] = random_pixels(*size, seed=100 * seed + i)
            picture = np.concatenate([left[f"{split}{i}.png"], 255 - left[f"{split}{i}.png"]], axis=1)
            write_image(root / split / f"{split}{i}.png", picture)
    return left


def assert_resumes(make: Callable[..., PairedImages | SharpImages], workers: int) -> None:
    """Assert that an epoch broken off after two batches goes on as one without cache or workers.

    Args:
        make: returns the data module, with further arguments.
        workers: of both halves.
    """
    expected = epoch(make(cache_gigabytes=0), 1)
    loader: Any = make(workers=workers).train_dataloader()
    loader.sampler.set_epoch(1)
    first = finished(islice(loader, 2))
    resumed: Any = make(workers=workers).train_dataloader()
    resumed.sampler.set_epoch(1)
    resumed.load_state_dict(loader.state_dict())
    for one, other in zip(expected, first + finished(resumed), strict=True):
        assert one.names == other.names
        assert torch.equal(one.input, other.input)
        assert torch.equal(one.target, other.target)
    loader.close()
    resumed.close()
