"""The phantom: bodies that differ, in two contrasts of one place, and errors that are right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from benchmarks import phantom

tools: Any = nibabel


def loaded(path: Path) -> Any:
    return tools.load(path)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(phantom, "SHAPE", (20, 16, 10))
    assert phantom.main(["write", str(tmp_path), "--train", "2", "--test", "2"]) == 0
    return tmp_path


def test_contrasts_lie_alike_and_are_stored_along_other_axes(folder: Path) -> None:
    names = {place.name: [path.name for path in sorted(place.iterdir())] for place in folder.iterdir()}
    assert not set(names["trainA"]) & set(names["trainB"])
    assert names["testA"] == names["testB"] == names["truth_A2B"]
    for name in names["testA"]:
        A, B = (loaded(folder / place / name) for place in ("testA", "testB"))
        assert tools.aff2axcodes(A.affine) == ("L", "A", "S")
        assert tools.aff2axcodes(B.affine) == ("P", "I", "R")
        inside = phantom.read(folder / "testA" / name) > phantom.SKIN
        bright = phantom.read(folder / "testB" / name) > 60
        assert (inside == bright).mean() > 0.98
    first, second = (phantom.read(folder / "testA" / name) for name in names["testA"])
    assert abs(first - second).mean() > 20


def test_errors_are_those_to_the_truth(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = folder / "made"
    made.mkdir()
    for path in (folder / "truth_A2B").iterdir():
        image = loaded(path)
        tools.Nifti1Image(image.get_fdata() + 5, image.affine).to_filename(made / path.name)
    errors = {name: (inside, everywhere) for name, inside, everywhere in phantom.compare(folder, made)}
    assert errors["prediction"] == pytest.approx((5, 5))
    assert errors["doing nothing"][0] > 10 * errors["the best curve"][0] > 0
    assert phantom.main(["compare", str(folder), str(made)]) == 0
    assert "| prediction | 5.0 | 5.0 |" in capsys.readouterr().out


def test_the_same_bodies_are_drawn_again() -> None:
    for one, other in zip(phantom.contrasts(3), phantom.contrasts(3), strict=True):
        np.testing.assert_array_equal(one, other)
