from __future__ import annotations

from pathlib import Path

import pytest

from datamodules.captioned.tables import Row, read_lines, read_table


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_jsonl_has_one_caption_or_several_in_a_line(tmp_path: Path) -> None:
    table = write(
        tmp_path / "captions.jsonl",
        '{"image": "a/1.jpg", "caption": " a red bird "}\n\n'
        '{"image": "2.jpg", "caption": ["ein Vogel", "黄色い鳥"], "more": 1}\n',
    )
    assert read_table(table) == [
        Row(1, "a/1.jpg", "a red bird"),
        Row(3, "2.jpg", "ein Vogel"),
        Row(3, "2.jpg", "黄色い鳥"),
    ]


def test_csv_has_a_header_and_quotes(tmp_path: Path) -> None:
    table = write(tmp_path / "captions.csv", '\ufeffcaption,image\n"red, and small",1.jpg\nblue,1.jpg\n')
    assert read_table(table) == [Row(2, "1.jpg", "red, and small"), Row(3, "1.jpg", "blue")]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("c.jsonl", '{"image": "1.jpg", "caption": "x"}\n{"image": "1.jpg",\n', r"line 2 is not JSON"),
        ("c.jsonl", '["1.jpg", "x"]\n', r"c\.jsonl line 1: expected is"),
        ("c.jsonl", '{"image": "1.jpg", "text": "x"}\n', r"c\.jsonl line 1: expected is"),
        ("c.jsonl", '\n{"image": "1.jpg", "caption": "  "}\n', r"line 2: the caption of 1\.jpg is empty"),
        ("c.jsonl", '{"image": "1.jpg", "caption": 3}\n', r"line 1: the caption of 1\.jpg is empty"),
        ("c.jsonl", '{"image": null, "caption": "x"}\n', r"line 1: the name of the image is missing"),
        ("c.jsonl", "\n", r"there are no captions in it"),
        ("c.csv", "file,caption\n1.jpg,x\n", r"c\.csv line 1: expected is a header"),
        ("c.csv", "image,caption\n1.jpg,x\n2.jpg,\n", r"line 3: the caption of 2\.jpg is empty"),
        (
            "c.csv",
            "image,caption\n1.jpg,red, and small\n",
            r"line 2: 3 columns, .* 2, .* \"quotes\"",
        ),
        ("c.txt", "1.jpg x\n", r"captions are read from \.jsonl, \.csv, \.tsv, not from \.txt"),
    ],
)
def test_a_malformed_table_is_refused_by_file_and_line(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        read_table(write(tmp_path / name, text))


def test_a_table_that_is_no_utf8_or_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_bytes(b"image,caption\n1.jpg,caf\xe9\n")
    with pytest.raises(ValueError, match=r"c\.csv line 2 is not UTF-8: it has the byte e9"):
        read_table(tmp_path / "c.csv")
    with pytest.raises(FileNotFoundError, match="no such table"):
        read_table(tmp_path / "none.csv")


def test_text_files_hold_a_caption_in_each_line(tmp_path: Path) -> None:
    assert read_lines(write(tmp_path / "1.txt", "a red bird \n\n a bird\n")) == ["a red bird", "a bird"]
    with pytest.raises(ValueError, match=r"2\.txt: there is no caption in it"):
        read_lines(write(tmp_path / "2.txt", " \n\n"))
