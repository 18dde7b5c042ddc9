"""Every data module of files takes volumes as sets of slices."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.medical import AFFINE, write_nifti, write_series
from support.pictures import Array

from datamodules import (
    CaptionedImages,
    Images,
    MultiDomainImages,
    PairedImages,
    SharpImages,
    UnpairedImages,
)

SHAPE = (8, 8, 3)
CUT: dict[str, Any] = {"slices": "axial", "slice_content": 0, "value_range": [0, 999], "held_out_share": 0.3}


def voxels(seed: int, shape: tuple[int, ...] = SHAPE) -> Array:
    return np.random.default_rng(seed).integers(0, 1000, shape, np.int16)


def fill(folder: Path, *, count: int = 4, shape: tuple[int, ...] = SHAPE) -> str:
    """Write NIfTI volumes, and a DICOM series."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count - 1):
        write_nifti(folder / f"{number}.nii.gz", voxels(number, shape))
    write_series(folder / "series", voxels(99, shape))
    return str(folder)


def unpaired(folder: Path) -> Any:
    return UnpairedImages(folder_A=fill(folder / "A"), folder_B=fill(folder / "B"), size=8, **CUT)


def paired(folder: Path) -> Any:
    return PairedImages(folder_A=fill(folder / "A"), folder_B=fill(folder / "B"), size=8, **CUT)


def images(folder: Path) -> Any:
    fill(folder / "a")
    fill(folder / "b")
    return Images(root=str(folder), labels="folder", size=8, batch_size=2, **CUT)


def many_domains(folder: Path) -> Any:
    for name in ("a", "b"):
        fill(folder / "set" / name)
    return MultiDomainImages(str(folder / "set"), size=8, batch_size=2, **CUT)


def attributes_of_volumes(folder: Path) -> Any:
    root = fill(folder / "set", count=7)
    rows = [f"{number}.nii.gz,{number % 2}" for number in range(6)]
    (folder / "table.csv").write_text("\n".join(["name,Old", *rows, "series,1"]))
    return MultiDomainImages(root, table=str(folder / "table.csv"), size=8, batch_size=2, **CUT)


def sharp(folder: Path) -> Any:
    return SharpImages(folder=fill(folder / "A"), scale=2, size=4, **CUT)


def captioned(folder: Path) -> Any:
    fill(folder)
    rows = [{"image": f"{number}.nii.gz", "caption": f"volume {number}"} for number in range(3)]
    rows += [{"image": f"series/axial-00{number}.slice", "caption": f"slice {number}"} for number in range(3)]
    (folder / "captions.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return CaptionedImages(root=str(folder), size=8, batch_size=2, **CUT)


MODULES: dict[str, Callable[[Path], Any]] = {
    "unpaired": unpaired,
    "paired": paired,
    "classes": images,
    "domains in folders": many_domains,
    "domains by a table": attributes_of_volumes,
    "sharp": sharp,
    "captioned": captioned,
}


@pytest.mark.parametrize("name", MODULES)
def test_a_data_module_takes_slices_of_volumes(tmp_path: Path, name: str) -> None:
    data = MODULES[name](tmp_path)
    for loader in (data.train_dataloader(), data.val_dataloader()):
        assert next(iter(loader)).finish()
    for found in data.found():
        assert found.channels == 1
        assert found.training % 3 == found.held_out % 3 == 0  # whole volumes
        assert found.training + found.held_out in (12, 21)


def test_pairs_are_slices_of_one_place_and_the_first_folder_tells_which(tmp_path: Path) -> None:
    """The CT is a series and the MR a NIfTI file; slices of the MR may show nothing."""
    for name in ("one", "two"):
        stored = voxels(0)
        stored[:, :, 1] = 0
        write_series(tmp_path / "A" / name, stored)
        (tmp_path / "B").mkdir(exist_ok=True)
        affine = np.diag([-0.25, -0.5, 3, 1])  # that of the series
        affine[:3, 3] = [10, 20, 5]
        write_nifti(tmp_path / "B" / f"{name}.nii.gz", 0 * voxels(0), affine=affine)
    data = PairedImages(
        folder_A=str(tmp_path / "A"),
        folder_B=str(tmp_path / "B"),
        size=8,
        **(CUT | {"slice_content": 0.5, "held_out_share": 0.5}),
    )
    names = [name for batch in data.val_dataloader() for name in batch.finish().names]
    assert [name.split("/")[1] for name in names] == ["axial-000.slice", "axial-002.slice"]


def test_pairs_that_lie_differently_are_said(tmp_path: Path) -> None:
    for folder, affine in (("A", AFFINE), ("B", AFFINE + np.eye(4)[:, [3, 0, 1, 2]] * 5)):
        (tmp_path / folder).mkdir()
        for number in range(2):
            write_nifti(tmp_path / folder / f"{number}.nii", voxels(number), affine=affine)
    with pytest.warns(UserWarning, match="lie differently in the body"):
        PairedImages(folder_A=str(tmp_path / "A"), folder_B=str(tmp_path / "B"), size=8, **CUT)


def test_neighbours_are_channels_of_what_is_trained_on(tmp_path: Path) -> None:
    data = UnpairedImages(
        folder_A=fill(tmp_path / "A"), folder_B=fill(tmp_path / "B"), size=8, slice_neighbours=1, **CUT
    )
    assert (data.channels_A, data.channels_B) == (3, 3)
    assert next(iter(data.train_dataloader())).finish().A.shape == (1, 3, 8, 8)


def test_a_damaged_volume_is_named_or_skipped(tmp_path: Path) -> None:
    folder = Path(fill(tmp_path / "A", shape=(8, 8, 30)))
    content = (folder / "0.nii.gz").read_bytes()
    (folder / "0.nii.gz").write_bytes(content[:-60])

    cut = CUT | {"slice_content": 0.1, "held_out_share": 0.01}
    data = Images(folder=str(folder), size=8, **cut)
    with pytest.raises(ValueError, match=r"0.nii.gz/axial-0\d\d.slice: the image is damaged or truncated"):
        list(data.train_dataloader()) + list(data.val_dataloader())
    data = Images(folder=str(folder), size=8, on_bad_image="skip", **cut)
    with pytest.warns(UserWarning, match="30 images were skipped"):
        found = data.found()
    assert found[0].left_out["cannot be read"] == 30
