"""Decoded images on disk: the same as without, decoded once, for everybody, and never in the way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.medical import write_nifti
from support.pictures import random_pixels, write_folder, write_image
from torch import Tensor

from datamodules import Images, MultiDomainImages, PairedImages, SharpImages, UnpairedImages, image_store
from datamodules import reading as reading_module
from datamodules.base import ImageDataModule
from datamodules.disk import cache_folder
from datamodules.files.readers import ImageError, read_image
from datamodules.files.value_range import ValueRange
from datamodules.fingerprint import NamelessError, fingerprint
from datamodules.image_store import ImageStore
from datamodules.listing import list_images
from datamodules.reading import ImageFiles, MemoryBudget, MemoryImages, load_images
from datamodules.slices import Slices
from datamodules.transforms import Preprocess, unchanged

BYTES = 20 * 20 * 3


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test a cache folder of its own, in which few images are worth a place."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("GANS_CACHE", str(folder))
    monkeypatch.setattr(image_store, "WORTH_STORING", 1)
    return folder / "decoded"


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count how often each file is decoded."""
    counts: Counter[str] = Counter()

    def counted(path: Path, *arguments: Any) -> Any:
        counts[path.name] += 1
        return read_image(path, *arguments)

    monkeypatch.setattr(reading_module, "read_image", counted)
    return counts


def files(folder: Path, prepare: Callable[[Tensor], Tensor] = unchanged) -> ImageFiles:
    return ImageFiles(folder, list_images(folder).paths, 3, prepare)


def stored(given: ImageFiles, gigabytes: float = 1, on_bad: Any = "raise") -> MemoryImages:
    loaded = load_images(given, MemoryBudget(0), on_bad, ImageStore(gigabytes))
    assert isinstance(loaded, MemoryImages)
    return loaded


def equal(loaded: MemoryImages, expected: ImageFiles) -> bool:
    same_images = (torch.equal(loaded[index], expected[index]) for index in range(len(expected)))
    return list(loaded.names) == list(expected.names) and all(same_images)


def test_a_second_start_decodes_one_image(tmp_path: Path, reads: Counter[str], cache: Path) -> None:
    write_folder(tmp_path, 5)
    first = stored(files(tmp_path))
    reads.clear()
    second = stored(files(tmp_path))
    assert reads == {"000.png": 1}
    assert first.one_size
    assert second.one_size
    assert equal(first, files(tmp_path))
    assert equal(second, files(tmp_path))
    assert {path.suffix for path in cache.iterdir()} == {".json", ".pixels", ".lock"}


def test_images_of_many_sizes_and_depths_come_back(tmp_path: Path) -> None:
    write_folder(tmp_path, 2)
    np.save(tmp_path / "deep.npy", random_pixels(7, 9).astype(np.float32) / 255)
    write_image(tmp_path / "wide.png", random_pixels(5, 31))
    for _ in range(2):
        loaded = stored(files(tmp_path))
        assert not loaded.one_size
        assert loaded[2].dtype == torch.float32
        assert equal(loaded, files(tmp_path))


def test_what_is_read_into_memory_is_not_written_to_files(tmp_path: Path) -> None:
    write_folder(tmp_path, 2)
    stored(files(tmp_path))[0].zero_()
    assert equal(stored(files(tmp_path)), files(tmp_path))


def test_bad_images_are_told_at_every_start(tmp_path: Path, reads: Counter[str]) -> None:
    write_folder(tmp_path, 4)
    (tmp_path / "002.png").write_text("no image")
    for _ in range(2):
        with pytest.warns(UserWarning, match=r"1 images were skipped(.|\n)*002\.png"):
            loaded = stored(files(tmp_path), on_bad="skip")
        assert list(loaded.names) == ["000.png", "001.png", "003.png"]
    assert reads["003.png"] == 1
    with pytest.raises(ImageError, match=r"002\.png"):
        stored(files(tmp_path))


def test_no_set_is_stored_of_which_an_image_is_bad(tmp_path: Path, cache: Path) -> None:
    write_folder(tmp_path, 4)
    (tmp_path / "002.png").write_text("no image")
    with pytest.raises(ImageError, match=r"002\.png"):
        stored(files(tmp_path))
    assert [path.suffix for path in cache.iterdir()] == [".lock"]


def change_time(folder: Path, given: ImageFiles) -> ImageFiles:
    os.utime(folder / "001.png", ns=(0, 1))
    return given


def change_size(folder: Path, given: ImageFiles) -> ImageFiles:
    path, times = folder / "001.png", (folder / "001.png").stat()
    path.write_bytes(path.read_bytes() + b"\0")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    return given


CHANGES: dict[str, Callable[[Path, ImageFiles], ImageFiles]] = {
    "time": change_time,
    "size": change_size,
    "fewer": lambda _, given: replace(given, paths=given.paths[:-1]),
    "channels": lambda _, given: replace(given, channels=1),
    "range": lambda _, given: replace(given, value_range=ValueRange((0, 100))),
    "preprocessing": lambda _, given: replace(given, prepare=Preprocess(size=16).for_evaluation),
}


@pytest.mark.parametrize("change", CHANGES)
def test_everything_that_changes_a_pixel_is_another_set(tmp_path: Path, change: str) -> None:
    write_folder(tmp_path, 3)
    given = replace(files(tmp_path), prepare=Preprocess(size=8).for_evaluation)
    before = fingerprint(given)
    assert before == fingerprint(replace(given))
    changed = CHANGES[change](tmp_path, given)
    assert fingerprint(changed) != before
    stored(given)
    assert equal(stored(changed), changed)


def test_versions_of_readers_make_another_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = fingerprint([])
    monkeypatch.setattr("datamodules.fingerprint.version", lambda package: "2" * (package == "pillow"))
    assert fingerprint([]) != before


def test_a_changed_volume_makes_another_set_of_slices(tmp_path: Path) -> None:
    volume = write_nifti(tmp_path / "brain.nii.gz", np.zeros((4, 5, 6), np.int16))
    slices = list_images(tmp_path, Slices("axial")).paths
    before = fingerprint(slices)
    assert len(slices) == 6
    assert fingerprint(slices) == before != fingerprint(slices[:5])
    cut = (Slices("coronal"), Slices("axial", neighbours=1), Slices("axial", (1, 5)), Slices("k"))
    assert len({before, *(fingerprint(list_images(tmp_path, each).paths) for each in cut)}) == 5
    os.utime(volume, ns=(0, 1))
    assert fingerprint(slices) != before


def test_relative_paths_are_those_of_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        found.append(fingerprint(Path("x.png")))
    assert found[0] != found[1]


def test_what_has_no_name_is_kept_in_memory(tmp_path: Path, cache: Path) -> None:
    write_folder(tmp_path, 2)
    nameless = files(tmp_path, lambda image: image)
    with pytest.raises(NamelessError):
        fingerprint([partial(unchanged), nameless])
    assert isinstance(load_images(nameless, MemoryBudget(1), "raise", ImageStore(1)), MemoryImages)
    assert not cache.exists()


def damage_index(cache: Path) -> None:
    (path,) = cache.glob("*.json")
    path.write_text('{"runs": [[0, 1')


def shorten_pixels(cache: Path) -> None:
    (path,) = cache.glob("*.pixels")
    path.write_bytes(path.read_bytes()[:-1])


def change_first(cache: Path) -> None:
    """As where this project's code changes, and nobody has said so in `READING_CODE`."""
    (path,) = cache.glob("*.pixels")
    path.write_bytes(bytes(len(path.read_bytes())))


@pytest.mark.parametrize("harm", [damage_index, shorten_pixels, change_first])
def test_a_damaged_set_is_decoded_anew(tmp_path: Path, cache: Path, harm: Callable[[Path], None]) -> None:
    write_folder(tmp_path, 3)
    stored(files(tmp_path))
    harm(cache)
    assert equal(stored(files(tmp_path)), files(tmp_path))
    (index,) = cache.glob("*.json")
    assert json.loads(index.read_text())["runs"]


def test_a_set_that_is_too_large_or_too_small_is_not_stored(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_folder(tmp_path, 3)
    for gigabytes, least in ((0, 1), (3 * BYTES / 1e9 - 1e-9, 1), (1, 3 * BYTES + 1)):
        monkeypatch.setattr(image_store, "WORTH_STORING", least)
        budget = MemoryBudget(1e-9)
        assert isinstance(load_images(files(tmp_path), budget, "raise", ImageStore(gigabytes)), ImageFiles)
        assert budget.beyond == 3 * BYTES
        assert not cache.exists()


def test_old_sets_make_room(tmp_path: Path, cache: Path, reads: Counter[str]) -> None:
    folders = [tmp_path / name for name in ("a", "b", "c")]
    for folder in folders:
        write_folder(folder, 3)
    room = (3 * 3 * BYTES - 1) / 1e9  # less than three
    stored(files(folders[0]), room)
    stored(files(folders[1]), room)
    for index in cache.glob("*"):
        os.utime(index, (time.time() - 100,) * 2)
    kept = stored(files(folders[0]), room)  # now it is the newest
    stored(files(folders[2]), room)
    assert len(list(cache.glob("*.pixels"))) == 2
    reads.clear()
    stored(files(folders[0]), room)
    assert sum(reads.values()) == 1
    for path in cache.glob("*"):
        os.utime(path, (0, 0))
    stored(files(folders[1]))
    assert len(list(cache.glob("*.pixels"))) == 1
    assert equal(kept, files(folders[0]))  # who reads a removed one still has it


def test_what_a_killed_process_left_is_removed(tmp_path: Path, cache: Path) -> None:
    write_folder(tmp_path, 3)
    cache.mkdir()
    left = cache / f".{fingerprint(files(tmp_path))}.pixels.4000000.part"
    left.write_bytes(b"half")
    stored(files(tmp_path))
    assert not left.exists()


def full(*_: Any) -> Any:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("where", ["before", "while"])
def test_a_full_disk_is_told_and_the_set_read_all_the_same(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    write_folder(tmp_path, 3)
    if where == "before":
        monkeypatch.setattr("shutil.disk_usage", lambda _: type("", (), {"free": 5})())
    else:
        monkeypatch.setattr(image_store, "_write_runs", full)
    with pytest.warns(UserWarning, match=r"decoded: decoded images are not stored there.*GANS_CACHE") as told:
        loaded = load_images(files(tmp_path), MemoryBudget(1), "raise", ImageStore(1))
    assert len(told) == 1
    assert isinstance(loaded, MemoryImages)
    assert equal(loaded, files(tmp_path))
    assert [path.suffix for path in cache.iterdir()] == [".lock"]


PROCESS = """
import sys
from pathlib import Path
from datamodules import image_store, reading
from datamodules.listing import list_images
from datamodules.transforms import unchanged
image_store.WORTH_STORING = 1
count = 0
read = reading.read_image
def counted(*arguments):
    global count
    count += 1
    return read(*arguments)
reading.read_image = counted
folder = Path(sys.argv[1])
files = reading.ImageFiles(folder, list_images(folder).paths, 3, unchanged)
images = reading.load_images(files, reading.MemoryBudget(0), "raise", image_store.ImageStore(1))
print(count, int(images.images.long().sum()))
"""


def test_of_two_processes_one_decodes(tmp_path: Path) -> None:
    pixels = write_folder(tmp_path, 30)
    command = [sys.executable, "-c", PROCESS, str(tmp_path)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = sorted(process.communicate()[0].split() for process in running)
    total = str(sum(int(image.astype(np.int64).sum()) for image in pixels.values()))
    # Each decodes the first image to know what to ask for; who waited, no other.
    assert answers == [["1", total], ["30", total]]


def modules(folder: Path) -> Iterator[tuple[str, Callable[..., ImageDataModule]]]:
    for name in ("trainA", "trainB", "testA", "testB"):
        write_folder(folder / "two" / name, 4)
    for name in ("train/x", "train/y", "test/x", "test/y"):
        write_folder(folder / "classes" / name, 4)
    two, classes = str(folder / "two"), str(folder / "classes")
    yield "images", partial(Images, root=classes, labels="folder", size=8, batch_size=2)
    yield "unpaired", partial(UnpairedImages, root=two, size=8)
    yield "paired", partial(PairedImages, root=two, size=8)
    yield "edges", partial(PairedImages, folder=f"{two}/trainA", task="edges", size=8)
    yield "domains", partial(MultiDomainImages, root=classes, size=8, batch_size=2)
    yield "sharp", partial(SharpImages, folder=f"{two}/trainA", size=8, scale=2)


def test_every_data_module_deals_out_the_same_with_a_store_and_without(tmp_path: Path, cache: Path) -> None:
    for name, made in modules(tmp_path):
        before = len(list(cache.glob("*.pixels"))) if cache.exists() else 0
        kinds = []
        for gigabytes in (0, 1, 1):
            data = made(store_gigabytes=gigabytes)
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                batches = [batch.finish() for loader in loaders(data) for batch in loader]
            kinds.append(batches)
        assert len(list(cache.glob("*.pixels"))) > before, name
        for without, first, second in zip(*kinds, strict=True):
            assert same(without, first), name
            assert same(without, second), name


def loaders(data: ImageDataModule) -> Iterator[Any]:
    yield data.train_dataloader()
    yield data.val_dataloader()


def same(one: Any, other: Any) -> bool:
    return all(
        torch.equal(*pair) if isinstance(pair[0], Tensor) else pair[0] == pair[1]
        for pair in zip(one, other, strict=True)
    )


def test_the_cache_is_the_project_s(cache: Path) -> None:
    assert cache.parent == cache_folder()
