from __future__ import annotations

from pathlib import Path

import pytest

from datamodules.multi_domain.tables import read_table

CELEBA = """2
Bald Black_Hair Male
000001.jpg -1  1 -1
000002.jpg  1 -1  1
"""
CSV = """file,smiling,"hat, red"
a/one picture.png,1,0
b.png,-1,1

"""


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_celebas_list(tmp_path: Path) -> None:
    path = written(tmp_path, "list_attr_celeba.txt", CELEBA)
    names, rows = read_table(path, ["Male", "Black_Hair"])
    assert names == ["Male", "Black_Hair"]
    assert rows == {"000001.jpg": [0, 1], "000002.jpg": [1, 0]}
    assert read_table(path, None)[0] == ["Bald", "Black_Hair", "Male"]


def test_csv_with_a_header(tmp_path: Path) -> None:
    names, rows = read_table(written(tmp_path, "some.csv", CSV), None)
    assert names == ["smiling", "hat, red"]
    assert rows == {"a/one picture.png": [1, 0], "b.png": [0, 1]}


def test_an_unknown_attribute_is_named_with_the_nearest_one(tmp_path: Path) -> None:
    path = written(tmp_path, "list.txt", CELEBA)
    with pytest.raises(ValueError, match=r"list\.txt has no attribute Black_Har\. Did you mean Black_Hair\?"):
        read_table(path, ["Black_Har"])
    with pytest.raises(ValueError, match="It has Bald, Black_Hair, Male"):
        read_table(path, ["Young"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,a,b\nx.png,1\n", "line 2: 2 columns, and the header has 3"),
        ("file,a,b\nx.png,1,maybe\n", "line 2: b is 'maybe'; it is 1, or 0 or -1"),
        ("file,a,b\n", "no rows"),
        ("", "the table is empty"),
    ],
)
def test_a_damaged_table_is_explained(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_table(written(tmp_path, "some.csv", text), None)


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"table: .*nothing\.csv is no file"):
        read_table(tmp_path / "nothing.csv", None)
