"""Which values of an image are black and white: by its type, in a window, or by percentiles."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from datamodules.files.formats.common import Array, Bounds, by_rows

_PERCENTILES = re.compile(r"p(\d+(?:\.\d+)?)-p(\d+(?:\.\d+)?)")


@dataclass(frozen=True)
class ValueRange:
    """The values of an image that become -1 and 1. What lies beyond them is clipped.

    Attributes:
        window: lowest and highest value, in the units of the files.
        percentiles: in per cent, of the values of each image by itself.
        Without either the type tells: all of an unsigned integer, 0..1 of floating point.
    """

    window: Bounds | None = None
    percentiles: Bounds | None = None

    @classmethod
    def parse(cls, given: Sequence[float] | str | None) -> ValueRange:
        """Make a range of what a user wrote: nothing, [low, high], or p1-p99.

        Raises:
            ValueError: it is none of these, or the lower value is not below the higher one.
        """
        if given is None:
            return cls()
        match = _PERCENTILES.fullmatch(given.strip()) if isinstance(given, str) else None
        values = tuple(float(value) for value in match.groups()) if match else given
        if isinstance(values, str) or len(values) != 2 or not -np.inf < values[0] < values[1] < np.inf:
            raise ValueError(
                f"value_range: {given!r} must be [low, high] with low below high, such as [-1000, 400], or "
                "percentiles, such as p1-p99."
            )
        bounds = float(values[0]), float(values[1])
        if match is None:
            return cls(window=bounds)
        if bounds[1] > 100:
            raise ValueError(f"value_range: {given!r} has percentiles above 100.")
        return cls(percentiles=bounds)

    @property
    def by_type(self) -> bool:
        """Whether the type of the values tells their range."""
        return self.window is None and self.percentiles is None

    def bounds(self, whole: Bounds | None, pixels: Callable[[], Array]) -> Bounds | None:
        """Return the values that become -1 and 1; None where they are not known.

        Args:
            whole: black and white by the type of the image.
            pixels: the values of the image, asked for if percentiles are needed.
        """
        if self.percentiles is None:
            return self.window or whole
        values = pixels()
        values = values[np.isfinite(values)] if values.dtype.kind == "f" else values
        if values.dtype == np.bool_:
            values = values.view(np.uint8)
        if not values.size:
            return None
        low, high = np.percentile(values, self.percentiles)
        return float(low), float(high)


BY_TYPE = ValueRange()


def to_unit(values: Array, bounds: Bounds) -> Array:
    """Map values to float32 in [-1, 1], clipping those beyond the bounds; equal bounds become -1."""
    low, high = bounds
    half = high / 2 - low / 2  # the whole difference may be more than float64 holds
    if not half > 0:
        return np.full(values.shape, -1, np.float32)

    def change(rows: Array) -> Array:
        unit = (rows.astype(np.float64) / 2 - low / 2) / half * 2 - 1
        return np.clip(unit, -1, 1).astype(np.float32)

    return by_rows(change, values)


def from_unit(values: Array, bounds: Bounds, dtype: np.dtype[Any]) -> Array:
    """Map [-1, 1] back, rounded for integers; what is beyond is clipped, and NaN becomes the middle."""
    low, high = bounds

    def change(rows: Array) -> Array:
        unit = np.clip(np.nan_to_num(rows.astype(np.float64), nan=0.0), -1, 1)
        scaled = (unit + 1) * ((high - low) / 2) + low
        if dtype.kind in "iu":
            limits = np.iinfo(dtype)
            scaled = np.rint(scaled).clip(limits.min, limits.max)
        return (scaled > (low + high) / 2 if dtype.kind == "b" else scaled).astype(dtype)

    return by_rows(change, values)
