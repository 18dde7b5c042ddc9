from __future__ import annotations

from pathlib import Path

import pytest

from gans.files import cache_folder, clear_partial, errors_naming, written_whole


def fail_halfway(path: Path) -> None:
    with written_whole(path) as file:
        file.write(b"half of the new")
        raise OSError("the disk is full")


def test_a_file_that_could_not_be_finished_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "file"
    with written_whole(path) as file:
        file.write(b"old")
    with pytest.raises(OSError, match="full"):
        fail_halfway(path)
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]


def test_a_full_disk_is_reported_with_the_name_of_the_file() -> None:
    path = Path("table.csv")
    with pytest.raises(OSError, match=r"No space left on device: 'table\.csv'"):  # noqa: SIM117
        with errors_naming(path), Path("/dev/full").open("w") as file:
            file.write("a row")


def test_nobody_sees_half_a_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with written_whole(path) as file:
        file.write(b"half")
        file.flush()
        assert not path.exists()
    assert path.read_bytes() == b"half"


@pytest.mark.parametrize("name", ["n" * 250, "\u00e4" * 125, "n" * 255])
def test_long_names_are_written_and_what_is_left_of_them_is_cleared(tmp_path: Path, name: str) -> None:
    with written_whole(tmp_path / "sub" / name) as file:
        file.write(b"whole")
        (begun,) = (tmp_path / "sub").iterdir()
    assert (tmp_path / "sub" / name).read_bytes() == b"whole"
    others = begun.with_name(f"{begun.name[:-20]}x.1.part")
    for path in (begun, others):
        path.touch()
    clear_partial(tmp_path, [tmp_path / "sub" / name])
    assert {path.name for path in (tmp_path / "sub").iterdir()} == {name, others.name}


def test_the_cache_folder_can_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANS_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("GANS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    assert cache_folder().name == "gans"
