"""Tiny DICOM and NIfTI slices for tests."""

from __future__ import annotations

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


def write_nifti(path: Path, voxels: Array, rescale: tuple[float, float] | None = None) -> Path:
    """Write stored values with axes x, y and perhaps more."""
    image: Any = nibabel.Nifti1Image(voxels, AFFINE)  # type: ignore[no-untyped-call]
    if rescale is not None:
        image.header.set_slope_inter(*rescale)
    image.to_filename(path)
    return path
