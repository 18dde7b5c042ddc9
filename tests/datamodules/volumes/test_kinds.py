"""Every kind of volume: values and orientation as nibabel, pydicom and tifffile have them, and back."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest
import skimage
import tifffile
from nibabel.nicom import dicomwrappers
from pydicom.data import get_testdata_file
from pydicom.pixels.processing import apply_rescale
from support.medical import write_frames, write_nifti, write_series
from support.pictures import Array

from datamodules.files.formats import slices
from datamodules.files.slice_names import SliceName
from datamodules.files.volumes.assembly import Assembly
from datamodules.files.volumes.opening import open_volume
from datamodules.files.volumes.volume import Volume

SHAPE = (5, 7, 4)
NIBABEL, SCIKIT_IMAGE = Path(nibabel.__file__).parent, Path(skimage.__file__).parent / "data"
Written = tuple[Path, Array]
"""A volume, and its values with axes i, j, k as another program reads them."""


def voxels(dtype: Any = np.int16) -> Array:
    limits = np.iinfo(dtype)
    return np.random.default_rng(0).integers(limits.min, limits.max, SHAPE, dtype)


def values_of_nifti(path: Path) -> Array:
    image: Any = nibabel.load(path)
    return np.asarray(image.dataobj).reshape(image.shape[:3])


def values_of_series(folder: Path) -> Array:
    """Read a series with pydicom alone, its slices by their height, which is their place along k here."""
    data = [pydicom.dcmread(path) for path in folder.iterdir()]
    data.sort(key=lambda each: float(each.ImagePositionPatient[2]))
    scaled = [apply_rescale(each.pixel_array, each) for each in data]
    return np.stack(scaled, axis=2).swapaxes(0, 1)


def values_of_frames(path: Path) -> Array:
    """Read frames with nibabel, which scales and orders them, against their normal; rows come first."""
    wrapper: Any = dicomwrappers.MultiframeWrapper(pydicom.dcmread(path))  # type: ignore[no-untyped-call]
    return np.asarray(wrapper.get_data()).swapaxes(0, 1)[:, :, ::-1]


def values_of_stack(path: Path) -> Array:
    pages = tifffile.imread(path)
    if pages.ndim == 3:
        return pages.transpose(2, 1, 0)
    return (pages if pages.shape[3] == 3 else np.moveaxis(pages, 1, 3)).transpose(2, 1, 0, 3)


def nifti(folder: Path, name: str, stored: Array, rescale: tuple[float, float] | None = None) -> Written:
    path = write_nifti(folder / name, stored, rescale)
    return path, values_of_nifti(path)


def nifti2(folder: Path) -> Written:
    image: Any = nibabel.Nifti2Image(voxels()[..., None], np.diag([2.0, 3, 4, 1]))  # type: ignore[no-untyped-call]
    image.to_filename(folder / "a.nii")
    return folder / "a.nii", values_of_nifti(folder / "a.nii")


def series(folder: Path) -> Written:
    write_series(folder / "series", voxels(np.uint16))
    return folder / "series", values_of_series(folder / "series")


def shipped_series(folder: Path) -> Written:
    source = Path(str(get_testdata_file("DICOMDIR", download=False))).parent / "98892001" / "CT5N"
    shutil.copytree(source, folder / "CT5N")  # its slices have no suffix
    return folder / "CT5N", values_of_series(folder / "CT5N")


def frames(folder: Path) -> Written:
    path = write_frames(folder / "a.dcm", voxels(np.uint16), [2, 0, 3, 1])
    return path, values_of_frames(path)


def shipped_colours(folder: Path) -> Written:
    path = folder / "a.dcm"
    shutil.copy(str(get_testdata_file("SC_rgb_rle_2frame.dcm", download=False)), path)
    return path, pydicom.dcmread(path).pixel_array.transpose(2, 1, 0, 3)


def stack(folder: Path, stored: Array, **options: Any) -> Written:
    tifffile.imwrite(folder / "a.tif", stored.T.copy(), photometric="minisblack", **options)
    return folder / "a.tif", stored


def shipped(folder: Path, path: Path, read: Callable[[Path], Array]) -> Written:
    shutil.copy(path, folder / path.name)
    return folder / path.name, read(path)


KINDS: dict[str, Callable[[Path], Written]] = {
    "nifti, int16": lambda folder: nifti(folder, "a.nii", voxels()),
    "nifti, uint8, gzip": lambda folder: nifti(folder, "a.nii.gz", voxels(np.uint8)),
    "nifti, float32": lambda folder: nifti(folder, "a.nii", voxels().astype(np.float32) / 7),
    "nifti, scaled": lambda folder: nifti(folder, "a.nii.gz", voxels(), (-0.5, 3)),
    "nifti 2, a fourth axis of one": nifti2,
    "nifti of nibabel, anatomical": lambda folder: shipped(
        folder, NIBABEL / "tests/data/anatomical.nii", values_of_nifti
    ),
    "nifti of nibabel, standard": lambda folder: shipped(
        folder, NIBABEL / "tests/data/standard.nii.gz", values_of_nifti
    ),
    "dicom series": series,
    "dicom series of pydicom": shipped_series,
    "dicom frames, unordered, scaled each": frames,
    "dicom frames of pydicom, colours": shipped_colours,
    "tiff": lambda folder: stack(folder, voxels(np.uint16)),
    "tiff of ImageJ": lambda folder: stack(
        folder, voxels(np.uint16), imagej=True, metadata={"axes": "ZYX", "spacing": 2.5, "unit": "mm"}
    ),
    "tiff, float32": lambda folder: stack(folder, voxels().astype(np.float32) / 7, compression="zlib"),
    "tiff of scikit-image": lambda folder: shipped(folder, SCIKIT_IMAGE / "multipage.tif", values_of_stack),
    "tiff of scikit-image, colours": lambda folder: shipped(
        folder, SCIKIT_IMAGE / "multipage_rgb.tif", values_of_stack
    ),
}
READERS: dict[str, Callable[[Path], Array]] = {
    "nifti": values_of_nifti,
    "dicom series": values_of_series,
    "dicom frames": values_of_frames,
    "tiff": values_of_stack,
}


def opened(path: Path) -> Volume:
    volume = open_volume(path)
    assert volume is not None
    return volume


def written(path: Path, axis: str, folder: Path) -> list[Path]:
    """Read all slices of a volume along an axis, and write what they make together."""
    first = SliceName(axis, 0).of(path)
    assembly = Assembly(first)
    _, _, cut = slices.opened(first)
    for number in reversed(range(opened(path).shape[cut.axis])):
        each = SliceName(axis, number).of(path)
        whole = assembly.add(each, slices.decode(each).pixels)
        assert whole == (number == 0)
    folder.mkdir()
    for file, write in assembly.writers().items():
        with (folder / file.name).open("wb") as opened_file:
            write(opened_file)
    return sorted(folder.iterdir())


@pytest.mark.parametrize("kind", KINDS)
def test_slices_are_those_of_other_programs(tmp_path: Path, kind: str) -> None:
    path, values = KINDS[kind](tmp_path)
    assert opened(path).shape == values.shape[:3]
    for axis, name in enumerate("ijk"):
        index = values.shape[axis] // 2
        decoded = slices.decode(SliceName(name, index).of(path))
        expected = values.take(index, axis).swapaxes(0, 1)
        np.testing.assert_allclose(decoded.pixels.squeeze(), expected.squeeze(), rtol=1e-6)
        stored = slices.describe(SliceName(name, index).of(path))
        assert (stored.height, stored.width, stored.channels) == decoded.pixels.shape
        assert stored.dtype == decoded.pixels.dtype
        assert stored.whole == decoded.whole


@pytest.mark.parametrize("axis", ["i", "k", "coronal"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_cut_and_written_is_the_same(tmp_path: Path, kind: str, axis: str) -> None:
    path, values = KINDS[kind](tmp_path)
    if axis == "coronal" and opened(path).affine is None:
        axis = "j"
    files = written(path, axis, tmp_path / "out")
    names = sorted(file.name for file in opened(path).files())
    assert [file.name for file in files] == names
    if "colours" in kind and kind.startswith("dicom"):
        back = pydicom.dcmread(files[0]).pixel_array.transpose(2, 1, 0, 3)
    else:
        read = next(reader for start, reader in READERS.items() if kind.startswith(start))
        back = read(tmp_path / "out" if len(files) > 1 else files[0])
    np.testing.assert_allclose(back, values, rtol=1e-6)
    assert back.dtype == values.dtype


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.startswith("nifti")])
def test_nifti_keeps_header_type_and_affine(tmp_path: Path, kind: str) -> None:
    path, _ = KINDS[kind](tmp_path)
    before: Any = nibabel.load(path)
    after: Any = nibabel.load(written(path, "j", tmp_path / "out")[0])
    np.testing.assert_array_equal(after.affine, before.affine)
    for field in before.header:
        if field not in ("scl_slope", "scl_inter", "vox_offset", "magic"):
            np.testing.assert_array_equal(after.header[field], before.header[field], err_msg=field)
    assert (after.dataobj.slope, after.dataobj.inter) == (before.dataobj.slope, before.dataobj.inter)
    assert type(after) is type(before)
    assert after.shape == before.shape


def test_a_derived_series_is_one_series_of_new_identifiers_at_the_same_places(tmp_path: Path) -> None:
    path, _ = shipped_series(tmp_path)
    before = {file.name: pydicom.dcmread(file) for file in path.iterdir()}
    after = {file.name: pydicom.dcmread(file) for file in written(path, "axial", tmp_path / "out")}
    assert len({data.SeriesInstanceUID for data in after.values()}) == 1
    assert len({data.SOPInstanceUID for data in after.values()}) == len(after) == 5
    for name, data in after.items():
        source = before[name]
        assert data.SeriesInstanceUID != source.SeriesInstanceUID
        assert data.SOPInstanceUID != source.SOPInstanceUID
        assert data.file_meta.MediaStorageSOPInstanceUID == data.SOPInstanceUID
        assert data.ImageType[:2] == ["DERIVED", "SECONDARY"]
        for field in (
            "StudyInstanceUID",
            "PatientID",
            "ImagePositionPatient",
            "ImageOrientationPatient",
            "PixelSpacing",
            "RescaleIntercept",
            "InstanceNumber",
        ):
            assert data[field] == source[field]


def test_derived_frames_keep_their_places_and_scales(tmp_path: Path) -> None:
    path, _ = frames(tmp_path)
    before, after = pydicom.dcmread(path), pydicom.dcmread(written(path, "i", tmp_path / "out")[0])
    assert after.PerFrameFunctionalGroupsSequence == before.PerFrameFunctionalGroupsSequence
    assert after.NumberOfFrames == before.NumberOfFrames == 4
    assert after.SOPInstanceUID != before.SOPInstanceUID
    assert after.ImageType[0] == "DERIVED"


def test_a_tiff_keeps_its_description_and_resolution(tmp_path: Path) -> None:
    options: dict[str, Any] = {
        "resolution": (3, 2),
        "metadata": {"axes": "ZYX", "spacing": 2.5, "unit": "mm"},
    }
    path, _ = stack(tmp_path, voxels(np.uint16), imagej=True, **options)
    with (
        tifffile.TiffFile(path) as before,
        tifffile.TiffFile(written(path, "j", tmp_path / "out")[0]) as after,
    ):
        assert after.imagej_metadata == before.imagej_metadata
        assert after.series[0].axes == before.series[0].axes == "ZYX"
        assert after.pages[0].resolution == before.pages[0].resolution


@pytest.mark.parametrize("axes", ["RAS", "LPS", "LAS", "PIR", "SRP", "ASL", "IPL"])
def test_planes_of_the_body_are_upright_however_they_are_stored(tmp_path: Path, axes: str) -> None:
    orientations: Any = nibabel.orientations
    values = np.arange(np.prod(SHAPE), dtype=np.int16).reshape(
        SHAPE
    )  # to the right, to the front, to the head
    tilted = np.eye(4)
    angle = np.pi / 12
    tilted[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    image: Any = nibabel.Nifti1Image(values, tilted)  # type: ignore[no-untyped-call]
    turn = orientations.ornt_transform(
        orientations.axcodes2ornt(("R", "A", "S")), orientations.axcodes2ornt(tuple(axes))
    )
    path = tmp_path / "a.nii"
    image.as_reoriented(turn).to_filename(path)

    def shown(axis: str, number: int) -> Array:
        return slices.decode(SliceName(axis, number).of(path)).pixels[:, :, 0]

    np.testing.assert_array_equal(
        shown("axial", 1), values[::-1, ::-1, 1].T
    )  # the left right, the front above
    np.testing.assert_array_equal(
        shown("coronal", 2), values[::-1, 2, ::-1].T
    )  # the left right, the head above
    np.testing.assert_array_equal(
        shown("sagittal", 3), values[3, ::-1, ::-1].T
    )  # the front left, the head above
    np.testing.assert_array_equal(
        values_of_nifti(written(path, "sagittal", tmp_path / "out")[0]), values_of_nifti(path)
    )


def test_dicom_lies_where_nibabel_has_it(tmp_path: Path) -> None:
    """nibabel's affines of DICOM have rows first, and lead to the left, to the back and to the head."""
    folder, _ = shipped_series(tmp_path)
    volume = opened(folder)
    assert volume.affine is not None
    for index, file in enumerate(volume.files()):
        wrapper: Any = dicomwrappers.wrapper_from_file(file)  # type: ignore[no-untyped-call]
        for column, row in ((0, 0), (3, 5)):
            place = volume.affine @ [column, row, index, 1]
            np.testing.assert_allclose(
                place * [-1, -1, 1, 1], wrapper.affine @ [row, column, 0, 1], atol=1e-4
            )


def test_the_enhanced_mr_of_nibabel_is_read_as_nibabel_reads_it(tmp_path: Path) -> None:
    content = gzip.decompress((NIBABEL / "nicom/tests/data/philips_mprage.dcm.gz").read_bytes())
    path = tmp_path / "a.dcm"
    path.write_bytes(content)
    volume = opened(path)
    wrapper: Any = dicomwrappers.MultiframeWrapper(pydicom.dcmread(path))  # type: ignore[no-untyped-call]
    assert volume.affine is not None
    np.testing.assert_allclose(volume.read(), values_of_frames(path), rtol=1e-6)
    for i, j, k in ((0, 0, 0), (9, 4, 170)):
        place = volume.affine @ [i, j, k, 1] * [-1, -1, 1, 1]
        np.testing.assert_allclose(place, wrapper.affine @ [j, i, 175 - k, 1], atol=1e-2)
