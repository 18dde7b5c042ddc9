"""Where DICOM slices lie in the body: their order, their affine, and what is odd about their distances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from datamodules.files.formats.common import Array

_EQUAL = 0.01  # share of the spacing by which distances of slices that are alike may differ
_PARALLEL = 1e-3  # difference of the direction cosines of slices that are parallel


class NoVolumeError(ValueError):
    """Slices that do not make up a volume. The message says why and what to do."""


@dataclass(frozen=True)
class Place:
    """Where one slice lies, in millimetres to the left, to the back and to the head.

    Attributes:
        position: centre of its first pixel, (3,).
        orientation: directions along a row and along a column, (2, 3).
        spacing: between rows, and between columns.
    """

    position: Array
    orientation: Array
    spacing: tuple[float, float]


@dataclass(frozen=True)
class Stack:
    """Slices in their order.

    Attributes:
        order: which slice comes first, second, and so on.
        affine: (4, 4), voxels to millimetres to the right, to the front and to the head; None if unknown.
        notes: gaps and mixed spacings, in a user's words.
    """

    order: tuple[int, ...]
    affine: Array | None = None
    notes: tuple[str, ...] = ()


def stacked(places: Sequence[Place | None]) -> Stack:
    """Order slices by where they lie, along the normal of their planes.

    Without places their order is kept.

    Raises:
        NoVolumeError: some have a place and some have none, they are not parallel, or two are at one place.
    """
    known = [place for place in places if place is not None]
    if not known:
        return Stack(tuple(range(len(places))))
    if len(known) < len(places):
        raise NoVolumeError(f"{len(places) - len(known)} of {len(places)} slices do not say where they lie")
    first = known[0]
    if any(not np.allclose(place.orientation, first.orientation, atol=_PARALLEL) for place in known):
        raise NoVolumeError(
            "its slices are not parallel, as those of a localizer are. Remove it, or sort it out"
        )
    normal = np.cross(*first.orientation)
    heights = np.array([place.position @ normal for place in known])
    order = np.argsort(heights, kind="stable")
    steps = np.diff(heights[order])
    if (steps < 1e-4).any():
        raise NoVolumeError(
            f"{int((steps < 1e-4).sum())} of {len(known)} slices lie where another one does, as of several "
            "times or echoes. Put each of them into a folder of its own"
        )
    return Stack(tuple(int(index) for index in order), _affine(known, order), _notes(known, steps))


def _affine(places: Sequence[Place], order: Array) -> Array:
    first, last = places[order[0]], places[order[-1]]
    along_row, along_column = first.orientation
    affine = np.eye(4)
    affine[:3, 0] = along_row * first.spacing[1]
    affine[:3, 1] = along_column * first.spacing[0]
    affine[:3, 2] = (last.position - first.position) / (len(places) - 1)
    affine[:3, 3] = first.position
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine


def _notes(places: Sequence[Place], steps: Array) -> tuple[str, ...]:
    notes = []
    usual = float(np.median(steps))
    odd = int((abs(steps - usual) > _EQUAL * usual).sum())
    if odd:
        notes.append(
            f"{odd} of {len(steps)} distances between its slices are not {usual:.4g} mm but up to "
            f"{float(steps.max()):.4g} mm: slices are missing, or spacings are mixed"
        )
    spacings = sorted({place.spacing for place in places})
    if len(spacings) > 1:
        notes.append(
            f"its slices have {len(spacings)} spacings of pixels, from {spacings[0]} to {spacings[-1]} mm"
        )
    return tuple(notes)
