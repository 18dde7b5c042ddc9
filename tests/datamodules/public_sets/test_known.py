from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from support.file_server import serving
from support.folders import write_images

from datamodules import Images, MultiDomainImages
from datamodules.paired.module import PairedImages
from datamodules.public_sets.archives import ArchiveError
from datamodules.public_sets.known import CAPTIONED, DOMAINS, PAIRED, UNPAIRED, KnownSet, locate
from datamodules.unpaired.module import UnpairedImages

FOLDERS = {"trainA": 3, "trainB": 3, "testA": 2, "testB": 2}


@pytest.fixture
def archive(tmp_path: Path) -> bytes:
    """Return a zip of a small set of two domains."""
    for name, count in FOLDERS.items():
        write_images(tmp_path / "source" / name, count, (20, 18))
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for path in (tmp_path / "source").rglob("*.jpg"):
            file.write(path, "tiny" / path.relative_to(tmp_path / "source"))
    return content.getvalue()


def test_a_set_is_fetched_unpacked_counted_and_trained_on(
    tmp_path: Path, archive: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(archive) as served:
        monkeypatch.setitem(UNPAIRED, "tiny", KnownSet(served.address, 1, FOLDERS))
        for _ in range(2):  # the second finds it
            data = UnpairedImages(
                name="tiny", data_dir=str(tmp_path / "data"), download=True, size=16, batch_size=3
            )
    assert served.requests == [""]
    assert len(next(iter(data.train_dataloader())).batch.A) == 3
    assert [path.name for path in (tmp_path / "data").iterdir() if path.suffix == ".zip"] == []


def test_a_download_that_breaks_once_is_completed(
    tmp_path: Path, archive: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with serving(archive) as served:
        served.break_after = len(archive) // 2 + 1
        sets = {"tiny": KnownSet(served.address, 1, FOLDERS)}
        assert locate("tiny", sets, tmp_path, fetch=True, without="") == tmp_path / "tiny"
    assert len(served.requests) == 2


def test_a_hostile_archive_leaves_nothing(tmp_path: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr("../../escaped.jpg", b"evil")
    with serving(content.getvalue()) as served:
        sets = {"tiny": KnownSet(served.address, 1)}
        with pytest.raises(ArchiveError, match="leads out of the folder"):
            locate("tiny", sets, tmp_path / "data", fetch=True, without="")
    assert not list(tmp_path.rglob("escaped*"))
    assert not (tmp_path / "data" / "tiny").exists()


def test_an_absent_set_says_where_it_is_and_what_runs_without_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as error:
        UnpairedImages(name="horse2zebra", data_dir=str(tmp_path))
    for part in (
        str(tmp_path / "horse2zebra"),
        "--data.download true",
        "horse2zebra.zip",
        "fit --config cyclegan",
    ):
        assert part in str(error.value)
    with pytest.raises(FileNotFoundError, match="fit --config pix2pix"):
        PairedImages(name="facades", data_dir=str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"afhq\.zip.*fit --config stargan"):
        MultiDomainImages(name="afhq", data_dir=str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"download true\. .*fit --config dcgan"):
        Images(name="celeba", data_dir=str(tmp_path))


def test_the_domains_of_a_set_are_its_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """AFHQ's archive has its folder at the top, and `val` for the images to evaluate on."""
    content = io.BytesIO()
    folders = {"train/cat": 3, "train/dog": 2, "train/wild": 2, "val/cat": 1, "val/dog": 1, "val/wild": 1}
    with zipfile.ZipFile(content, "w") as file:
        for folder, count in folders.items():
            write_images(tmp_path / folder, count, (20, 18))
            for path in (tmp_path / folder).iterdir():
                file.write(path, f"afhq/{folder}/{path.name}")
    with serving(content.getvalue()) as served:
        monkeypatch.setitem(DOMAINS, "afhq", KnownSet(served.address, 1, folders))
        data = MultiDomainImages(name="afhq", data_dir=str(tmp_path / "data"), download=True, size=16)
    assert data.attributes == data.exclusive == [["cat", "dog", "wild"]]
    batch = next(iter(data.val_dataloader())).finish()
    assert sorted(batch.names) == ["cat/0.jpg", "dog/0.jpg", "wild/0.jpg"]
    assert sorted(batch.labels.argmax(1).tolist()) == [0, 1, 2]


def test_wrong_counts_name_the_folder(tmp_path: Path) -> None:
    write_images(tmp_path / "horse2zebra" / "trainA", 2, (20, 18))
    with pytest.raises(ValueError, match=r"trainA: 2 images, and the public set has 1067"):
        UnpairedImages(name="horse2zebra", data_dir=str(tmp_path))


def test_an_unknown_name_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"'horse2zebr' is known.*Did you mean horse2zebra\?"):
        UnpairedImages(name="horse2zebr", data_dir=str(tmp_path))


def test_a_name_and_a_folder_contradict_each_other(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="name and root"):
        UnpairedImages(name="horse2zebra", root=str(tmp_path))


def test_the_table_holds_the_sets_of_the_papers() -> None:
    assert {"horse2zebra", "apple2orange", "maps", "facades", "ae_photos"} <= set(UNPAIRED)
    assert set(PAIRED) == {"facades", "maps", "edges2shoes", "edges2handbags", "night2day"}
    for known in [*UNPAIRED.values(), *PAIRED.values(), *DOMAINS.values(), *CAPTIONED.values()]:
        assert known.address.startswith("http")
        assert known.megabytes > 0
    assert UNPAIRED["facades"].address != PAIRED["facades"].address
