from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datamodules.faces import drawing, faces
from datamodules.faces.drawing import Drawing, draw, draw_all, style_definition
from datamodules.faces.faces import CHANGES, STYLES, draw_faces, face_seeds, haired_variants, shows_hair

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Use an empty cache."""
    monkeypatch.setenv("GANS_CACHE", str(tmp_path))
    return tmp_path / "faces"


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note how many faces each call really draws."""
    counts: list[int] = []

    def counted(style: str, size: int, options: Sequence[Any], what: str) -> list[Drawing]:
        counts.append(len(options))
        return draw_all(style, size, options, what)

    monkeypatch.setattr(faces, "draw_all", counted)
    return counts


def test_black_and_blond_differ_in_the_hair_alone() -> None:
    seeds = face_seeds("test", "A", 8)
    black = draw_faces(seeds, 48, change="black_hair", haired=True)
    blond = draw_faces(seeds, 48, change="blond_hair", haired=True)
    for one, other, attributes in zip(black.images, blond.images, blond.attributes, strict=True):
        bald = draw("adventurer", 48, {"seed": "", "hairProbability": 0}).pixels
        assert bald.shape == one.shape
        changed = (one != other).any(2)
        assert changed.any()
        core = (other == [0xF5, 0xD7, 0x6E]).all(2)  # inside the hair, away from its blended edges
        assert core.any()
        assert (one[core] == [0x0E, 0x0E, 0x0E]).all()
        # whatever changed goes from dark to light: no other part of the face moved or took another colour
        assert (other[changed].astype(int) >= one[changed]).all()
        assert attributes["hairColor"] == "#f5d76e"
    same = [{k: v for k, v in a.items() if k != "hairColor"} for a in black.attributes]
    assert same == [{k: v for k, v in a.items() if k != "hairColor"} for a in blond.attributes]


@pytest.mark.parametrize("style", STYLES)
def test_no_head_is_bald_where_hair_is_the_domain(style: str) -> None:
    """Every cut that may occur shows the colour of the hair."""
    for cut in haired_variants(style):
        black, blond = (
            draw(style, 32, {"seed": "1", "hairVariant": [cut], "hairColor": [colour]}).pixels
            for colour in ("0e0e0e", "f5d76e")
        )
        assert (black != blond).any(2).mean() > 0.005, cut


def test_bald_cuts_exist_and_are_left_out() -> None:
    assert set(style_definition("adventurer")["components"]["hair"]["variants"]) - {"short19"} == set(
        haired_variants("adventurer")
    )
    assert shows_hair("black_hair")
    assert not shows_hair("glasses")
    assert not shows_hair("line_drawing")


def test_attributes_tell_what_is_seen() -> None:
    seeds = face_seeds("test", "A", 6)
    without = draw_faces(seeds, 24, change="no_glasses")
    glasses = draw_faces(seeds, 24, change="glasses")
    assert all(attributes["glassesVariant"] is None for attributes in without.attributes)
    assert all(attributes["glassesVariant"] for attributes in glasses.attributes)
    assert (without.images != glasses.images).any((1, 2, 3)).all()
    for one, other in zip(without.attributes, glasses.attributes, strict=True):
        assert one["hairVariant"] == other["hairVariant"]


def test_a_line_drawing_has_the_lines_of_its_face() -> None:
    seeds = face_seeds("test", "A", 4)
    lines = draw_faces(seeds, 48, change="line_drawing").images.astype(int)
    colour = draw_faces(seeds, 48, change="blond_hair").images.astype(int)
    assert (lines >= colour - 1).all()  # only made lighter
    assert np.ptp(lines, axis=3).mean() < 0.3 * np.ptp(colour, axis=3).mean()  # and nearly without colour


def test_splits_and_domains_share_no_face() -> None:
    sets = [face_seeds(split, group, 50) for split in ("train", "test") for group in "AB"]
    assert len({seed for seeds in sets for seed in seeds}) == 200
    assert face_seeds("train", "A", 60)[:50] == sets[0]
    images = [image.tobytes() for seeds in sets for image in draw_faces(seeds[:20], 24).images]
    assert len(set(images)) == 80


def test_a_set_is_drawn_once(cache: Path, drawn: list[int]) -> None:
    seeds = face_seeds("train", "A", 3)
    first, second = draw_faces(seeds, 16), draw_faces(seeds, 16)
    assert drawn == [3]
    np.testing.assert_array_equal(first.images, second.images)
    assert first.attributes == second.attributes
    assert [path.suffix for path in cache.iterdir()] == [".npz"]  # no temporary file is left


def test_whatever_changes_a_pixel_changes_the_file(
    cache: Path, drawn: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds = face_seeds("train", "A", 2)
    draw_faces(seeds, 16)
    draw_faces(seeds, 17)
    draw_faces(seeds[:1], 16)
    draw_faces(seeds, 16, style="dylan")
    draw_faces(seeds, 16, change="red_hair")
    draw_faces(seeds, 16, haired=True)
    monkeypatch.setattr(faces, "version", lambda package: "99")
    draw_faces(seeds, 16)
    monkeypatch.setattr(faces, "DRAWING_CODE", faces.DRAWING_CODE + 1)
    draw_faces(seeds, 16)
    assert len(drawn) == len(list(cache.iterdir())) == 8


@pytest.mark.parametrize("damage", ["truncated", "garbage", "empty", "other arrays"])
def test_a_damaged_file_is_drawn_anew(cache: Path, drawn: list[int], damage: str) -> None:
    seeds = face_seeds("train", "A", 2)
    intact = draw_faces(seeds, 16)
    (path,) = cache.iterdir()
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:-40])
    elif damage == "other arrays":
        np.savez(path, images=np.zeros((2, 8, 8, 3), np.uint8), attributes=np.array("[{}, {}]"))
    else:
        path.write_bytes(b"" if damage == "empty" else b"no faces here")
    np.testing.assert_array_equal(draw_faces(seeds, 16).images, intact.images)
    draw_faces(seeds, 16)
    assert drawn == [2, 2]


def test_faces_are_drawn_where_nothing_can_be_cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("GANS_CACHE", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="not cached"):
        assert draw_faces(face_seeds("train", "A", 1), 16).images.shape == (1, 16, 16, 3)


def test_processes_draw_the_same_and_do_not_disturb_each_other(cache: Path) -> None:
    """Two processes draw one set at the same time."""
    script = (
        "from datamodules.faces.faces import draw_faces, face_seeds\n"
        "print(int(draw_faces(face_seeds('train', 'A', 10), 16).images.sum()))\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=REPOSITORY)
        for _ in range(2)
    ]
    sums = {int(process.communicate(timeout=60)[0]) for process in running}
    (path,) = cache.iterdir()
    path.unlink()
    here = draw_faces(face_seeds("train", "A", 10), 16)
    assert sums == {int(here.images.sum())}


def test_the_order_survives_several_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    options = [{"seed": str(i)} for i in range(11)]
    expected = [draw("adventurer", 12, one) for one in options]
    monkeypatch.setattr(drawing, "FACES_PER_PROCESS", 4)
    monkeypatch.setattr(drawing, "_cores", lambda: 2)
    for face, there in zip(expected, draw_all("adventurer", 12, options, "faces"), strict=True):
        np.testing.assert_array_equal(face.pixels, there.pixels)
        assert face.attributes == there.attributes


def test_a_drawing_process_that_dies_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "FACES_PER_PROCESS", 4)
    monkeypatch.setattr(drawing, "_cores", lambda: 2)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(RuntimeError, match="ended early with status 1"):
        draw_all("adventurer", 12, [{"seed": str(i)} for i in range(8)], "faces")


def test_unknown_styles_and_domains_list_the_known() -> None:
    with pytest.raises(ValueError, match=r"style of faces 'avataaars'.*adventurer.*toon-head"):
        draw_faces(["1"], 16, style="avataaars")
    with pytest.raises(ValueError, match=r"domain of faces 'green'.*black_hair"):
        draw_faces(["1"], 16, change="green")
    with pytest.raises(ValueError, match=r"'dylan' draws nothing that domain 'glasses'"):
        draw_faces(["1"], 16, style="dylan", change="glasses")


def test_every_domain_changes_the_default_style() -> None:
    seed = face_seeds("test", "A", 1)
    different = {draw_faces(seed, 24, change=change).images.tobytes() for change in CHANGES}
    assert len(different) >= len(CHANGES) - 1  # this face may wear no glasses as drawn


@pytest.mark.parametrize("style", STYLES)
def test_styles_are_free_and_credited(style: str) -> None:
    meta = style_definition(style)["meta"]
    licence = meta["license"]["name"]
    assert licence in ("CC0 1.0", "CC BY 4.0")
    notice = (REPOSITORY / "NOTICE").read_text()
    entry = notice[notice.index(f"\n{style}\n") :].split("\n")[2:4]
    assert entry[0].endswith(f'"{meta["source"]["name"]}" by {meta["creator"]["name"]}, {licence}')
    assert entry[1].strip() == meta["source"]["url"]
