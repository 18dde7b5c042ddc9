from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from support.file_server import FileServer, serving

from datamodules.public_sets.download import ATTEMPTS, DownloadError, download

CONTENT = np.random.default_rng(0).bytes(3_000_000)
CHECKSUM = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


def fetch(
    served: FileServer, target: Path, checksum: str | None = CHECKSUM, largest: int = 4_000_000
) -> list[int]:
    """Download and return the attempts that were waited for."""
    waited: list[int] = []
    download(served.address, target, checksum=checksum, largest=largest, pause=waited.append)
    return waited


def test_a_file_arrives_whole(tmp_path: Path) -> None:
    with serving(CONTENT) as served:
        assert fetch(served, tmp_path / "new" / "file.zip") == []
    assert (tmp_path / "new" / "file.zip").read_bytes() == CONTENT
    assert served.requests == [""]
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["file.zip"]


def test_a_broken_download_asks_for_the_rest_only(tmp_path: Path) -> None:
    with serving(CONTENT) as served:
        served.break_after = 1_000_000
        assert fetch(served, tmp_path / "file.zip") == [1, 2]
    assert (tmp_path / "file.zip").read_bytes() == CONTENT
    assert served.requests == ["", "bytes=1000000-", "bytes=2000000-"]


def test_another_call_goes_on_where_the_last_one_gave_up(tmp_path: Path) -> None:
    target = tmp_path / "file.zip"
    with serving(CONTENT) as served:
        served.break_after = 100_000
        with pytest.raises(DownloadError, match=r"ended after \d+ of 3000000 bytes.*goes on from there"):
            fetch(served, target)
        assert not target.exists()
        assert len(served.requests) == ATTEMPTS
        served.break_after = None
        fetch(served, target)
        assert served.requests[-1] == f"bytes={ATTEMPTS * 100_000}-"
    assert target.read_bytes() == CONTENT


def test_a_server_without_ranges_sends_the_file_anew(tmp_path: Path) -> None:
    (tmp_path / "file.zip.part").write_bytes(CONTENT[:1_000_000])
    with serving(CONTENT) as served:
        served.ranges = False
        fetch(served, tmp_path / "file.zip")
    assert (tmp_path / "file.zip").read_bytes() == CONTENT


def test_a_part_that_is_longer_than_the_file_is_thrown_away(tmp_path: Path) -> None:
    (tmp_path / "file.zip.part").write_bytes(CONTENT + b"more")
    with serving(CONTENT) as served:
        assert fetch(served, tmp_path / "file.zip") == [1]
    assert (tmp_path / "file.zip").read_bytes() == CONTENT


def test_a_length_that_promises_too_much_counts_as_broken(tmp_path: Path) -> None:
    with serving(CONTENT) as served:
        served.claimed_length = 3_500_000
        with pytest.raises(DownloadError, match="ended after 3000000 of 3500000 bytes"):
            fetch(served, tmp_path / "file.zip")
    assert not (tmp_path / "file.zip").exists()


def test_a_length_that_promises_too_little_is_found_by_the_checksum(tmp_path: Path) -> None:
    with serving(CONTENT) as served:
        served.claimed_length = 1_000_000
        with pytest.raises(DownloadError, match="checksum is"):
            fetch(served, tmp_path / "file.zip")
    assert list(tmp_path.iterdir()) == []


def test_what_is_too_large_is_refused_by_its_length_and_by_its_bytes(tmp_path: Path) -> None:
    with serving(CONTENT) as served:
        with pytest.raises(DownloadError, match=r"over 0\.0 GB"):
            fetch(served, tmp_path / "file.zip", largest=2_000_000)
        served.claimed_length = 1  # what comes after it is never read
        with pytest.raises(DownloadError, match="checksum"):
            fetch(served, tmp_path / "file.zip", largest=2_000_000)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_is_not_asked_for_again(tmp_path: Path) -> None:
    with serving(CONTENT) as served:
        served.status = 404
        with pytest.raises(DownloadError, match=r"file\.zip: the server answered 404"):
            fetch(served, tmp_path / "file.zip")
    assert len(served.requests) == 1


def test_a_busy_server_is_asked_again(tmp_path: Path) -> None:
    with serving(CONTENT) as served:
        served.status = 503
        with pytest.raises(DownloadError, match="503"):
            fetch(served, tmp_path / "file.zip")
    assert len(served.requests) == ATTEMPTS


def test_no_server_is_told_plainly(tmp_path: Path) -> None:
    with serving(CONTENT) as served:
        pass
    with pytest.raises(DownloadError, match="refused"):
        fetch(served, tmp_path / "file.zip")
