from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from datamodules.public_sets.archives import ArchiveError, unpack

LIMIT = 10_000


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def tarred(path: Path, files: dict[str, bytes], *links: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for link in links:
            archive.addfile(link)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_the_only_folder_of_an_archive_becomes_the_set(tmp_path: Path, pack: type) -> None:
    archive = pack(
        tmp_path / "archive", {"horse2zebra/trainA/1.jpg": b"one", "horse2zebra/trainB/2.jpg": b"2"}
    )
    unpack(archive, tmp_path / "set", largest=LIMIT)
    assert contents(tmp_path / "set") == {"trainA/1.jpg": b"one", "trainB/2.jpg": b"2"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["archive", "set"]


def test_an_archive_without_top_folder_is_the_set_itself(tmp_path: Path) -> None:
    unpack(zipped(tmp_path / "a.zip", {"a.jpg": b"1", "b/c.jpg": b"2"}), tmp_path / "set", largest=LIMIT)
    assert contents(tmp_path / "set") == {"a.jpg": b"1", "b/c.jpg": b"2"}


@pytest.mark.parametrize("pack", [zipped, tarred])
@pytest.mark.parametrize("name", ["../evil", "set/../../evil", "/tmp/evil", "..\\evil", "C:evil"])
def test_no_path_escapes(tmp_path: Path, pack: type, name: str) -> None:
    (tmp_path / "inner").mkdir()
    archive = pack(tmp_path / "archive", {"good.jpg": b"good", name: b"evil"})
    with pytest.raises(ArchiveError, match="leads out of the folder"):
        unpack(archive, tmp_path / "inner" / "set", largest=LIMIT)
    assert list((tmp_path / "inner").iterdir()) == []
    assert not list(tmp_path.rglob("*evil*"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, kind: bytes) -> None:
    link = tarfile.TarInfo("link")
    link.type, link.linkname = kind, "/etc/passwd"
    with pytest.raises(ArchiveError, match="'link' is a link or a device"):
        unpack(tarred(tmp_path / "a.tar.gz", {}, link), tmp_path / "set", largest=LIMIT)
    assert not (tmp_path / "set").exists()


def test_links_in_a_zip_are_refused(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("link")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(ArchiveError, match="'link' is a link"):
        unpack(tmp_path / "a.zip", tmp_path / "set", largest=LIMIT)


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_an_archive_that_swells_is_stopped(tmp_path: Path, pack: type) -> None:
    archive = pack(tmp_path / "archive", {f"{index}.jpg": bytes(4_000) for index in range(3)})
    assert archive.stat().st_size < LIMIT
    with pytest.raises(ArchiveError, match="larger than"):
        unpack(archive, tmp_path / "set", largest=LIMIT)
    assert [path.name for path in tmp_path.iterdir()] == ["archive"]


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_a_damaged_archive_leaves_nothing(tmp_path: Path, pack: type) -> None:
    archive = pack(tmp_path / "archive", {f"{index}.jpg": bytes(range(256)) * 10 for index in range(3)})
    whole = archive.read_bytes()
    archive.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ArchiveError, match="archive: the archive is damaged"):
        unpack(archive, tmp_path / "set", largest=LIMIT)
    assert [path.name for path in tmp_path.iterdir()] == ["archive"]


def test_a_flipped_byte_in_a_zip_is_found(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", {"1.jpg": bytes(range(256)) * 10})
    content = bytearray(archive.read_bytes())
    content[100] ^= 0xFF
    archive.write_bytes(content)
    with pytest.raises(ArchiveError, match="damaged"):
        unpack(archive, tmp_path / "set", largest=LIMIT)


def test_a_folder_that_exists_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    with pytest.raises(FileExistsError, match="exists already"):
        unpack(zipped(tmp_path / "a.zip", {"1.jpg": b"1"}), tmp_path / "set", largest=LIMIT)
