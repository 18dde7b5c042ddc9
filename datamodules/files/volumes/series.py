"""DICOM series: slices in files of their own, told by SeriesInstanceUID and ordered by where they lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from datamodules.files.formats import dicom
from datamodules.files.formats.common import Array, ImageError
from datamodules.files.formats.packages import needed
from datamodules.files.volumes.positions import NoVolumeError, Place, stacked
from datamodules.files.volumes.volume import Volume, Write

_TAGS = [
    *("SOPClassUID", "SeriesInstanceUID", "InstanceNumber", "PatientID", "NumberOfFrames"),
    *("Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation"),
    *("BitsAllocated", "BitsStored", "PixelRepresentation", "RescaleSlope", "RescaleIntercept"),
    *("ModalityLUTSequence", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"),
]
FEWEST = 2


def is_dicom(path: Path) -> bool:
    """Whether a file says that it is DICOM, whatever its suffix."""
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


@lru_cache(maxsize=4096)
def series_in(folder: Path, stamp: int) -> Mapping[str, Sequence[tuple[Path, Any]]]:
    """Return the slices of a folder, each with its header, by their series; single ones and frames are none.

    Args:
        folder: is looked into, its sub-folders are not.
        stamp: when it was changed.
    """
    found: dict[str, list[tuple[Path, Any]]] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or not path.is_file() or not is_dicom(path):
            continue
        try:
            data = needed("pydicom", path).dcmread(path, stop_before_pixels=True, specific_tags=_TAGS)
            series = str(data.get("SeriesInstanceUID", ""))
            alone = not series or "Rows" not in data or dicom.frames_of(data) > 1
        except ImageError:
            raise
        except Exception:  # whatever a damaged header raises; who reads the file as an image is told
            continue
        if not alone:
            found.setdefault(series, []).append((path, data))
    return {series: slices for series, slices in found.items() if len(slices) >= FEWEST}


def open_series(path: Path, slices: Sequence[tuple[Path, Any]]) -> SeriesVolume:
    """Order the slices of a series.

    Args:
        path: what the volume is called.
        slices: their files and headers.

    Raises:
        ImageError: they do not make up a volume.
    """
    slices = sorted(slices, key=lambda each: int(each[1].get("InstanceNumber", None) or 0))
    for file, data in slices:
        dicom.check(file, data)
    headers = [data for _, data in slices]
    sizes = {(int(data.Columns), int(data.Rows), int(data.SamplesPerPixel)) for data in headers}
    if len(sizes) > 1:
        raise ImageError(
            f"{path}: the slices of this series have {len(sizes)} sizes; sort them into folders."
        )
    try:
        stack = stacked([_place(data) for data in headers])
    except NoVolumeError as error:
        raise ImageError(f"{path}: a DICOM series that is no volume: {error}.") from error
    kinds = [dicom.described(data, dicom.rescale(data)) for data in headers]
    ranges = [whole for _, whole in kinds if whole]
    whole = (
        (min(low for low, _ in ranges), max(high for _, high in ranges))
        if len(ranges) == len(kinds)
        else None
    )
    ((width, height, channels),) = sizes
    return SeriesVolume(
        path=path,
        shape=(width, height, len(slices)),
        channels=channels,
        dtype=np.result_type(*(dtype for dtype, _ in kinds)),
        whole=whole,
        affine=stack.affine,
        subject=str(headers[0].get("PatientID", None) or ""),
        notes=stack.notes,
        slices=tuple(slices[index][0] for index in stack.order),
    )


def _place(data: Any) -> Place | None:
    position, orientation = data.get("ImagePositionPatient", None), data.get("ImageOrientationPatient", None)
    if not position or not orientation:
        return None
    spacing = [float(each) for each in data.get("PixelSpacing", None) or (1, 1)]
    directions = np.array(orientation, float).reshape(2, 3)
    return Place(np.array(position, float), directions, (spacing[0], spacing[1]))


@dataclass(frozen=True, eq=False, kw_only=True)
class SeriesVolume(Volume):
    """A DICOM series: i grows to the right in its slices, j grows downwards, k from slice to slice.

    Attributes:
        slices: the files along k.
    """

    slices: tuple[Path, ...]

    def read(self) -> Array:
        """Return all values in their units; beyond 8 bit in float32, which holds 16 bit exactly."""
        kind = np.uint8 if self.dtype == np.uint8 else np.float32
        planes = [dicom.decode(file).pixels.astype(kind).swapaxes(0, 1) for file in self.slices]
        return np.stack(planes, axis=2) if self.channels > 1 else np.concatenate(planes, axis=2)

    def plane(self, axis: int, index: int) -> Array:
        """Return a plane; along k by one file alone."""
        if axis < 2:
            return super().plane(axis, index)
        pixels = dicom.decode(self.slices[index]).pixels.swapaxes(0, 1)
        return pixels if self.channels > 1 else pixels[:, :, 0]

    def files(self) -> tuple[Path, ...]:
        """Return the files along k."""
        return self.slices

    def writers(self, values: Array) -> dict[Path, Write]:
        """Return what writes values as the slices of a derived series."""
        return {file: partial(self._write, values, index) for index, file in enumerate(self.slices)}

    def _write(self, values: Array, index: int, file: BinaryIO) -> None:
        pixels = values[:, :, index].swapaxes(0, 1).reshape(self.shape[1], self.shape[0], self.channels)
        dicom.encode(pixels, self.slices[index], file)
