from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest
from support.medical import AFFINE, write_dicom, write_nifti

from datamodules.formats import dicom, nifti
from datamodules.readers import read_header, read_image
from datamodules.value_range import ValueRange
from datamodules.writers import Origin, encoding_of, target_of

STORED = np.arange(4 * 6, dtype=np.uint16).reshape(4, 6) * 100


def test_a_ct_window_is_in_hounsfield_units(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm", STORED, rescale=(2, -1000))
    unit = read_image(path, value_range=ValueRange.parse([-1000, 1000]))[:, :, 0]
    np.testing.assert_allclose(unit, np.minimum(STORED * 2 / 1000 - 1, 1), atol=1e-6)
    assert read_header(path) == (4, 6, 1)


def test_dicom_keeps_its_header_and_is_an_instance_of_its_own(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm", STORED, bits=12, rescale=(1, -1024))
    with (tmp_path / "b.dcm").open("wb") as file:
        dicom.encode(STORED[:, :, None][:2, :3] - 1024.0, path, file)
    made, given = pydicom.dcmread(tmp_path / "b.dcm"), pydicom.dcmread(path)
    np.testing.assert_array_equal(made.pixel_array, STORED[:2, :3])
    assert (made.PatientName, made.RescaleIntercept, made.BitsStored) == (given.PatientName, -1024, 12)
    assert list(made.ImageType) == ["DERIVED", "SECONDARY", "AXIAL"]
    assert made.SOPInstanceUID == made.file_meta.MediaStorageSOPInstanceUID != given.SOPInstanceUID
    assert made.SeriesInstanceUID != given.SeriesInstanceUID
    assert list(made.PixelSpacing) == [1, 0.5]  # half of the pixels in both directions
    assert list(made.ImagePositionPatient) == pytest.approx([-10 + 0.125, -20 + 0.25, 5])


def test_the_first_axis_of_nifti_goes_to_the_right(tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "a.nii", STORED.T)
    np.testing.assert_allclose(read_image(path)[:, :, 0], STORED / 65535 * 2 - 1, atol=1e-6)
    assert read_header(path) == (4, 6, 1)


def test_nifti_keeps_affine_and_scale(tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "a.nii.gz", STORED.T, (0.5, -3))
    with (tmp_path / "b.nii.gz").open("wb") as file:
        nifti.encode(STORED[:, :, None] * 0.5 - 3, path, file)
    made: Any = nibabel.Nifti1Image.from_filename(tmp_path / "b.nii.gz")
    np.testing.assert_array_equal(made.dataobj.get_unscaled(), STORED.T)
    np.testing.assert_array_equal(made.affine, AFFINE)
    assert (made.dataobj.slope, made.dataobj.inter) == (0.5, -3)


def test_nifti_of_another_size_stays_in_its_place(tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "a.nii", STORED.T)
    with (tmp_path / "b.nii").open("wb") as file:
        nifti.encode(STORED[:2, :3, None], path, file)
    affine = nibabel.Nifti1Image.from_filename(tmp_path / "b.nii").affine
    for corner, same in (([-0.5, -0.5, 0, 1], [-0.5, -0.5, 0, 1]), ([2.5, 1.5, 0, 1], [5.5, 3.5, 0, 1])):
        np.testing.assert_allclose(affine @ corner, AFFINE @ same)


def test_colours_that_a_slice_cannot_hold_become_tiff(tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "a.nii.gz", STORED.T)
    encoding = encoding_of(np.dstack([STORED] * 2), "x/a.nii.gz", target_of(Origin(path)))
    assert encoding.name == "x/a.tiff"
    with (tmp_path / "a.tiff").open("wb") as file:
        encoding.write(file)
    assert read_header(tmp_path / "a.tiff") == (4, 6, 2)
