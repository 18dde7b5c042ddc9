"""Volumes in one DICOM file: its frames, ordered by where they lie if the file says so."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from datamodules.files.formats import dicom
from datamodules.files.formats.common import Array, ImageError, check_size
from datamodules.files.formats.packages import needed
from datamodules.files.volumes.positions import NoVolumeError, Place, stacked
from datamodules.files.volumes.volume import Volume, Write


def open_frames(path: Path) -> FramesVolume | None:
    """Read the header; None for a file of one frame.

    Raises:
        ImageError: the frames do not make up a volume.
    """
    data = needed("pydicom", path).dcmread(path, stop_before_pixels=True)
    count = dicom.frames_of(data)
    if count < 2:
        return None
    dicom.check(path, data, frames=True)
    try:
        stack = stacked([_place(data, frame) for frame in range(count)])
    except NoVolumeError as error:
        raise ImageError(f"{path}: a DICOM file whose frames are no volume: {error}.") from error
    scales = tuple(_scale(data, frame) for frame in range(count))
    dtype, whole = dicom.described(data, *scales)
    return FramesVolume(
        path=path,
        shape=(int(data.Columns), int(data.Rows), count),
        channels=int(data.SamplesPerPixel),
        dtype=dtype,
        whole=whole,
        affine=stack.affine,
        subject=str(data.get("PatientID", None) or ""),
        notes=stack.notes,
        order=stack.order,
        scales=scales,
    )


def _group(data: Any, frame: int, name: str) -> Any:
    """Return a functional group of a frame, or the one that all frames share; None without."""
    frames = data.get("PerFrameFunctionalGroupsSequence", None)
    shared = data.get("SharedFunctionalGroupsSequence", None)
    for groups in (frames[frame] if frames else None, shared[0] if shared else None):
        found = groups.get(name, None) if groups else None
        if found:
            return found[0]
    return None


def _scale(data: Any, frame: int) -> tuple[float, float]:
    return dicom.rescale(_group(data, frame, "PixelValueTransformationSequence") or data)


def _place(data: Any, frame: int) -> Place | None:
    position = _group(data, frame, "PlanePositionSequence")
    orientation = _group(data, frame, "PlaneOrientationSequence")
    measures = _group(data, frame, "PixelMeasuresSequence")
    if position is None or orientation is None or measures is None:
        return None
    rows, columns = (float(each) for each in measures.PixelSpacing)
    directions = np.array(orientation.ImageOrientationPatient, float).reshape(2, 3)
    return Place(np.array(position.ImagePositionPatient, float), directions, (rows, columns))


@dataclass(frozen=True, eq=False, kw_only=True)
class FramesVolume(Volume):
    """A DICOM file of several frames: i grows to the right in them, j downwards, k from frame to frame.

    Attributes:
        order: the frames along k.
        scales: slope and intercept of each frame, in the order of the file.
    """

    order: tuple[int, ...]
    scales: tuple[tuple[float, float], ...]

    def read(self) -> Array:
        """Return all values in their units; beyond 8 bit in float32, which holds 16 bit exactly."""
        width, height, count = self.shape
        check_size(self.path, height, width, self.channels)
        data = needed("pydicom", self.path).dcmread(self.path)
        frames = dicom.stored_pixels(self.path, data).reshape(count, height, width, self.channels)
        if self.dtype != np.uint8:
            slopes, intercepts = self._units()
            frames = (frames * slopes + intercepts).astype(np.float32)
        voxels = frames[list(self.order)].transpose(2, 1, 0, 3)
        return voxels if self.channels > 1 else voxels[..., 0]

    def _units(self) -> tuple[Array, Array]:
        slopes, intercepts = np.array(self.scales).T.reshape(2, -1, 1, 1, 1)
        return slopes, intercepts

    def files(self) -> tuple[Path, ...]:
        """Return the file."""
        return (self.path,)

    def writers(self, values: Array) -> dict[Path, Write]:
        """Return what writes values as a derived file of as many frames."""
        return {self.path: partial(self._write, values)}

    def _write(self, values: Array, file: BinaryIO) -> None:
        ordered = values.reshape(*self.shape, self.channels).transpose(2, 1, 0, 3)
        frames = np.empty(ordered.shape)
        frames[list(self.order)] = ordered
        data = needed("pydicom", self.path).dcmread(self.path)
        dicom.save_derived(frames, *self._units(), data, file)
