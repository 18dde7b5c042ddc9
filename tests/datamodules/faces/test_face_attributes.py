from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from datamodules.faces.attributes import ATTRIBUTES, EXCLUSIVE, attribute_labels, draw_with_labels
from datamodules.faces.faces import face_seeds

HAIR = EXCLUSIVE["hair"]
SEEDS = face_seeds("test", "attributes", 4)


def one_hot(column: int, names: tuple[str, ...], count: int = len(SEEDS)) -> Any:
    return np.eye(len(names))[[column] * count]


@pytest.mark.parametrize("names", [ATTRIBUTES, ("glasses", "blond_hair", "black_hair")])
def test_labels_are_one_of_each_group_and_about_half_of_the_others(names: tuple[str, ...]) -> None:
    labels = attribute_labels(face_seeds("train", "images", 600), names)
    assert labels.dtype == np.float32
    assert labels.shape == (600, len(names))
    for members in EXCLUSIVE.values():
        columns = [names.index(name) for name in members if name in names]
        if columns:
            assert (labels[:, columns].sum(1) == 1).all()
            assert np.abs(labels[:, columns].mean(0) - 1 / len(columns)).max() < 0.06
    assert abs(labels[:, names.index("glasses")].mean() - 0.5) < 0.06


def test_labels_depend_on_the_seed_alone() -> None:
    seeds = face_seeds("train", "images", 40)
    labels = attribute_labels(seeds, ATTRIBUTES)
    np.testing.assert_array_equal(attribute_labels(seeds[::-1], ATTRIBUTES), labels[::-1])
    np.testing.assert_array_equal(attribute_labels(seeds, HAIR), labels[:, : len(HAIR)])
    assert len({tuple(row) for row in labels}) > 10


@pytest.mark.parametrize(
    ("group", "colours"),
    [("hair", [[0x0E, 0x0E, 0x0E], [0xF5, 0xD7, 0x6E]]), ("skin", [[0xF2, 0xD3, 0xB1], [0x9E, 0x56, 0x22]])],
)
def test_a_colour_changes_nothing_but_itself(group: str, colours: list[list[int]]) -> None:
    """Wherever something changes, a share of the one colour (at edges, less than 1) gave way to the other."""
    names = EXCLUSIVE[group]
    columns = {"hair": (0, 2), "skin": (0, 1)}[group]
    one, other = (draw_with_labels(SEEDS, 64, names, one_hot(column, names)) for column in columns)
    step = np.subtract(colours[1], colours[0])
    change = other.astype(int) - one
    share = change @ step / (step @ step)
    assert (share > 0.99).mean((1, 2)).min() > 0.02
    assert np.abs(change - share[..., None] * step).max() <= 4
    assert share.min() > -0.02
    assert share.max() < 1.02


def test_glasses_leave_hair_and_chin_alone() -> None:
    without, glasses = (draw_with_labels(SEEDS, 64, ["glasses"], np.full((4, 1), label)) for label in (0, 1))
    changed = (without != glasses).any(3)
    assert changed.any((1, 2)).all()
    assert not changed[:, :20].any()
    assert not changed[:, 52:].any()


def test_long_hair_is_more_hair() -> None:
    names, seeds = (*HAIR, "long_hair"), face_seeds("test", "attributes", 12)
    red = np.tile([0, 0, 0, 1], (12, 1))
    short, long = (
        draw_with_labels(seeds, 32, names, np.concatenate([red, np.full((12, 1), label)], axis=1))
        for label in (0, 1)
    )
    areas = [(faces == [0xC0, 0x39, 0x2B]).all(3).mean() for faces in (short, long)]
    assert areas[1] > 1.3 * areas[0] > 0


def test_attributes_join_in_one_face() -> None:
    """Glasses on or off, the hair has the asked colour; each row its own."""
    names = ("glasses", *HAIR)
    labels = np.concatenate([np.array([[0], [1], [0], [1]]), np.eye(4)], axis=1)
    faces = draw_with_labels([SEEDS[0]] * 4, 64, names, labels)
    colours = [[0x0E, 0x0E, 0x0E], [0x7A, 0x4A, 0x21], [0xF5, 0xD7, 0x6E], [0xC0, 0x39, 0x2B]]
    for face, colour in zip(faces, colours, strict=True):
        assert (face == colour).all(2).mean() > 0.02
    alone = draw_with_labels([SEEDS[0]], 64, HAIR, np.eye(4)[:1])
    np.testing.assert_array_equal(draw_with_labels([SEEDS[0]], 64, names, labels[:1]), alone)


@pytest.mark.parametrize(
    ("names", "labels", "style", "message"),
    [
        (["hat"], np.ones((4, 1)), "adventurer", r"attribute of faces 'hat'.*black_hair.*glasses"),
        (["glasses", "glasses"], np.ones((4, 2)), "adventurer", "named twice"),
        (["black_hair"], np.ones((4, 1)), "adventurer", r"'black_hair' needs another.*brown_hair"),
        (HAIR, np.ones((4, 4)), "adventurer", r"exactly one of black_hair.*row 0 has 4"),
        (HAIR, np.zeros((4, 4)), "adventurer", r"row 0 has 0"),
        (["glasses"], np.ones((3, 1)), "adventurer", r"are \(4, 1\), not \(3, 1\)"),
        (["glasses"], np.full((4, 1), 0.5), "adventurer", "0 or 1"),
        (["glasses"], np.ones((4, 1)), "dylan", "'dylan' cannot show attribute 'glasses'"),
        (["long_hair"], np.ones((4, 1)), "lorelei", "'lorelei' cannot show attribute 'long_hair'"),
        (["glasses"], np.ones((4, 1)), "manga", "style of faces 'manga'"),
    ],
)
def test_mistakes_are_named(names: Any, labels: Any, style: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        draw_with_labels(SEEDS, 16, names, labels, style)
