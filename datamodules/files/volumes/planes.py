"""How volumes are cut: which axis, in which direction, and how a slice is turned upright."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from datamodules.files.formats.common import Array

# plane -> axes of the body (to the right, to the front, to the head) that it is cut along, and that lie
# across and down in a slice, all of them backwards.
_PLANES = {"axial": (2, 0, 1), "coronal": (1, 0, 2), "sagittal": (0, 1, 2)}
_STORED = {"i": (0, 1, 2), "j": (1, 0, 2), "k": (2, 0, 1)}


class Cut(NamedTuple):
    """How slices are cut out of voxels with axes i, j and k.

    Attributes:
        axis: along which slices follow each other.
        reverse: whether slices are counted from the end of that axis.
        across: the axis that lies across a slice.
        down: the axis that lies down.
        mirrored: whether the axis across is shown backwards.
        upended: whether the axis down is.
    """

    axis: int
    reverse: bool
    across: int
    down: int
    mirrored: bool
    upended: bool

    def place(self, number: int, count: int) -> int:
        """Return the index along the axis of a slice by its number."""
        return count - 1 - number if self.reverse else number

    def shown(self, plane: Array) -> Array:
        """Return a plane of stored voxels, its two axes in their order, as an upright slice (H, W, ...)."""
        turned = plane.swapaxes(0, 1) if self.across < self.down else plane
        return turned[:: -1 if self.upended else 1, :: -1 if self.mirrored else 1]

    def stored(self, image: Array) -> Array:
        """Undo `shown`."""
        turned = image[:: -1 if self.upended else 1, :: -1 if self.mirrored else 1]
        return turned.swapaxes(0, 1) if self.across < self.down else turned


def cut_along(axis: str, affine: Array | None) -> Cut:
    """Return how slices are cut along an axis.

    Axial, coronal and sagittal slices are those along the axis of the voxels that is nearest to that of the
    body. They are counted from the feet, from the back, and from the left; they show the patient's left on
    the right (sagittal ones the front on the left), and the front (or the head) above. Along i, j and k
    voxels are shown as they are stored: the first of the other two axes to the right, the second one down.

    Args:
        axis: a plane of the body, or i, j or k.
        affine: (4, 4), voxels to millimetres to the right, to the front and to the head; None if unknown.

    Raises:
        ValueError: a plane of the body is asked for, and nothing tells where it lies.
    """
    if axis in _STORED:
        along, across, down = _STORED[axis]
        return Cut(along, False, across, down, False, False)
    if affine is None:
        raise ValueError(f"nothing tells how it lies in the body, so it has no {axis} slices; take i, j or k")
    import nibabel

    found: Array = nibabel.orientations.io_orientation(affine)  # type: ignore[no-untyped-call]
    if np.isnan(found).any():
        raise ValueError("its affine has no direction for one of its axes; take i, j or k")
    places = {int(body): index for index, (body, _) in enumerate(found)}
    along, across, down = (places[body] for body in _PLANES[axis])
    grows = found[:, 1] > 0
    return Cut(along, not grows[along], across, down, bool(grows[across]), bool(grows[down]))
