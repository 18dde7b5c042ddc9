"""Which slices of which volumes are images: found, ordered, cut, chosen, held out and read in one window."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from support.medical import write_dicom, write_frames, write_nifti, write_series
from support.pictures import Array, random_pixels, write_image

from datamodules.files.formats import slices
from datamodules.files.readers import ImageError, read_image
from datamodules.files.slice_names import SliceName, shared_out, slice_of, volume_of, whole_name
from datamodules.files.value_range import ValueRange
from datamodules.files.volumes.opening import content_of, open_volume
from datamodules.files.volumes.volume import Volume
from datamodules.files.writers import renamed
from datamodules.image_sets import hold_out
from datamodules.listing import list_images
from datamodules.reading import Reading
from datamodules.slices import Slices


def voxels(*shape: int, dtype: Any = np.int16, seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(0, 1000, shape, dtype)


def ball(side: int = 20) -> Array:
    """Return a ball of 500 in air of -1000, which leaves slices empty on both sides."""
    grid = np.stack(np.meshgrid(*[np.arange(side) - side / 2 + 0.5] * 3, indexing="ij"))
    return np.where((grid**2).sum(0) < (0.3 * side) ** 2, 500, -1000).astype(np.int16)


def names(folder: Path, **cut: Any) -> list[str]:
    return list_images(folder, Slices(**({"axis": "k"} | cut))).names


def test_names_of_slices() -> None:
    path = SliceName("axial", 7, 1).of(Path("a/b.nii.gz"))
    assert path.as_posix() == "a/b.nii.gz/axial-007+1.slice"
    assert slice_of(path) == ("axial", 7, 1)
    assert volume_of(path) == Path("a/b.nii.gz")
    assert whole_name(path.as_posix()) == "a/b.nii.gz"
    assert slice_of("a/b.nii.gz") is None
    assert whole_name("a/b.png") == "a/b.png"
    assert (
        renamed("a/b.nii.gz/axial-007.slice", "") == renamed("a/b.tif/axial-007.slice", "") == "a/b/axial-007"
    )


def test_volumes_are_cut_where_images_stay_images(tmp_path: Path) -> None:
    write_nifti(tmp_path / "b.nii.gz", voxels(4, 5, 3))
    write_nifti(tmp_path / "one_slice.nii", voxels(4, 5, 1))
    write_image(tmp_path / "a.png", random_pixels(5, 4))
    write_series(tmp_path / "patient" / "ct", voxels(4, 5, 2), suffix="")
    write_dicom(tmp_path / "patient" / "alone.dcm", voxels(5, 4))
    write_frames(tmp_path / "z.dcm", voxels(4, 5, 2, dtype=np.uint16), [1, 0])
    assert names(tmp_path) == [
        "a.png",
        *(f"b.nii.gz/k-00{number}.slice" for number in range(3)),
        "one_slice.nii",
        "patient/alone.dcm",
        *(f"patient/ct/k-00{number}.slice" for number in range(2)),
        *(f"z.dcm/k-00{number}.slice" for number in range(2)),
    ]
    assert "b.nii.gz" in list_images(tmp_path).names


def test_two_series_in_a_folder_are_two_volumes(tmp_path: Path) -> None:
    first, second = voxels(4, 5, 2), voxels(4, 5, 3, seed=1)
    write_series(tmp_path, first, series="1.2")
    write_series(tmp_path, second, series="1.3")
    assert sorted(names(tmp_path)) == [
        *(f"1.2.series/k-00{number}.slice" for number in range(2)),
        *(f"1.3.series/k-00{number}.slice" for number in range(3)),
    ]
    shown = slices.decode(tmp_path / "1.3.series" / "k-002.slice").pixels[:, :, 0]
    np.testing.assert_array_equal(shown, second[:, :, 2].T)


def test_gaps_and_mixed_spacings_are_said(tmp_path: Path) -> None:
    paths = write_series(tmp_path / "a", voxels(4, 5, 6))
    paths[3].unlink()
    data = pydicom.dcmread(paths[0])
    data.PixelSpacing = [0.5, 0.5]
    data.save_as(paths[0])
    with pytest.warns(
        UserWarning, match="1 of 4 distances .* not 3 mm but up to 6 mm: slices are missing"
    ) as said:
        names(tmp_path)
    assert any("2 spacings of pixels" in str(each.message) for each in said)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_series(tmp_path / "b", voxels(4, 5, 6), series="1.9")
        names(tmp_path / "b")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ImagePositionPatient": [-10, -20, 5]}, "1 of 3 slices lie where another one does"),
        ({"ImageOrientationPatient": [0, 1, 0, 0, 0, -1]}, "not parallel"),
        ({"ImagePositionPatient": None}, "1 of 3 slices do not say where they lie"),
        ({"Rows": 4, "Columns": 5}, "2 sizes"),
    ],
)
def test_what_is_no_volume_is_refused_when_it_is_read(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    last = write_series(tmp_path / "a", voxels(4, 5, 3))[-1]
    data = pydicom.dcmread(last)
    for name, value in change.items():
        setattr(data, name, value)
    data.save_as(last)
    (only,) = list_images(tmp_path, Slices("axial")).paths
    with pytest.raises(ImageError, match=message):
        read_image(only)


def test_other_refusals_are_said(tmp_path: Path) -> None:
    write_frames(tmp_path / "a.dcm", voxels(4, 5, 2, dtype=np.uint16), [0, 1])
    data = pydicom.dcmread(tmp_path / "a.dcm")
    del data.PerFrameFunctionalGroupsSequence
    data.save_as(tmp_path / "a.dcm")
    (only,) = list_images(tmp_path, Slices("coronal")).paths
    with pytest.raises(ImageError, match=r"nothing tells how it lies .* no coronal slices; take i, j or k"):
        read_image(only)
    write_nifti(tmp_path / "b.nii", voxels(4, 5, 2, 3))
    with pytest.raises(ImageError, match=r"4x5x2x3.*one file per time"):
        read_image(tmp_path / "b.nii")
    with pytest.raises(ImageError, match="has 2 k slices, not 10"):
        read_image(tmp_path / "a.dcm" / "k-009.slice")


def test_slices_without_content_are_left_out(tmp_path: Path) -> None:
    write_nifti(tmp_path / "a.nii", ball())
    listing = list_images(tmp_path, Slices("axial", content=0.05))
    volume = open_volume(tmp_path / "a.nii")
    assert volume is not None
    shares = (ball() > -850).mean((0, 1))
    np.testing.assert_allclose(content_of(volume)[2], shares)
    expected = np.flatnonzero(shares >= 0.05)
    assert 0 < len(expected) < 20
    assert listing.names == [f"a.nii/axial-{number:03}.slice" for number in expected]
    assert listing.left_out == {"slices without content": 20 - len(expected)}


def test_content_is_measured_once_per_machine_and_anew_of_a_changed_volume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANS_CACHE", str(tmp_path / "cache"))
    measured = []

    def measure(volume: Volume) -> Any:
        measured.append(volume.path.name)
        return content_of(volume)

    monkeypatch.setattr("datamodules.slices.content_of", measure)
    (tmp_path / "in").mkdir()
    for name in ("a", "b"):
        write_nifti(tmp_path / "in" / f"{name}.nii", ball())
    cut = Slices("axial", content=0.05)
    first = list_images(tmp_path / "in", cut)
    assert list_images(tmp_path / "in", cut) == first
    assert measured == ["a.nii", "b.nii"]
    write_nifti(tmp_path / "in" / "a.nii", np.roll(ball(), 5, 2))
    os.utime(tmp_path / "in" / "a.nii", ns=(0, 1))
    assert list_images(tmp_path / "in", cut) != first
    assert measured == ["a.nii", "b.nii", "a.nii"]
    for kept in (tmp_path / "cache" / "contents").iterdir():
        kept.write_bytes(kept.read_bytes()[:50])
    list_images(tmp_path / "in", cut)
    assert len(measured) == 5


def test_content_does_not_depend_on_how_values_are_stored(tmp_path: Path) -> None:
    write_nifti(tmp_path / "a.nii", ball(), (2, -7))
    write_nifti(tmp_path / "b.nii", -ball(), (-2, -7))
    a, b = (open_volume(tmp_path / name) for name in ("a.nii", "b.nii"))
    assert a is not None
    assert b is not None
    for one, other in zip(content_of(a), content_of(b), strict=True):
        np.testing.assert_array_equal(one, other)
    for path in (tmp_path / "a.nii", tmp_path / "b.nii"):
        bounds = slices.window(path / "k-000.slice", ValueRange.parse("p1-p99")).window
        assert bounds == (-2007, 993)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [([3, 5], [3, 4, 5]), ([8, 99], [8, 9]), ("20%-50%", [2, 3, 4]), (None, list(range(10)))],
)
def test_a_range_or_share_of_the_slices(tmp_path: Path, wanted: Any, expected: list[int]) -> None:
    write_nifti(tmp_path / "a.nii", voxels(4, 5, 10))
    cut = Slices.parse("k", wanted, 0, 0)
    assert cut is not None
    listing = list_images(tmp_path, cut)
    assert listing.names == [f"a.nii/k-{number:03}.slice" for number in expected]
    assert listing.left_out.get("slices beyond slice_range", 0) == 10 - len(expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"slices": "oblique"}, "slices: 'oblique' is unknown; axial, coronal"),
        ({"slices": "k", "slice_range": [5, 3]}, "slice_range: .5, 3. must be"),
        ({"slices": "k", "slice_range": "20-30"}, "slice_range: '20-30' must be"),
        ({"slices": "k", "slice_range": "20%-130%"}, "beyond 100%"),
        ({"slices": "k", "slice_content": 1}, "slice_content: 1 must be"),
        ({"slices": "k", "slice_neighbours": -1}, "slice_neighbours: -1 must be at least 0"),
        ({"slice_range": [1, 2]}, "say how these are cut by slices"),
    ],
)
def test_arguments_out_of_their_range_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Reading(**arguments)


def test_neighbouring_slices_are_channels(tmp_path: Path) -> None:
    stored = voxels(4, 5, 3)
    write_nifti(tmp_path / "a.nii", stored)
    first = list_images(tmp_path, Slices("k", neighbours=1)).paths[0]
    shown = slices.decode(first).pixels
    np.testing.assert_array_equal(
        shown, stored[:, :, [0, 0, 1]].transpose(1, 0, 2)
    )  # none is before the first
    assert slices.describe(first).channels == 3


def test_one_window_is_that_of_the_whole_volume(tmp_path: Path) -> None:
    stored = voxels(4, 5, 3)
    write_nifti(tmp_path / "a.nii", stored)
    window = ValueRange.parse("p5-p90")
    low, high = np.percentile(stored, (5, 90))
    for number in range(3):
        shown = read_image(tmp_path / "a.nii" / f"k-00{number}.slice", value_range=window)
        expected = ((stored[:, :, number].T - low) / (high - low) * 2 - 1).clip(-1, 1)
        np.testing.assert_allclose(shown[:, :, 0], expected, atol=1e-5)


def test_volumes_and_patients_are_held_out_whole(tmp_path: Path) -> None:
    (tmp_path / "nifti").mkdir()
    for number in range(6):
        write_nifti(tmp_path / "nifti" / f"{number}.nii", voxels(3, 3, 4))
        write_series(tmp_path / "dicom" / str(number), voxels(3, 3, 4), patient=f"P{number // 2}")
    for kind, of_one in (("nifti", 1), ("dicom", 2)):
        folder = tmp_path / kind
        train, held_out = hold_out(list_images(folder, Slices("k")).paths, folder, 0.1)
        learnt, kept = ({int(path.parent.name[0]) // of_one for path in paths} for paths in (train, held_out))
        assert not learnt & kept
        assert len(train) + len(held_out) == 24
        assert len(held_out) == 4 * of_one
    with pytest.raises(ValueError, match="one volume cannot be split"):
        hold_out(train[:4], folder, 0.1)


def test_processes_share_whole_volumes(tmp_path: Path) -> None:
    for number in range(3):
        write_nifti(tmp_path / f"{number}.nii", voxels(3, 3, 4))
    write_image(tmp_path / "x.png", random_pixels(3, 3))
    paths = list_images(tmp_path, Slices("k")).paths
    shares = [shared_out(paths, rank, 2) for rank in range(2)]
    assert sorted([*shares[0], *shares[1]]) == sorted(paths)
    assert [{(volume_of(path) or path).name for path in share} for share in shares] == [
        {"0.nii", "2.nii"},
        {"1.nii", "x.png"},
    ]
