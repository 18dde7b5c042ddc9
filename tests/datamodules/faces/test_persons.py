"""Drawn persons: who is seen stays the same, and the expression is that of the seed."""

from __future__ import annotations

from typing import Any

import pytest

from datamodules import MultiDomainImages, PairedImages, UnpairedImages
from datamodules.faces.faces import FaceSet, draw_faces, face_seeds
from datamodules.faces.persons import PERSONS

STYLES = tuple(PERSONS["person_1"])
FACES: dict[str, Any] = {"faces_count": 3, "test_count": 3, "size": 16, "faces_A": "person_1"}
EXPRESSION = ("eyesVariant", "eyebrowsVariant", "mouthVariant")


def parts(faces: FaceSet, *, expression: bool) -> list[dict[str, str | None]]:
    """Return the attributes of each face that belong to its expression, or those that do not.

    Colours that occur in some expressions alone, such as that of lips, are no choice of a face.
    """
    shared = set.intersection(*(set(each) for each in faces.attributes))
    return [
        {name: each[name] for name in shared if (name in EXPRESSION) == expression}
        for each in faces.attributes
    ]


@pytest.mark.parametrize("style", STYLES)
def test_a_person_stays_and_the_expression_is_that_of_the_seed(style: str) -> None:
    seeds = face_seeds("test", "A", 40)
    one, other = (draw_faces(seeds, 24, style=style, change=person) for person in PERSONS)
    for faces in (one, other):
        (first, *others) = parts(faces, expression=False)
        assert {"hairVariant", "hairColor", "skinColor"} <= first.keys()
        assert [each for each in others if each != first] == []
        assert len({image.tobytes() for image in faces.images}) > 20
    expressions = parts(one, expression=True)
    assert expressions == parts(other, expression=True)
    as_drawn = draw_faces(seeds, 24, style=style)
    assert expressions == parts(as_drawn, expression=True)
    for name in expressions[0]:
        assert len({each[name] for each in expressions}) > 3, name


@pytest.mark.parametrize("style", STYLES)
def test_two_persons_are_told_apart(style: str) -> None:
    seeds = face_seeds("test", "A", 4)
    one, other = (draw_faces(seeds, 48, style=style, change=person) for person in PERSONS)
    (first, *_), (second, *_) = parts(one, expression=False), parts(other, expression=False)
    for name in ("hairVariant", "hairColor", "skinColor"):
        assert first[name] != second[name]
    changed = (one.images != other.images).any(3).mean((1, 2))
    moved = (one.images[1:] != one.images[:-1]).any(3).mean((1, 2))
    assert changed.min() > 2 * moved.max()  # the person makes more of a picture than the expression


def test_the_truth_is_the_other_person_with_the_same_expression() -> None:
    data = UnpairedImages(**FACES, faces_B="person_2")
    (batch,) = [batch.finish() for batch in data.test_dataloader()]
    expected = {
        (person, group): draw_faces(face_seeds("test", group, 3), 16, change=person).images
        for person in PERSONS
        for group in "AB"
    }
    shown = {
        ("person_1", "A"): batch.A,
        ("person_2", "A"): batch.truth_A2B,
        ("person_1", "B"): batch.truth_B2A,
        ("person_2", "B"): batch.B,
    }
    for domain, images in shown.items():
        assert images is not None
        pixels = ((images + 1) * 127.5).round().byte().permute(0, 2, 3, 1)
        assert (pixels.numpy() == expected[domain]).all(), domain


def test_pairs_of_two_persons_are_drawn() -> None:
    batch = PairedImages(**FACES, faces_B="person_2").preview(3)
    assert (batch.input != batch.target).any(1).float().mean() > 0.2


@pytest.mark.parametrize("module", [UnpairedImages, PairedImages])
def test_what_has_no_truth_is_refused(module: Any) -> None:
    with pytest.raises(ValueError, match=r"faces_A: person_1 and faces_B: blond_hair .* person_1, person_2"):
        module(**FACES, faces_B="blond_hair")
    with pytest.raises(ValueError, match=r"'dylan' has too few expressions .*; try adventurer"):
        module(**FACES, faces_B="person_2", faces="dylan")
    with pytest.raises(ValueError, match=r"domain of faces 'person_3'; .*line_drawing, person_1, person_2"):
        module(**FACES, faces_B="person_3")


def test_a_person_is_no_attribute() -> None:
    with pytest.raises(ValueError, match="Unknown attribute of faces 'person_1'"):
        MultiDomainImages(attributes=["person_1", "person_2"], size=16)
