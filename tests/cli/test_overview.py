from __future__ import annotations

from pathlib import Path

import pytest
from support.commands import run, write_toy_config
from support.toys import make_model

from datamodules.found import Found
from datamodules.images.module import Images
from gans.callbacks.duration import as_clock, in_words
from gans.cli.overview import image_lines, memory_lines, model_line, rounded


def test_a_domain_tells_numbers_sizes_and_what_was_left_out() -> None:
    left_out = {"of suffix .svg, which is not read": 3, "hidden": 1}
    found = Found("A", "summer", 1200, 1, left_out, ((64, 48), (640, 480)), 3, "16 bit")
    assert list(image_lines([found])) == [
        "A: 1 200 to train on, 1 held out; 64 x 48 to 640 x 480, 3 channels, 16 bit; summer",
        "A: left out 4 files: 3 of suffix .svg, which is not read; 1 hidden",
    ]


def test_slices_that_are_left_out_are_no_files() -> None:
    left_out = {"hidden": 1, "slices beyond slice_range": 100, "slices without content": 80}
    found = Found("A", "scans", 9, 1, left_out, None, 1, "16 bit")
    assert list(image_lines([found]))[1:] == [
        "A: left out 1 file: 1 hidden",
        "A: left out 180 slices: 100 beyond slice_range; 80 without content",
    ]


def test_images_beyond_the_memory_are_said() -> None:
    data = Images(size=16, cache_gigabytes=1)
    assert list(memory_lines(data)) == []
    assert not data.reading.budget.holds(1000 * 3 * 2048 * 2048)
    [line] = memory_lines(data)
    assert line.startswith("12.6 GB of decoded images are more than data.store_gigabytes (on disk)")


def test_the_models_size_is_said_player_by_player() -> None:
    model = make_model("CycleGAN")
    both = [network for name in "AB" for network in getattr(model, f"discriminator_{name}").parameters()]
    count = sum(parameter.numel() for parameter in both)
    assert model_line(model).startswith("CycleGAN, ")
    assert model_line(model).endswith(f"discriminator {rounded(count)}")


@pytest.mark.parametrize(
    ("count", "words"),
    [(512, "512"), (886_300, "886 thousand"), (1_220_000, "1.2 million"), (28_300_000, "28 million")],
)
def test_numbers_are_said_as_one_says_them(count: int, words: str) -> None:
    assert rounded(count) == words


def test_durations() -> None:
    assert [in_words(seconds) for seconds in (0.2, 60, 600, 7200, 12_000, 198_000)] == [
        "1 second",
        "60 seconds",
        "10 minutes",
        "2 hours",
        "3 hours 20 minutes",
        "2 days 7 hours",
    ]
    assert [as_clock(seconds) for seconds in (5, 720, 12_000)] == ["0:05", "12:00", "3:20:00"]


def test_the_block_stands_before_the_first_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_toy_config(Path("toy.yaml"))
    assert run("fit", "--config", "toy.yaml", "--trainer.max_epochs", 2, "--run", "own") == 0
    lines = capsys.readouterr().out.splitlines()
    first_epoch = next(number for number, line in enumerate(lines) if line.startswith("epoch 1/2"))
    block = "\n".join(lines[:first_epoch])
    for part in ("Images      A: ", "Model       CycleGAN, ", "Training    2 epochs of ", "Run         own"):
        assert part in block
    assert "held-out images are few for fd_lite0 (1 280), kid_lite0 (100)" in block
