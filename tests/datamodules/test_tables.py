"""Tables as spreadsheets and people write them: read right, or refused by file and line."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from datamodules.captioned.tables import Row
from datamodules.captioned.tables import read_table as read_captions
from datamodules.multi_domain.tables import read_table as read_attributes
from datamodules.tables import Line, entry_of, read_rows, read_text

ROWS = [
    Line(1, ["image", "caption"]),
    Line(2, ["a/1.jpg", "ein r\u00f6tlicher Vogel, sitzend"]),
    Line(3, ["2.jpg", 'der "Kauz"; eine Eule']),
]
QUOTED = (
    'image,caption\na/1.jpg,"ein r\u00f6tlicher Vogel, sitzend"\n2.jpg,"der ""Kauz""; eine Eule"\n',
    'image;caption\na/1.jpg;ein r\u00f6tlicher Vogel, sitzend\n2.jpg;"der ""Kauz""; eine Eule"\n',
    'image\tcaption\na/1.jpg\tein r\u00f6tlicher Vogel, sitzend\n2.jpg\tder "Kauz"; eine Eule\n',
    ' image ; caption \n"a/1.jpg" ; ein r\u00f6tlicher Vogel, sitzend \n 2.jpg; "der ""Kauz""; eine Eule" \n',
    'image;caption;\n"a/1.jpg";"ein r\u00f6tlicher Vogel, sitzend";;\n2.jpg;"der ""Kauz""; eine Eule"\n;;\n',
)


@pytest.mark.parametrize("text", QUOTED)
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-16-le", "utf-32"])
def test_tables_are_read_whoever_saved_them(tmp_path: Path, text: str, ends: str, encoding: str) -> None:
    (tmp_path / "table.csv").write_bytes(text.replace("\n", ends).encode(encoding))
    assert list(read_rows(tmp_path / "table.csv")) == ROWS


def test_marked_utf_16_of_either_order_is_read(tmp_path: Path) -> None:
    for mark, encoding in ((codecs.BOM_UTF16_BE, "utf-16-be"), (codecs.BOM_UTF16_LE, "utf-16-le")):
        (tmp_path / "t.txt").write_bytes(mark + "\u00f6\r\nb".encode(encoding))
        assert read_text(tmp_path / "t.txt") == "\u00f6\nb"


def test_excels_note_about_the_separator_is_taken(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("sep=;\r\nimage;caption, in German\r\n1.jpg;eins\r\n", newline="")
    assert list(read_rows(tmp_path / "t.csv")) == [
        Line(2, ["image", "caption, in German"]),
        Line(3, ["1.jpg", "eins"]),
    ]


def test_quoted_fields_may_hold_lines_and_the_next_row_keeps_its_number(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('image,caption\n1.jpg,"two\nlines"\n\n2.jpg,one\n')
    assert list(read_rows(tmp_path / "t.csv"))[1:] == [
        Line(2, ["1.jpg", "two\nlines"]),
        Line(5, ["2.jpg", "one"]),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "image,caption\n1.jpg,a\n2.jpg,caf\u00e9\n".encode("latin-1"),
            r"t\.csv line 3 is not UTF-8: .*byte e9",
        ),
        (b"\xff\xfei\0m\0", r"t\.csv line 1: expected is a header"),
        (b"\xff\xfei\0m\0\n\0a", r"t\.csv line 2 is not UTF-16"),
        (b'image,caption\n1.jpg,"open\n2.jpg,b\n', r"t\.csv line 2: unexpected end of data"),
        (b'image;caption\n1.jpg;"a" b;\n', r"t\.csv line 2: .*Close or double the quotes"),
        (b"image\tcaption\n1.jpg\ta\tb\n", r"t\.csv line 2: 3 columns, and the header has 2, parted by tab"),
        (b"image;caption\n1.jpg\n", r"t\.csv line 2: 1 columns, and the header has 2"),
    ],
)
def test_what_cannot_be_read_is_refused_by_file_and_line(
    tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_captions(tmp_path / "t.csv")


def test_captions_in_any_separator_and_order(tmp_path: Path) -> None:
    (tmp_path / "c.tsv").write_text("Caption\tImage\nred, and small\t 1.jpg \n", encoding="utf-16")
    assert read_captions(tmp_path / "c.tsv") == [Row(2, "1.jpg", "red, and small")]
    (tmp_path / "c.jsonl").write_text('{"image": "1.jpg", "caption": "x\u2028y"}\r\n', encoding="utf-16")
    assert read_captions(tmp_path / "c.jsonl") == [Row(1, "1.jpg", "x\u2028y")]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_attributes_in_semicolons_with_padded_names(tmp_path: Path, encoding: str) -> None:
    text = "file; smiling ;hat\r\n e\u0301.png ;1; 0\r\n.\\a\\b.png;-1;1\r\n"
    (tmp_path / "t.csv").write_bytes(text.encode(encoding))
    names, rows = read_attributes(tmp_path / "t.csv", None)
    assert names == ["smiling", "hat"]
    assert rows == {"\u00e9.png": [1, 0], "a/b.png": [0, 1]}


def test_celebas_list_of_another_system_is_read(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_bytes("2\r\nBald Hut\r\n1.jpg 1 -1\r\n2.jpg -1 1\r\n".encode("utf-16"))
    assert read_attributes(tmp_path / "list.txt", ["Hut"]) == (["Hut"], {"1.jpg": [0], "2.jpg": [1]})


def test_a_repeated_row_is_one_and_a_contradiction_is_named(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("file,a,b\n1.png,1,0\n2.png,0,1\n1.png,1,0\n", encoding="utf-8")
    assert read_attributes(table, None)[1] == {"1.png": [1, 0], "2.png": [0, 1]}
    table.write_text("file,a,b\n1.png,1,0\n2.png,0,1\n./1.png,1,1\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"t\.csv line 4: \./1\.png has other values than in line 2"):
        read_attributes(table, None)
    assert read_attributes(table, ["a"])[1] == {"1.png": [1], "2.png": [0]}


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("file,a,a\n1.png,1,0\n")
    with pytest.raises(ValueError, match=r"t\.csv line 1: the attribute 'a' has two columns"):
        read_attributes(tmp_path / "t.csv", None)


def test_names_of_files_are_one_however_they_are_written() -> None:
    written = ("./a/\u00e9.jpg", "a//e\u0301.jpg", ".\\a\\\u00e9.jpg", " a/\u00e9.jpg ")
    assert {entry_of(name) for name in written} == {"a/\u00e9.jpg"}
