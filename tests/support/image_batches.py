"""What comes out of the loaders of `Images`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import Tensor

from datamodules import Images
from datamodules.images.batches import ImageBatch

# arguments of the data module over a few drawn faces
FACES: dict[str, Any] = {"faces_count": 12, "test_count": 7, "size": 16, "batch_size": 4}


def finished(loader: Iterable[Any]) -> list[ImageBatch]:
    return [batch.finish() for batch in loader]


def epoch(data: Images, number: int = 0) -> list[ImageBatch]:
    loader = data.train_dataloader()
    assert hasattr(loader.sampler, "set_epoch")
    loader.sampler.set_epoch(number)
    return finished(loader)


def by_name(batches: Iterable[ImageBatch]) -> dict[str, Tensor]:
    """Return the images by name; a name that comes twice fails."""
    images: dict[str, Tensor] = {}
    for batch in batches:
        for name, image in zip(batch.names, batch.images, strict=True):
            assert name not in images
            images[name] = image
    return images


def labels_by_name(batches: Iterable[ImageBatch]) -> dict[str, int]:
    labels: dict[str, int] = {}
    for batch in batches:
        assert batch.labels is not None
        labels |= dict(zip(batch.names, batch.labels.tolist(), strict=True))
    return labels
