"""What a callback may ask of a variant: pictures for a grid, and sets of images to compare.

Callbacks know no variant and variants know no callback; both know the types of this file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, runtime_checkable

from torch import Tensor


class Comparison(NamedTuple):
    """What one batch offers to metrics under one name, such as the direction A2B.

    Every image tensor is (N, C, H, W) in [-1, 1]. `fake`, `source` and `truth` are aligned: row i is one
    item. `real` is not aligned with them and may have another N; it is empty or None where the batch has
    none.
    """

    fake: Tensor
    real: Tensor | None = None
    source: Tensor | None = None
    truth: Tensor | None = None


@dataclass(frozen=True)
class Grid:
    """Pictures to be drawn side by side: one column per key, one row per item.

    Attributes:
        columns: column label -> images (N, C, H, W) in [-1, 1]; every column has the same N.
        row_labels: a text before each row, for example its caption.
    """

    columns: dict[str, Tensor]
    row_labels: list[str] = field(default_factory=list)


class Predictions(NamedTuple):
    """What `predict_step` returns: pictures, and the names they are to be saved under.

    `images` is (N, C, H, W) in [-1, 1]; `names[i]` is the file name of the input of row i, possibly with
    folders.
    """

    images: Tensor
    names: list[str]


@runtime_checkable
class Evaluated(Protocol):
    """A variant as callbacks see it.

    `comparisons` runs once per validation or test batch, in eval mode without gradients; its result is what
    callbacks receive as the `outputs` of `on_validation_batch_end` and `on_test_batch_end`.
    """

    def comparisons(self, batch: Any) -> dict[str, Comparison]:
        """Return, by name (such as `A2B`), the images that metrics compare."""
        ...

    def grids(self, batch: Any) -> dict[str, Grid]:
        """Return, by name, the pictures that show the variant at work on a fixed batch."""
        ...
