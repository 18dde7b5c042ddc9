"""A thousand damaged files; with `--damaged 50000` this file reads more."""

from __future__ import annotations

from pathlib import Path

import fuzz_readers
import pytest
from support.sample_files import WRITERS, sample_files

from datamodules.files.readers import FORMATS, format_of, read_header, read_image
from datamodules.files.value_range import ValueRange


def test_each_damaged_file_gives_an_image_or_an_error_with_its_name(pytestconfig: pytest.Config) -> None:
    count = pytestconfig.getoption("damaged")
    outcomes = list(fuzz_readers.fuzz(seed=0, count=count))
    assert [outcome.number for outcome in outcomes] == list(range(count))
    assert [outcome for outcome in outcomes if outcome.fault] == [], fuzz_readers.table(outcomes)
    assert {format_of(Path(outcome.name)) for outcome in outcomes if outcome.result == "image"} == {
        *FORMATS.values()
    }


def test_undamaged_ones_are_of_every_suffix_and_are_read(tmp_path: Path) -> None:
    assert {suffix for suffix in FORMATS if any(name.endswith(suffix) for name in WRITERS)} == {*FORMATS}
    for name, content in sample_files():
        (tmp_path / name).write_bytes(content)
        image = read_image(tmp_path / name, value_range=ValueRange.parse("p0-p100"))
        assert image.shape == read_header(tmp_path / name), name
        assert image.min() < image.max(), name


def test_the_end_of_a_process_is_told_and_the_next_file_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen with readers that end the process over every third file, and never return from every fifth."""
    program = tmp_path / "program.py"
    program.write_text(
        "import os, sys, time\n"
        "start, count = int(sys.argv[2]), int(sys.argv[6])\n"
        "for number in range(start, start + count):\n"
        "    print(number, 'a.png', flush=True)\n"
        "    if number % 3 == 2: os.abort()\n"
        "    if number % 5 == 4: time.sleep(60)\n"
        "    print('image', flush=True)\n"
    )
    monkeypatch.setattr(fuzz_readers, "__file__", str(program))
    results = [outcome.result for outcome in fuzz_readers.fuzz(seed=0, count=7, seconds=1)]
    ended, hung = "the end of the process: status -6", "it takes more than 1 seconds"
    assert results == ["image", "image", ended, "image", hung, ended, "image"]
