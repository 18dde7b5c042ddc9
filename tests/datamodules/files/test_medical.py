from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest
import tifffile
from support.medical import AFFINE, write_dicom, write_nifti
from support.pictures import random_pixels

from datamodules.files.formats import dicom, nifti
from datamodules.files.readers import ImageError, read_header, read_image
from datamodules.files.value_range import ValueRange
from datamodules.files.writers import Origin, encoding_of, target_of

STORED = np.arange(4 * 6, dtype=np.uint16).reshape(4, 6) * 100


def test_a_ct_window_is_in_hounsfield_units(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm", STORED, rescale=(2, -1000))
    unit = read_image(path, value_range=ValueRange.parse([-1000, 1000]))[:, :, 0]
    np.testing.assert_allclose(unit, np.minimum(STORED * 2 / 1000 - 1, 1), atol=1e-6)
    assert read_header(path) == (4, 6, 1)


@pytest.mark.parametrize("rescale", [None, (2, -1000), (-0.5, 3)])
@pytest.mark.parametrize("window", ["type", (-0.5, 1.5), (0.1, 0.8), "p5-p95"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16])
def test_monochrome1_is_the_same_picture(
    tmp_path: Path, rescale: tuple[float, float] | None, window: str | tuple[float, float], dtype: Any
) -> None:
    """MONOCHROME1 stores the negative of its bits: both files show the same, with every range of values.

    Windows are parts of what the values span, so that none shows a flat picture.
    """
    signed = dtype == np.int16
    bits, low = (8, 0) if dtype == np.uint8 else (12, -2048 if signed else 0)
    stored = (np.arange(4 * 6).reshape(4, 6) * (10 if bits == 8 else 160) + low).astype(dtype)
    turned = (2**bits - 1 + 2 * low - stored.astype(int)).astype(dtype)
    plain = write_dicom(tmp_path / "2.dcm", stored, bits=bits, rescale=rescale)
    negative = write_dicom(tmp_path / "1.dcm", turned, bits=bits, rescale=rescale, kind="MONOCHROME1")
    if signed and window == "type":
        for path in (plain, negative):
            with pytest.raises(ImageError, match="no known range"):
                read_image(path)
        return
    slope, intercept = rescale or (1, 0)
    values = stored * float(slope) + intercept
    bounds = [float(values.min() + np.ptp(values) * part) for part in window if not isinstance(part, str)]
    value_range = ValueRange.parse(bounds or (None if window == "type" else window))
    shown = read_image(plain, value_range=value_range)
    np.testing.assert_array_equal(read_image(negative, value_range=value_range), shown)
    assert len(np.unique(shown)) > 10
    if bounds:
        unit = np.clip((values - bounds[0]) / (bounds[1] - bounds[0]) * 2 - 1, -1, 1)
        np.testing.assert_allclose(shown[:, :, 0], unit, atol=1e-6)


def test_a_prediction_like_monochrome1_is_monochrome1(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm", STORED, bits=12, kind="MONOCHROME1")
    picture = np.full((4, 6, 1), 1000.0)
    with (tmp_path / "b.dcm").open("wb") as file:
        dicom.encode(picture, path, file)
    made = pydicom.dcmread(tmp_path / "b.dcm")
    assert made.PhotometricInterpretation == "MONOCHROME1"
    assert (made.pixel_array == 4095 - 1000).all()
    np.testing.assert_allclose(read_image(tmp_path / "b.dcm"), 1000 / 4095 * 2 - 1, atol=1e-6)


@pytest.mark.parametrize("preamble", [b"II*\0", b"MM\0*", b"BM", b"\xff\xd8\xff", b"GIF89a", b"P5\n2 2\n9\n"])
def test_what_is_before_a_dicom_header_is_free(tmp_path: Path, preamble: bytes) -> None:
    path = write_dicom(tmp_path / "a.dcm", STORED, bits=12)
    expected = read_image(path)
    path.write_bytes(preamble + path.read_bytes()[len(preamble) :])
    np.testing.assert_array_equal(read_image(path), expected)
    assert read_header(path) == (4, 6, 1)


def test_a_tiff_that_is_dicom_too_is_what_its_suffix_says(tmp_path: Path) -> None:
    pixels = random_pixels(40, 30, 1)
    tifffile.imwrite(tmp_path / "a.tif", pixels.squeeze(), photometric="minisblack", metadata=None)
    content = (tmp_path / "a.tif").read_bytes()
    place = int.from_bytes(content[4:8], "little")
    directory = content[place : place + 2 + 12 * int.from_bytes(content[place : place + 2], "little") + 4]
    # the directory is repeated at the end: at 128 it lay before
    shifted = bytearray(content[:4] + len(content).to_bytes(4, "little") + content[8:] + directory)
    shifted[128:132] = b"DICM"
    (tmp_path / "a.tif").write_bytes(shifted)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif")[4:], pixels[4:])


def test_dicom_without_an_image_is_called_that(tmp_path: Path) -> None:
    report = pydicom.dcmread(write_dicom(tmp_path / "a.dcm", STORED))
    del report.PixelData
    report.save_as(tmp_path / "pixels.dcm")
    del report.Rows
    report.save_as(tmp_path / "rows.dcm")
    for name, missing in {"rows.dcm": "Rows", "pixels.dcm": "PixelData"}.items():
        with pytest.raises(
            ImageError, match=rf"{name}: a DICOM file without an image \(CT Image Storage; no {missing}"
        ):
            read_image(tmp_path / name)
    with pytest.raises(ImageError, match="without an image"):
        read_header(tmp_path / "rows.dcm")


def test_tables_of_values_and_floating_point_are_refused(tmp_path: Path) -> None:
    data = pydicom.dcmread(write_dicom(tmp_path / "a.dcm", STORED))
    data.ModalityLUTSequence = [pydicom.Dataset()]
    data.save_as(tmp_path / "a.dcm")
    with pytest.raises(ImageError, match="Modality LUT"):
        read_header(tmp_path / "a.dcm")
    del data.ModalityLUTSequence, data.BitsStored
    data.save_as(tmp_path / "b.dcm")
    with pytest.raises(ImageError, match="floating point"):
        read_header(tmp_path / "b.dcm")


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
