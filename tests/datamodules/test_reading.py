from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.pictures import random_pixels, write_folder, write_image
from torch import Tensor

from datamodules import reading as module
from datamodules.files.readers import ImageError, read_image
from datamodules.listing import list_images
from datamodules.reading import ImageFiles, MemoryBudget, MemoryImages, detect_channels, load_images

IMAGE_BYTES = 20 * 20 * 3


def files(folder: Path, channels: int = 3) -> ImageFiles:
    return ImageFiles(folder, list_images(folder).paths, channels, prepare=lambda image: image)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count how often each file is decoded."""
    counts: Counter[str] = Counter()

    def counted(path: Path, *arguments: Any) -> Any:
        counts[path.name] += 1
        return read_image(path, *arguments)

    monkeypatch.setattr(module, "read_image", counted)
    return counts


def test_a_set_that_fits_is_decoded_once_into_one_tensor(tmp_path: Path, reads: Counter[str]) -> None:
    pixels = write_folder(tmp_path, 5)
    budget = MemoryBudget(5 * IMAGE_BYTES / 1e9)
    loaded = load_images(files(tmp_path), budget, "raise")
    assert isinstance(loaded, MemoryImages)
    assert loaded.one_size
    assert budget.left == 0
    for _ in range(2):
        for index, name in enumerate(loaded.names):
            np.testing.assert_array_equal(loaded[index].permute(1, 2, 0).numpy(), pixels[name])
    assert set(reads.values()) == {1}


def test_a_set_beyond_the_budget_is_decoded_on_demand(tmp_path: Path, reads: Counter[str]) -> None:
    pixels = write_folder(tmp_path, 5)
    budget = MemoryBudget((5 * IMAGE_BYTES - 1) / 1e9)
    loaded = load_images(files(tmp_path), budget, "raise")
    assert isinstance(loaded, ImageFiles)
    assert budget.left == 5 * IMAGE_BYTES - 1
    before = reads["003.png"]
    for _ in range(2):
        np.testing.assert_array_equal(loaded[3].permute(1, 2, 0).numpy(), pixels["003.png"])
    assert reads["003.png"] == before + 2


def test_sets_share_the_budget(tmp_path: Path) -> None:
    write_folder(tmp_path, 3)
    budget = MemoryBudget(5 * IMAGE_BYTES / 1e9)
    kinds = [type(load_images(files(tmp_path), budget, "raise")) for _ in range(2)]
    assert kinds == [MemoryImages, ImageFiles]
    assert budget.beyond == 3 * IMAGE_BYTES


def test_no_bar_begins_for_a_set_that_does_not_fit(
    tmp_path: Path, reads: Counter[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("datamodules.progress.QUIET_BELOW", 0)
    write_folder(tmp_path, 3)
    for gigabytes, bytes_beyond in ((2 * IMAGE_BYTES / 1e9, 3 * IMAGE_BYTES), (0, 0)):
        budget = MemoryBudget(gigabytes)
        load_images(files(tmp_path), budget, "raise")
        assert capsys.readouterr().err == ""
        assert budget.beyond == bytes_beyond  # nothing is missed where no cache is wanted
    assert set(reads) == {"000.png"}
    load_images(files(tmp_path), MemoryBudget(1), "raise")
    assert "Reading" in capsys.readouterr().err


def test_images_of_different_sizes_are_kept_too(tmp_path: Path) -> None:
    pixels = write_folder(tmp_path, 2) | {"wide.png": random_pixels(8, 30)}
    write_image(tmp_path / "wide.png", pixels["wide.png"])
    loaded = load_images(files(tmp_path), MemoryBudget(1), "raise")
    assert isinstance(loaded, MemoryImages)
    assert not loaded.one_size
    for index, name in enumerate(loaded.names):
        np.testing.assert_array_equal(loaded[index].permute(1, 2, 0).numpy(), pixels[name])


@pytest.mark.parametrize("gigabytes", [0, 1])
def test_bad_images_are_skipped_counted_and_named(tmp_path: Path, gigabytes: float) -> None:
    pixels = write_folder(tmp_path, 4)
    (tmp_path / "000.png").write_text("no image")
    (tmp_path / "002.png").write_bytes((tmp_path / "002.png").read_bytes()[:400])
    with pytest.warns(UserWarning, match=r"2 images were skipped(.|\n)*000\.png(.|\n)*002\.png") as warned:
        loaded = load_images(files(tmp_path), MemoryBudget(gigabytes), "skip")
    assert len(warned) == 1
    assert list(loaded.names) == ["001.png", "003.png"]
    np.testing.assert_array_equal(loaded[1].permute(1, 2, 0).numpy(), pixels["003.png"])
    with pytest.raises(ImageError, match=r"000\.png"):
        load_images(files(tmp_path), MemoryBudget(gigabytes), "raise")


def test_a_folder_of_bad_images_only_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("no image")
    with pytest.raises(ImageError, match=r"none of 1 images can be used.*a\.png"):
        load_images(files(tmp_path), MemoryBudget(1), "skip")


def test_errors_of_resizing_name_the_file(tmp_path: Path) -> None:
    write_folder(tmp_path, 1)

    def refuse(image: Tensor) -> Tensor:
        raise ValueError("too small")

    with pytest.raises(ImageError, match=r"000\.png: too small"):
        ImageFiles(tmp_path, list_images(tmp_path).paths, 3, refuse)[0]


def test_channels_are_the_most_among_a_few(tmp_path: Path) -> None:
    write_folder(tmp_path, 3, channels=1)
    assert detect_channels(list_images(tmp_path).paths, "raise") == 1
    write_image(tmp_path / "001.png", random_pixels(20, 20, 3))
    assert detect_channels(list_images(tmp_path).paths, "raise") == 3
    (tmp_path / "000.png").write_text("no image")
    assert detect_channels(list_images(tmp_path).paths, "skip") == 3
    with pytest.raises(ImageError, match=r"000\.png"):
        detect_channels(list_images(tmp_path).paths, "raise")
