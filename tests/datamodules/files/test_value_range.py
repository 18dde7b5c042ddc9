from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.pictures import write_image

from datamodules.files.readers import ImageError, read_image
from datamodules.files.value_range import ValueRange, from_unit, to_unit


def read(folder: Path, values: Any, value_range: Any = None) -> list[float]:
    np.save(folder / "a.npy", np.atleast_2d(values))
    unit: list[float] = (
        read_image(folder / "a.npy", value_range=ValueRange.parse(value_range)).flatten().tolist()
    )
    return unit


def test_a_window_is_mapped_and_what_lies_beyond_is_clipped(tmp_path: Path) -> None:
    values = np.array([-3000, -1000, -300, 400, 2000], np.int16)
    assert read(tmp_path, values, [-1000, 400]) == [-1, -1, 0, 1, 1]
    assert read(tmp_path, np.array([0.0, np.inf, -np.inf], np.float32), [-1, 1]) == [0, 1, -1]


def test_percentiles_are_those_of_each_image(tmp_path: Path) -> None:
    values = np.arange(101, dtype=np.float32)
    for offset in (0, 500):
        unit = read(tmp_path, values + offset, "p10-p90")
        assert unit[10] == pytest.approx(-1)
        assert unit[50] == pytest.approx(0, abs=1e-6)
        assert (unit[0], unit[100]) == (-1, 1)
    assert read(tmp_path, np.full(4, 7.0), "p1-p99") == [-1] * 4


def test_8_bit_files_take_a_range_too(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.png", np.array([[[0], [50], [100], [200]]], np.uint8))
    image = read_image(path, value_range=ValueRange.parse([0, 100]))
    assert image.flatten().tolist() == [-1, 0, 1, 1]
    assert read_image(path).dtype == np.uint8


@pytest.mark.parametrize(
    "given", [[1], [1, 2, 3], [4, 4], [5, 4], [0, float("nan")], "p1", "1-99", "p99-p1", "p1-p101"]
)
def test_nonsense_is_refused(given: Any) -> None:
    with pytest.raises(ValueError, match="value_range"):
        ValueRange.parse(given)


@pytest.mark.parametrize("value_range", [None, [0, 1], "p1-p99"])
def test_values_that_are_no_numbers_are_refused(tmp_path: Path, value_range: Any) -> None:
    with pytest.raises(ImageError, match=r"a\.npy.*NaN"):
        read(tmp_path, np.array([0.5, np.nan]), value_range)


def test_signed_values_need_a_range(tmp_path: Path) -> None:
    with pytest.raises(
        ImageError, match=r"int16 values from -5 to 9 have no known range.*value_range: \[low"
    ):
        read(tmp_path, np.array([-5, 9], np.int16))


def test_writing_rounds_and_clips() -> None:
    unit = np.array([-2, -1, 0.001, 1, 5, np.nan])
    assert from_unit(unit, (0, 255), np.dtype(np.uint8)).tolist() == [0, 0, 128, 255, 255, 128]
    assert from_unit(unit, (-10, 10), np.dtype(np.float32)).tolist() == pytest.approx(
        [-10, -10, 0.01, 10, 10, 0]
    )
    assert from_unit(np.array([0.0]), (0, 600), np.dtype(np.uint8)).tolist() == [255]  # not 300 - 256
    assert from_unit(to_unit(np.full(2, 7.0), (7, 7)), (7, 7), np.dtype(float)).tolist() == [7, 7]
