"""Packed sets show what their folders show, and nothing is believed of a stranger's."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from litdata.streaming.cache import Cache
from PIL import Image
from support.folders import write_images, write_layout
from support.packed import packed, run_pack
from support.pictures import random_pixels, write_deep_png

from datamodules import CaptionedImages, Images, MultiDomainImages, PairedImages, SharpImages, UnpairedImages
from datamodules.files.readers import ImageError, read_image
from datamodules.streaming import chunks as streaming_chunks
from datamodules.streaming.chunks import Chunks, Item
from datamodules.streaming.packed import is_stream


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("folders")
    write_layout(place / "unpaired", "UnpairedImages", 5)
    write_layout(place / "paired", "PairedImages", 4)
    for number, name in enumerate(("cat", "dog")):
        write_images(place / "classes" / name, 7 + number, (20, 18))
    return place


def whole(loader: Any) -> dict[str, torch.Tensor]:
    """Return every image of a loader by its name."""
    shown: dict[str, torch.Tensor] = {}
    for loaded in loader:
        batch = loaded.finish()
        names, images = (batch.names, batch[0]) if hasattr(batch, "names") else (batch.names_A, batch.A)
        shown |= dict(zip(names, images, strict=True))
    return shown


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_classes_are_streamed_as_their_folder_shows_them(folders: Path, tmp_path: Path) -> None:
    root = packed(folders / "classes", tmp_path / "out", "Images", "--data.labels", "folder")
    plain = Images(root=str(folders / "classes"), labels="folder", size=16, batch_size=4)
    data = Images(root=root, labels="folder", size=16, batch_size=4)
    assert data.class_names == plain.class_names == ["cat", "dog"]
    assert same(whole(data.once("test")), whole(plain.once("test")))
    assert same(whole(data.once("train")), whole(plain.once("train")))
    batch = next(iter(data.train_dataloader())).finish()
    assert batch.labels.tolist() == [name.startswith("dog") for name in batch.names]
    assert data.preview(2).labels is not None
    (found,) = data.found()
    assert (found.training, found.held_out, found.channels) == (13, 2, 3)
    assert Images(root=root, size=16).classes == 0


def test_two_domains_are_streamed_as_their_folder_shows_them(folders: Path, tmp_path: Path) -> None:
    root = packed(folders / "unpaired", tmp_path / "out", "UnpairedImages")
    plain = UnpairedImages(root=str(folders / "unpaired"), size=16, batch_size=2)
    data = UnpairedImages(root=root, size=16, batch_size=2)
    assert same(whole(data.val_dataloader()), whole(plain.val_dataloader()))
    loader = data.train_dataloader()
    seen = []
    for epoch in range(5):
        loader.sampler.set_epoch(epoch)
        seen += [batch.finish() for batch in loader]
    assert {name for batch in seen for name in batch.names_A} == {f"{i}.jpg" for i in range(5)}
    assert {batch.A.shape for batch in seen} == {(2, 3, 16, 16)}
    assert len({pair for batch in seen for pair in zip(batch.names_A, batch.names_B, strict=True)}) > 5
    assert [each.training for each in data.found()] == [5, 5]


@pytest.mark.parametrize("direction", ["A2B", "B2A"])
@pytest.mark.parametrize("apart", [False, True])
def test_pairs_are_streamed_as_their_folder_shows_them(
    folders: Path, tmp_path: Path, direction: Any, apart: bool
) -> None:
    folder = folders / ("unpaired" if apart else "paired")
    root = packed(folder, tmp_path / "out", "PairedImages", items=2)
    plain, data = (
        PairedImages(root=str(each), direction=direction, size=16, batch_size=2) for each in (folder, root)
    )
    for one, other in (
        (plain.val_dataloader(), data.val_dataloader()),
        (plain.test_dataloader(), data.test_dataloader()),
    ):
        assert same(whole(one), whole(other))
    target = {name: row for each in data.test_dataloader() for name, row in _targets(each)}
    assert same(target, {name: row for each in plain.test_dataloader() for name, row in _targets(each)})
    assert next(iter(data.train_dataloader())).finish()[0].shape == (2, 3, 16, 16)
    assert [each.name for each in data.found()] == ["A", "B"]


def _targets(loaded: Any) -> Any:
    batch = loaded.finish()
    return zip(batch.names, batch[1], strict=True)


def test_files_stay_what_they_are_or_become_png_without_loss(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    deep = np.random.default_rng(0).integers(0, 65536, (40, 30, 3), dtype=np.uint16)
    write_deep_png(folder / "a.png", deep)
    Image.fromarray(random_pixels(40, 30)).save(folder / "b.tif")
    Image.fromarray(random_pixels(12, 10)).save(folder / "c.jpg")
    items = {item.name: item for item in _items(packed(folder, tmp_path / "whole", "Images"))}
    assert sorted(items) == ["a.png", "b.tif.png", "c.jpg"]
    assert items["a.png"].image == (folder / "a.png").read_bytes()
    assert items["c.jpg"].image == (folder / "c.jpg").read_bytes()
    (tmp_path / "b.png").write_bytes(items["b.tif.png"].image)
    assert np.array_equal(read_image(tmp_path / "b.png"), read_image(folder / "b.tif"))
    small = {item.name: item for item in _items(packed(folder, tmp_path / "small", "Images", "--side", 15))}
    assert sorted(small) == ["a.png.png", "b.tif.png", "c.jpg"]
    (tmp_path / "a.png").write_bytes(small["a.png.png"].image)
    assert read_image(tmp_path / "a.png").shape == (20, 15, 3)
    assert read_image(tmp_path / "a.png").dtype == np.float32


def _items(root: str) -> list[Item]:
    return [part[index] for part in _parts(root) for index in range(len(part))]


def _parts(root: str) -> list[Chunks]:
    return [Chunks(f"{root}/{part}", 1) for part in ("train", "test")]


def test_a_damaged_image_is_refused_or_left_out(
    folders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_images(tmp_path / "in", 4, (20, 18))
    (tmp_path / "in" / "2.jpg").write_bytes(b"\xff\xd8\xff and nothing")
    arguments = tmp_path / "in", tmp_path / "out", "--data.held_out_share", 0.3
    assert run_pack(*arguments) == 1
    assert "2.jpg" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]  # nothing half written
    with pytest.warns(UserWarning, match=r"1 images were left out:\n.*2\.jpg"):
        assert run_pack(*arguments, "--skip_bad") == 0
    assert "items" in capsys.readouterr().out
    assert sum(map(len, _parts(str(tmp_path / "out")))) == 3
    assert run_pack(*arguments) == 1
    assert "is there already" in capsys.readouterr().err


def test_what_is_not_streamed_is_refused_with_the_reason(
    folders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "5.npy", np.zeros((8, 8), np.float32))
    os.link(tmp_path / "5.npy", tmp_path / "6.npy")
    assert run_pack(tmp_path, tmp_path.parent / "no") == 1
    assert "1 channels of float32 are not streamed" in capsys.readouterr().err
    assert run_pack(folders / "unpaired", tmp_path / "no", "--data", "MultiDomainImages") == 1
    assert "MultiDomainImages is not streamed" in capsys.readouterr().err
    root = packed(folders / "unpaired", tmp_path / "out", "UnpairedImages")
    for data in (CaptionedImages, MultiDomainImages, SharpImages):
        with pytest.raises(ValueError, match=f"is a packed set, and {data.__name__} is not streamed"):
            data(root=root)
    with pytest.raises(ValueError, match="was packed for UnpairedImages and is no set of PairedImages"):
        PairedImages(root=root)
    with pytest.raises(ValueError, match="zoom_and_crop is for single pictures"):
        UnpairedImages(root=root, preprocess="zoom_and_crop")
    for argument, value in (("slices", "axial"), ("max_images", 3), ("held_out_share", 0.2)):
        with pytest.raises(ValueError, match=f"{argument}: {value} is decided when a set is packed"):
            UnpairedImages(root=root, **{argument: value})


@pytest.mark.parametrize(
    ("name", "match"),
    [("0.tar", "holds WebDataset tars, which are not read"), ("a.parquet", "holds Parquet files")],
)
def test_shards_of_other_programs_are_refused(tmp_path: Path, name: str, match: str) -> None:
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(ValueError, match=match):
        is_stream(str(tmp_path))
    with pytest.raises(ValueError, match=r"hf://a/b is no address that is streamed; s3:// and gs:// are"):
        is_stream("hf://a/b")


class Executed:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (os.mkdir, (str(self.path),))


def test_a_strangers_chunks_execute_nothing(folders: Path, tmp_path: Path) -> None:
    root = Path(packed(folders / "unpaired", tmp_path / "out", "UnpairedImages"))
    for part in ("trainA", "testA"):
        for file in (root / part).iterdir():
            file.unlink()
        writer = Cache(str(root / part), chunk_bytes=10_000)
        for index in range(5):
            writer[index] = [Executed(tmp_path / "executed"), b"", b"{}"]
        writer.done()
        writer.merge(1)
    assert b"pickle" in (root / "trainA" / "index.json").read_bytes()
    with pytest.raises(ValueError, match=r"these are no chunks of gans\.tools\.pack"):
        UnpairedImages(root=str(root), size=16).train_dataloader()
    assert not (tmp_path / "executed").exists()
    pickle.loads(pickle.dumps(Executed(tmp_path / "executed")))
    assert (tmp_path / "executed").exists()  # so it would have been


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"data_format": ["pickle", "bytes", "bytes"]}, "its items are"),
        ({"compression": "zstd"}, "compressed or encrypted"),
        ({"filename": "../../chunk-0-0.bin"}, "no chunk is called"),
        ({"chunk_size": 0}, "a chunk is empty"),
        ({"data_spec": '[1, {"type": "collections.namedtuple"}]'}, "its items are"),
    ],
)
def test_an_index_that_says_anything_else_is_refused(
    folders: Path, tmp_path: Path, change: dict[str, Any], match: str
) -> None:
    root = Path(packed(folders / "classes", tmp_path / "out", "Images"))
    index = root / "train" / "index.json"
    said = json.loads(index.read_text())
    for key, value in change.items():
        (said["chunks"][0] if key in said["chunks"][0] else said["config"])[key] = value
    index.write_text(json.dumps(said))
    with pytest.raises(ValueError, match=match):
        Chunks(str(root / "train"), 1)


def test_a_damaged_or_missing_chunk_is_named(folders: Path, tmp_path: Path) -> None:
    root = Path(packed(folders / "classes", tmp_path / "out", "Images"))
    file = root / "train" / "chunk-0-0.bin"
    content = file.read_bytes()
    file.write_bytes(content[:40] + bytes(len(content) - 40))
    with pytest.raises(ImageError, match=r"train/chunk-0-0\.bin: item 0 cannot be read"):
        Chunks(str(root / "train"), 1)[0]
    file.unlink()
    with pytest.raises(FileNotFoundError, match="is missing: copy the whole packed set anew"):
        Chunks(str(root / "train"), 1)[0]


def test_chunks_of_a_store_are_fetched_once_and_make_room(
    folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store is a folder by another name: nothing is downloaded in tests."""
    monkeypatch.setenv("GANS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(streaming_chunks, "LANES", 2)
    root = packed(folders / "classes", tmp_path / "out", "Images", items=1)
    local = Chunks(f"{root}/train", 1)
    sizes = [path.stat().st_size for path in Path(root, "train").glob("*.bin")]
    with pytest.raises(ValueError, match=r"store_gigabytes: 1e-06 is less than"):
        Chunks(f"local:{root}/train", 1e-6)
    remote = Chunks(f"local:{root}/train", 3 * max(sizes) / 1e9)
    for _ in range(2):
        assert [remote[index] for index in range(len(remote))] == [
            local[index] for index in range(len(local))
        ]
    kept = list(remote.folder.glob("*.bin"))
    assert 1 < len(kept) <= 3
    assert len(sizes) > 8
