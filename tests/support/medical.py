"""Tiny DICOM and NIfTI slices and volumes for tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
from pydicom.dataset import FileMetaDataset
from support.pictures import Array

AFFINE = np.array([[-0.5, 0, 0, 10], [0, 0.75, 0, -20], [0, 0, 3, 5], [0, 0, 0, 1]])


def write_dicom(
    path: Path,
    pixels: Array,
    *,
    bits: int | None = None,
    rescale: tuple[float, float] | None = None,
    kind: str = "MONOCHROME2",
) -> Path:
    """Write stored values (H, W) or colours (H, W, 3) with a header such as scanners write."""
    data = pydicom.Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    data.SOPClassUID = pydicom.uid.CTImageStorage
    data.SOPInstanceUID, data.SeriesInstanceUID = "1.2.3.4", "1.2.3"
    data.PatientName, data.ImageType = "Drawn^Phantom", ["ORIGINAL", "PRIMARY", "AXIAL"]
    data.PixelSpacing, data.ImagePositionPatient = [0.5, 0.25], [-10, -20, 5]
    data.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    kind = kind if pixels.ndim == 2 else "RGB"
    data.set_pixel_data(pixels, kind, bits or 8 * pixels.dtype.itemsize)
    if rescale is not None:
        data.RescaleSlope, data.RescaleIntercept = rescale
    data.save_as(path, enforce_file_format=True)
    return path


def write_series(
    folder: Path,
    voxels: Array,
    *,
    series: str = "1.2.3",
    step: float = 3,
    suffix: str = ".dcm",
    patient: str = "",
) -> list[Path]:
    """Write voxels (i, j, k) as slices along k, in the order of k, under names that have another one."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for index in range(voxels.shape[2]):
        path = write_dicom(
            folder / f"{97 * (index + 1) % 101:03}-{series}{suffix}", voxels[:, :, index].T.copy()
        )
        data = pydicom.dcmread(path)
        data.SOPInstanceUID, data.SeriesInstanceUID = f"{series}.{index}", series
        data.ImagePositionPatient = [-10, -20, 5 + step * index]
        data.InstanceNumber, data.PatientID = voxels.shape[2] - index, patient
        data.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


def write_frames(path: Path, voxels: Array, order: Sequence[int]) -> Path:
    """Write voxels (i, j, k) as one enhanced file whose frames have another order and own scales."""
    write_dicom(path, voxels[:, :, 0].T.copy())
    data = pydicom.dcmread(path)
    shared, frames = pydicom.Dataset(), []
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = [pydicom.Dataset()], [pydicom.Dataset()]
    shared.PlaneOrientationSequence[0].ImageOrientationPatient = data.ImageOrientationPatient
    shared.PixelMeasuresSequence[0].PixelSpacing = data.PixelSpacing
    for place in order:
        frame, position, scale = pydicom.Dataset(), pydicom.Dataset(), pydicom.Dataset()
        position.ImagePositionPatient = [-10, -20, 5 + 3 * place]
        scale.RescaleSlope, scale.RescaleIntercept, scale.RescaleType = 2 + place, -10, "US"
        content = pydicom.Dataset()
        content.StackID, content.InStackPositionNumber, content.DimensionIndexValues = (
            "1",
            place + 1,
            [1, place + 1],
        )
        frame.FrameContentSequence = [content]
        frame.PlanePositionSequence, frame.PixelValueTransformationSequence = [position], [scale]
        frames.append(frame)
    indices = [pydicom.Dataset(), pydicom.Dataset()]
    for index, keyword in zip(indices, ("StackID", "InStackPositionNumber"), strict=True):
        index.DimensionIndexPointer = pydicom.datadict.tag_for_keyword(keyword)
        index.FunctionalGroupPointer = pydicom.datadict.tag_for_keyword("FrameContentSequence")
    data.DimensionIndexSequence = indices
    data.SharedFunctionalGroupsSequence, data.PerFrameFunctionalGroupsSequence = [shared], frames
    del data.PixelSpacing, data.ImageOrientationPatient, data.ImagePositionPatient
    data.SOPClassUID = pydicom.uid.EnhancedCTImageStorage
    data.set_pixel_data(voxels[:, :, list(order)].transpose(2, 1, 0).copy(), "MONOCHROME2", 16)
    data.save_as(path, enforce_file_format=True)
    return path


def write_nifti(
    path: Path, voxels: Array, rescale: tuple[float, float] | None = None, affine: Array = AFFINE
) -> Path:
    """Write stored values with axes x, y and perhaps more."""
    image: Any = nibabel.Nifti1Image(voxels, affine)  # type: ignore[no-untyped-call]
    if rescale is not None:
        image.header.set_slope_inter(*rescale)
    image.to_filename(path)
    return path
