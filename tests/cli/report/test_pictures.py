from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.told_runs import write_run

from gans.cli.report import pictures
from gans.cli.report.history import history_of
from gans.cli.report.pictures import Album, encoded, moments_of


def noise(folder: Path, grids: list[str], edge: int) -> None:
    for seed, grid in enumerate(grids):
        pixels = np.random.default_rng(seed).integers(0, 256, (edge, edge, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{grid}.png")


def test_moments_come_in_the_order_of_the_training(tmp_path: Path) -> None:
    rows = [{"epoch": 0, "step": 62}, {"epoch": 1, "step": 124}]
    grids = ["A2B_epoch-0000", "A2B_epoch-0001", "B2A_epoch-0001", "A2B_step-0000064", "A2B_epoch-0003"]
    run = write_run(tmp_path / "run", rows, grids)
    (run / "samples" / "notes.png").touch()
    moments = moments_of(run / "samples", history_of([{k: str(v) for k, v in row.items()} for row in rows]))
    said = [(moment.label, moment.step, list(moment.files)) for moment in moments]
    assert said == [
        ("epoch 0", 0, ["A2B"]),
        ("epoch 1", 62, ["A2B", "B2A"]),
        ("step 64", 64, ["A2B"]),
        ("epoch 3", 124, ["A2B"]),
    ]


def test_pictures_are_scaled_down_and_say_what_they_are(tmp_path: Path) -> None:
    Image.new("RGB", (300, 100), "red").save(tmp_path / "grid.png")
    head, _, text = encoded(tmp_path / "grid.png", 150).partition(",")
    assert head == "data:image/webp;base64"
    with Image.open(io.BytesIO(base64.b64decode(text))) as picture:
        assert (picture.format, picture.size) == ("WEBP", (150, 50))


def test_all_moments_are_shown_where_there_is_room(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", grids=[f"A2B_epoch-{i:04d}" for i in range(9)])
    chosen = Album().choose(moments_of(run / "samples", history_of([])), 1_000_000)
    assert [moment.label for moment, _ in chosen] == [f"epoch {i}" for i in range(9)]


@pytest.mark.parametrize("room", [150_000, 40_000, 3_000])
def test_old_moments_make_way_and_the_first_and_last_stay(tmp_path: Path, room: int) -> None:
    grids = [f"A2B_epoch-{i:04d}" for i in range(20)]
    run = write_run(tmp_path / "run")
    noise(run / "samples", grids, edge=128)
    chosen = Album().choose(moments_of(run / "samples", history_of([])), room)
    assert 2 <= len(chosen) < 20
    assert (chosen[0][0].label, chosen[-1][0].label) == ("epoch 0", "epoch 19")
    size = sum(len(page) for _, pages in chosen for page in pages.values())
    assert size <= room or len(chosen) == 2
    assert size > room / 5 or len(chosen) == 2


def test_grids_too_large_for_any_room_are_scaled_down(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    noise(run / "samples", ["A2B_epoch-0001", "A2B_epoch-0002"], edge=1000)
    chosen = Album().choose(moments_of(run / "samples", history_of([])), 300_000)
    assert sum(len(page) for _, pages in chosen for page in pages.values()) <= 300_000
    assert len(chosen) == 2


def test_a_picture_is_encoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, album = write_run(tmp_path / "run", grids=["A2B_epoch-0001"]), Album()
    made: list[Path] = []

    def noted(file: Path, edge: int) -> str:
        made.append(file)
        return f"data:,{len(made)}"

    monkeypatch.setattr(pictures, "encoded", noted)
    for count in (1, 1, 2):
        Image.new("RGB", (8, 8)).save(run / "samples" / f"A2B_epoch-{count + 1:04d}.png")
        album.choose(moments_of(run / "samples", history_of([])), 1000)
    names = [file.name for file in made]
    assert len(names) == 3 + 1  # the second one was written twice
    assert names.count("A2B_epoch-0001.png") == 1


def test_what_is_no_picture_is_left_out(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", grids=["A2B_epoch-0001"])
    (run / "samples" / "A2B_epoch-0002.png").write_bytes(b"half a fi")
    chosen = Album().choose(moments_of(run / "samples", history_of([])), 1_000_000)
    assert [list(pages) for _, pages in chosen] == [["A2B"], []]
